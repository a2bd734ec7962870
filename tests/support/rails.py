"""The outside for tests: an acquirer and a vault, and merchants that take cards.

Both processes exist once per run, at ports that are known before they start, so that the shared api
can be told of them whether or not anybody needs them.
"""

from pathlib import Path
from typing import Any

import httpx

from tests.support.acquirer import AcquirerProcess
from tests.support.builders import Merchant
from tests.support.client import FRESH, done
from tests.support.vault import VaultProcess

APPROVED = "4242424242424242"
DECLINED = "4000000000000002"
NO_FUNDS = "4000000000009995"
CHALLENGED = "4000000000003220"

QUICK = {
    "saga_backoff_ms": "100,200,400,1000",
    "resume_interval_ms": "50",
    "saga_lease_ms": "9000",
    "processor_timeout_ms": "4000",
}
"""Settings under which unknown outcomes are resolved in tenths of a second.

The timeout is longer than a busy machine stands still: what did not fail must not look unknown.
"""


class Rails:
    """An acquirer and a vault."""

    def __init__(self, vault_url: str, folder: Path) -> None:
        self.acquirer = AcquirerProcess(folder)
        self.vault = VaultProcess(vault_url, folder, **self.acquirer.for_vault())
        self._tokens: dict[tuple[str, str], str] = {}

    @property
    def settings(self) -> dict[str, str]:
        """What an api or a worker has to know of them."""
        return self.acquirer.settings_of_callers | self.vault.for_callers()

    def notify(self, api_url: str) -> None:
        """Where the acquirer rings; before it starts."""
        self.acquirer.notify(api_url)

    def start(self) -> "Rails":
        """Start both."""
        self.acquirer.start()
        self.vault.start()
        return self

    def kill(self) -> None:
        """End both."""
        for process in (self.acquirer, self.vault):
            process.__exit__()

    def card(self, merchant: Merchant, number: str = APPROVED) -> str:
        """A merchant's token of a card; the same one when asked again."""
        name = (merchant.id, number)
        if name not in self._tokens:
            self._tokens[name] = str(self.vault.tokenize(number, merchant.id)["id"])
        return self._tokens[name]

    async def send(
        self,
        merchant: Merchant,
        amount: int = 1_000,
        *,
        number: str = APPROVED,
        key: Any = FRESH,
        fault: str | None = None,
        prefer: str = "wait=10",
        **fields: Any,
    ) -> httpx.Response:
        """The answer to a card payment, good or not."""
        body = card_payment(self.card(merchant, number), amount, **fields)
        headers = {"prefer": prefer} | ({} if fault is None else {"suya_sandbox_fault": fault})
        return await merchant.api.post("/v1/payments", body, key=key, **headers)

    async def pay(self, merchant: Merchant, amount: int = 1_000, **more: Any) -> dict[str, Any]:
        """A card payment that is taken."""
        return done(await self.send(merchant, amount, **more), 201)


def card_payment(token: str, amount: int = 1_000, **fields: Any) -> dict[str, Any]:
    """The body of a card payment."""
    method = {"type": "card", "id": token}
    return {"amount": amount, "currency": "USD", "payment_method": method} | fields
