"""The settings of `suya dev`'s acquirer and vault: their ports, and keys that stay with a home."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from app.base.settings import Settings
from app.devkit.dev.ports import find_port
from app.devkit.stack import new_acquirer_keys, new_vault_keys, write_secret

_ACQUIRER_OFFSET = 10  # from the api's port: 8010 beside 8000
_VAULT_OFFSET = 20  # from the api's port: 8020 beside 8000


def acquirer_settings(settings: Settings) -> dict[str, str]:
    """The settings of the sandbox's acquirer; its keys are in `<home>/acquirer.json`."""
    port = find_port(settings, "acquirer_port", _ACQUIRER_OFFSET)
    keys = _kept(settings.home / "acquirer.json", "acquirer", new_acquirer_keys)
    return keys | {"acquirer_port": str(port), "acquirer_host": settings.host}


def vault_settings(settings: Settings) -> dict[str, str]:
    """The settings of the vault but for processors; its keys are in `<home>/vault.json`."""
    port = find_port(settings, "vault_port", _VAULT_OFFSET)
    keys = _kept(settings.home / "vault.json", "vault", new_vault_keys)
    return keys | {"vault_port": str(port)}


def _kept(path: Path, area: str, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The keys in a file, which is made if it is missing; their names there lack the area."""
    if not path.exists():
        made = {name.removeprefix(f"{area}_"): key for name, key in make().items()}
        write_secret(path, msgspec.json.encode(made).decode())
    kept = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    return {f"{area}_{name}": key for name, key in kept.items()}
