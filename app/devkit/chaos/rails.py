"""The outside of a run: its own acquirer and vault, and the cards that it pays with."""

from pathlib import Path
from typing import Any, Final

from app.base import ids
from app.base.publishable import publishable_key
from app.devkit.chaos.model import AcquirerBooks, Authorization
from app.devkit.stack import Acquirer, Caller, Vault, new_acquirer_keys, new_vault_keys
from app.engine.database import migrations

_CARDS: Final = {"approved": "4242424242424242", "declined": "4000000000000002"}
"""What its bank does with a card -> a test card of the sandbox."""

_QUICK: Final = {
    "processor_timeout_ms": "3000",
    "processor_pause_ms": "1000",
    "saga_backoff_ms": "500,1000,2000,4000",
    "saga_lease_ms": "10000",
    "resume_interval_ms": "200",
}
"""Times short enough for a run: requests give up within seconds and are resolved within seconds."""

_PAGE = 1_000  # the most that the acquirer gives at once


class Rails:
    """The two processes and their settings."""

    def __init__(self, vault_database_url: str, folder: Path) -> None:
        """Choose ports and keys; nothing runs yet."""
        self._vault_database_url = vault_database_url
        file = folder / "acquirer.sqlite"
        common = common_settings(folder)
        self.acquirer = Acquirer(
            folder, common | new_acquirer_keys() | {"acquirer_file": str(file)}
        )
        given = {
            "vault_database_url": vault_database_url,
        } | self.acquirer.for_vault()
        key_file = folder / "vault.key"
        self.vault = Vault(folder, common | new_vault_keys() | given, key_file=key_file)

    def for_callers(self) -> dict[str, str]:
        """The settings of an api and a worker that use them."""
        return self.acquirer.for_callers() | self.vault.for_callers() | _QUICK

    def start(self, api_url: str) -> None:
        """Start both; the acquirer sends its notifications to an api.

        Raises:
            DidNotStart: one does not come up.
        """
        migrations.upgrade(self._vault_database_url, migrations.VAULT)
        self.acquirer.notify(api_url)
        self.vault.spawn()
        self.acquirer.start()
        self.vault.wait_until(self.vault.is_ready)

    def kill(self) -> None:
        """End both."""
        for service in (self.acquirer, self.vault):
            service.kill()

    def script(self, **script: Any) -> None:
        """Put a script of faults in force; an empty one ends all of them."""
        self._ask().put("/sandbox/faults", script)

    def cards(self, merchant: str) -> dict[str, str]:
        """A merchant's cards in the vault: what its bank does with a card -> its token."""
        client_key = self.vault.settings["vault_client_key"]
        key = publishable_key(ids.decode("merchant", merchant), "test", client_key)
        vault = self.vault.caller(key)
        card = {"exp_month": 12, "exp_year": 2040, "cvc": "123"}
        return {
            outcome: str(vault.post("/tokens", card | {"number": number})["id"])
            for outcome, number in _CARDS.items()
        }

    def books(self) -> AcquirerBooks:
        """Every authorization that the acquirer has."""
        found: list[Authorization] = []
        after = ""
        while True:
            path = f"/v1/records?kind=authorizations&limit={_PAGE}{after}"
            page = self._ask().get(path)
            found += [_authorization(record) for record in page["data"]]
            if not page["has_more"]:
                return AcquirerBooks(found)
            after = f"&after={page['data'][-1]['id']}"

    def _ask(self) -> Caller:
        return self.acquirer.caller(self.acquirer.settings["acquirer_key"])


def common_settings(folder: Path) -> dict[str, str]:
    """The settings of every process of a run, including those without its database."""
    return {"home": str(folder / "home"), "log_level": "warning", "log_format": "json"}


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
