"""The outside of a run: an acquirer and a vault of its own, and the cards that it pays with."""

import base64
import secrets
from pathlib import Path
from typing import Any, Final

from app.base import ids
from app.base.publishable import publishable_key
from app.devkit.chaos.model import Acquirer, Authorization
from app.devkit.chaos.processes import Service, free_port, suya, wait_until
from app.devkit.stack import Caller
from app.engine.database import migrations
from app.vault import new_master_key

_CARDS: Final = {"approved": "4242424242424242", "declined": "4000000000000002"}
"""What becomes of a card -> a test card of the sandbox."""

_QUICK: Final = {
    "SUYA_PROCESSOR_TIMEOUT_MS": "3000",
    "SUYA_PROCESSOR_PAUSE_MS": "1000",
    "SUYA_SAGA_BACKOFF_MS": "500,1000,2000,4000",
    "SUYA_SAGA_LEASE_MS": "10000",
    "SUYA_RESUME_INTERVAL_MS": "200",
}
"""Outcomes are unknown after seconds and resolved within seconds: a run has no day for it."""

_PAGE = 1_000  # the most that the acquirer gives at once
_KEY_BYTES = 24


class Rails:
    """The two processes; what they are told, and what they can be asked."""

    def __init__(self, vault_database_url: str, folder: Path) -> None:
        """Choose ports and keys; nothing runs yet."""
        self._folder = folder
        self._vault_database_url = vault_database_url
        self._acquirer_port, self._vault_port = free_port(), free_port()
        self._acquirer_key = secrets.token_hex(_KEY_BYTES)
        self._client_key = secrets.token_hex(_KEY_BYTES)
        self._notification_secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self._vault_keys = {
            "SUYA_VAULT_CLIENT_KEY": self._client_key,
            "SUYA_VAULT_API_KEY": secrets.token_hex(_KEY_BYTES),
            "SUYA_VAULT_PROCESSOR_KEY": secrets.token_hex(_KEY_BYTES),
        }
        self._acquirer: Service | None = None
        self._vault: Service | None = None

    def for_callers(self) -> dict[str, str]:
        """What an api and a worker are told."""
        return {
            "SUYA_ACQUIRER_URL": _url(self._acquirer_port),
            "SUYA_ACQUIRER_KEY": self._acquirer_key,
            "SUYA_ACQUIRER_NOTIFICATION_SECRET": self._notification_secret,
            "SUYA_VAULT_URL": _url(self._vault_port),
            **self._vault_keys,
            **_QUICK,
        }

    def start(self, common: dict[str, str], api_url: str) -> None:
        """Start both; the acquirer rings at an api.

        Raises:
            NotReady: one does not come up.
        """
        migrations.upgrade(self._vault_database_url, migrations.VAULT)
        key_file = self._folder / "vault.key"
        key_file.touch(mode=0o600)
        key_file.write_text(new_master_key(), "ascii")
        self._vault = Service(
            "vault",
            suya("vault", "serve"),
            common
            | self._vault_keys
            | {
                "SUYA_VAULT_PORT": str(self._vault_port),
                "SUYA_VAULT_DATABASE_URL": self._vault_database_url,
                "SUYA_VAULT_MASTER_KEY_FILE": str(key_file),
                "SUYA_VAULT_ALLOWED_URLS": _url(self._acquirer_port),
            },
            self._folder,
        )
        self._acquirer = Service(
            "acquirer",
            suya("acquirer"),
            common
            | {
                "SUYA_ACQUIRER_PORT": str(self._acquirer_port),
                "SUYA_ACQUIRER_KEY": self._acquirer_key,
                "SUYA_ACQUIRER_FILE": str(self._folder / "acquirer.sqlite"),
                "SUYA_ACQUIRER_NOTIFY_URL": f"{api_url}/v1/notifications/acquirer",
                "SUYA_ACQUIRER_NOTIFICATION_SECRET": self._notification_secret,
            },
            self._folder,
        )
        self._vault.spawn()
        self.start_acquirer()
        wait_until(self._vault, Caller("127.0.0.1", self._vault_port, "").is_ready)

    def start_acquirer(self) -> None:
        """Start it, again with its file, and wait until it serves."""
        acquirer = self._acquirer
        assert acquirer is not None
        acquirer.spawn()
        asked = self._ask()
        wait_until(acquirer, lambda: asked.is_ready("/healthz"))

    def kill_acquirer(self) -> None:
        """SIGKILL."""
        assert self._acquirer is not None
        self._acquirer.kill()

    def kill(self) -> None:
        """End both."""
        for service in (self._acquirer, self._vault):
            if service is not None:
                service.kill()

    def script(self, **script: Any) -> None:
        """Put a script of faults in force; an empty one ends all of them."""
        self._ask().put("/sandbox/faults", script)

    def cards(self, merchant: str) -> dict[str, str]:
        """A merchant's cards in the vault: what becomes of it -> its token."""
        key = publishable_key(ids.decode("merchant", merchant), "test", self._client_key)
        vault = Caller("127.0.0.1", self._vault_port, key)
        card = {"exp_month": 12, "exp_year": 2040, "cvc": "123"}
        return {
            outcome: str(vault.post("/tokens", card | {"number": number})["id"])
            for outcome, number in _CARDS.items()
        }

    def books(self) -> Acquirer:
        """Every authorization that the acquirer has."""
        found: list[Authorization] = []
        after = ""
        while True:
            path = f"/v1/records?kind=authorizations&limit={_PAGE}{after}"
            page = self._ask().get(path)
            found += [_authorization(record) for record in page["data"]]
            if not page["has_more"]:
                return Acquirer(found)
            after = f"&after={page['data'][-1]['id']}"

    def _ask(self) -> Caller:
        return Caller("127.0.0.1", self._acquirer_port, self._acquirer_key)


def _authorization(record: dict[str, Any]) -> Authorization:
    return Authorization(
        reference=record["reference"],
        merchant=record["merchant"],
        status=record["status"],
        amount=record["amount"],
        captured=record["captured_amount"],
        refunded=record["refunded_amount"],
        voided=record["voided_amount"],
    )


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
