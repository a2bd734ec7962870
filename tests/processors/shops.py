"""Shops: a processor with its other side, and cards in the vault."""

from typing import Any

from app.processors import AskAuthorization, Processors, TokenizedCard
from tests.processors import asks
from tests.processors.stripe_account import Account
from tests.support.acquirer import AcquirerProcess
from tests.support.vault import VaultProcess

GOOD = "4242424242424242"


class StripeShop:
    """A processor `stripe`, its account, and cards in the vault."""

    def __init__(self, processors: Processors, account: Account, vault: VaultProcess) -> None:
        self.processors = processors
        self.cards = processors.cards("stripe")
        self.disputes = processors.disputes("stripe")
        self.account = account
        self.vault = vault

    def ask(self, number: str = GOOD, **fields: Any) -> AskAuthorization:
        card = TokenizedCard(self.vault.tokenize(number, asks.MERCHANT)["id"], "visa")
        return asks.authorization(**({"card": card, "capture": True} | fields))

    @property
    def steps(self) -> list[str]:
        """The requests to Stripe, by the last part of each path."""
        return [path.rpartition("/")[2] for _, path in self.account.requests]


class SandboxShop:
    """A processor `acquirer`, the sandbox behind it, and cards in the vault."""

    def __init__(
        self, processors: Processors, sandbox: AcquirerProcess, vault: VaultProcess
    ) -> None:
        self.cards = processors.cards("acquirer")
        self.banks = processors.banks("acquirer")
        self.disputes = processors.disputes("acquirer")
        self.processors = processors
        self.sandbox = sandbox
        self.vault = vault

    def ask(self, number: str = GOOD, **fields: Any) -> AskAuthorization:
        card = TokenizedCard(self.vault.tokenize(number, asks.MERCHANT)["id"], "visa")
        return asks.authorization(**({"card": card} | fields))
