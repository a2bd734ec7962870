"""A merchant driven through the product's own flows, in this process and without HTTP."""

from typing import Any
from uuid import UUID, uuid4

from app.base import clock, ids
from app.domains.ledger import MakeDeposit, OpenAccount, reads
from app.domains.ledger import steps as ledger_steps
from app.domains.merchants import admin
from app.domains.payments.commands import OpenPayment
from app.engine import idempotency
from app.engine.database import Database, GroupCommit, Step
from app.engine.idempotency import Answer, Intent


class Stall:
    """A merchant without fees, driven through the product's own flows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.group = GroupCommit(database)
        self.merchant = ids.NIL

    async def open(self) -> "Stall":
        """Record the merchant."""
        self.merchant = (
            await admin.create_merchant(self.database, name="stall", home_region="local")
        ).id
        return self

    def head(self, key: str | None = None) -> tuple[str, UUID, Intent, str, None]:
        """What every command begins with."""
        intent = idempotency.intent(key or str(uuid4()), "POST", "/", "{}")
        return "local", self.merchant, intent, "req_1", None

    async def run(self, step: Step[Any, Any], *commands: Any) -> list[Answer]:
        """The answers to some commands."""
        receipt = await self.group.submit(step, "local", commands, deadline=clock.monotonic() + 60)
        answers = [outcome for outcome in receipt.outcomes if isinstance(outcome, Answer)]
        assert len(answers) == len(commands), receipt.outcomes
        return answers

    async def wallet(self, funds: int) -> UUID:
        """A wallet with money in it."""
        wallet = ids.new()
        await self.run(ledger_steps.open_accounts, OpenAccount(*self.head(), wallet, "USD"))
        deposit = MakeDeposit(*self.head(), ids.new(), wallet, "USD", funds)
        await self.run(ledger_steps.make_deposits, deposit)
        return wallet

    def pay(
        self, wallet: UUID, amount: int, capture: str = "automatic", key: str | None = None
    ) -> OpenPayment:
        """A payment's command."""
        return OpenPayment(
            *self.head(key), ids.new(), ids.new(), wallet, amount, "USD", capture, None,
            {"table": "7"}, 0, 0,
        )  # fmt: skip

    async def available(self, wallet: UUID) -> int:
        """What can be spent."""
        row = await reads.find_account(self.database, "local", self.merchant, wallet)
        assert row is not None
        return row.account.available_minor
