"""The sandbox's acquirer of `suya dev`: its keys and its port, as a child beside the others."""

import base64
import secrets
from pathlib import Path

import msgspec

from app.base.settings import Settings
from app.devkit.dev.ports import find_port
from app.devkit.stack import write_secret

_PORT_OFFSET = 10  # from the api's port: 8010 beside 8000
_KEY_BYTES = 24
_SECRET_BYTES = 32  # within what Standard Webhooks asks for, 24 to 64


class _Keys(msgspec.Struct, frozen=True):
    """What the api, the worker and the acquirer share; kept in `<home>/acquirer.json`."""

    key: str
    notification_secret: str


class DevAcquirer:
    """Where the acquirer of a home is, and what it and its callers are told."""

    def __init__(self, settings: Settings, host: str) -> None:
        self.settings = settings
        self.host = host
        self.port = find_port(settings, "acquirer_port", _PORT_OFFSET)
        self._keys = _find_or_make_keys(settings.home / "acquirer.json")

    @property
    def url(self) -> str:
        """Its address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def for_callers(self) -> dict[str, str]:
        """What the api and the worker are told."""
        return {
            "SUYA_ACQUIRER_URL": self.url,
            "SUYA_ACQUIRER_KEY": self._keys.key,
            "SUYA_ACQUIRER_NOTIFICATION_SECRET": self._keys.notification_secret,
        }

    def for_itself(self, api_url: str) -> dict[str, str]:
        """What only the acquirer is told: its port, and where it rings."""
        return self.for_callers() | {
            "SUYA_ACQUIRER_HOST": self.settings.host,
            "SUYA_ACQUIRER_PORT": str(self.port),
            "SUYA_ACQUIRER_NOTIFY_URL": f"{api_url}/v1/notifications/acquirer",
        }


def _find_or_make_keys(path: Path) -> _Keys:
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=_Keys)
    secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    keys = _Keys(f"aq_{secrets.token_hex(_KEY_BYTES)}", f"whsec_{secret}")
    write_secret(path, msgspec.json.encode(keys).decode())
    return keys
