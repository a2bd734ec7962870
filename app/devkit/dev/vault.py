"""The vault of `suya dev`: its keys, its port, its database, as a child beside the others."""

import secrets
from pathlib import Path

import msgspec

from app.base.settings import Settings
from app.devkit.dev.ports import find_port
from app.devkit.dev.schema import migrate
from app.devkit.stack import write_secret
from app.engine.database.history import VAULT
from app.vault import vault_database_url

_PORT_OFFSET = 20  # from the api's port: 8020 beside 8000, and another one beside any other
_KEY_BYTES = 24


class _Keys(msgspec.Struct, frozen=True):
    """What the api, the worker and the vault share; kept in `<home>/vault.json`."""

    client_key: str
    api_key: str
    processor_key: str


class DevVault:
    """Where the vault of a home is, and what it and its callers are told."""

    def __init__(self, settings: Settings, host: str, acquirer_url: str) -> None:
        self.settings = settings
        self.host = host
        self.acquirer_url = acquirer_url
        self.port = find_port(settings, "vault_port", _PORT_OFFSET)
        self._keys = _find_or_make_keys(settings.home / "vault.json")
        self._master_key_file = settings.home / "vault.key"
        if not self._master_key_file.exists():
            from app.vault import new_master_key  # noqa: PLC0415 - once in a home's life

            write_secret(self._master_key_file, new_master_key())

    @property
    def url(self) -> str:
        """Its address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def for_callers(self) -> dict[str, str]:
        """What the api and the worker are told."""
        return {
            "SUYA_VAULT_URL": self.url,
            "SUYA_VAULT_CLIENT_KEY": self._keys.client_key,
            "SUYA_VAULT_API_KEY": self._keys.api_key,
            "SUYA_VAULT_PROCESSOR_KEY": self._keys.processor_key,
        }

    def for_itself(self) -> dict[str, str]:
        """What only the vault is told: its master key, and whom it may send numbers to."""
        return self.for_callers() | {
            "SUYA_VAULT_PORT": str(self.port),
            "SUYA_VAULT_MASTER_KEY_FILE": str(self._master_key_file),
            "SUYA_VAULT_ALLOWED_URLS": self.acquirer_url,
        }

    def migrate(self) -> list[str]:
        """Bring its database to this version; tells what was applied."""
        return migrate(vault_database_url(self.settings), VAULT)


def _find_or_make_keys(path: Path) -> _Keys:
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=_Keys)
    keys = _Keys(*(f"vk_{secrets.token_hex(_KEY_BYTES)}" for _ in range(3)))
    write_secret(path, msgspec.json.encode(keys).decode())
    return keys
