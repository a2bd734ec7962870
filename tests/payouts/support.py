"""A merchant with payouts, whose steps are run in this process, one by one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.base import clock, ids
from app.domains.ledger import steps as ledger
from app.domains.ledger.commands import MakeDeposit, OpenAccount
from app.domains.merchants import admin
from app.domains.payments import steps as payments
from app.domains.payments.commands import OpenPayment
from app.domains.payouts import steps as payouts
from app.domains.payouts.bookings import book_payouts
from app.domains.payouts.commands import AddBankAccount, OpenPayout
from app.engine.database import Database, GroupCommit, Step
from app.engine.idempotency import Answer
from app.engine.saga import Booking, Flow, TakeFlow, take_flows
from app.processors import Verdict
from tests.support.databases import execute

VIEWS = (("eu", "us"), ("us", "eu"))
"""What processes may think of the merchant while it moves: home, and the other region."""


class Moving:
    """A merchant that moves from us to eu, with money and a bank account in us."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.group = GroupCommit(database)
        self.view = VIEWS[1]
        self.merchant_id = ids.NIL
        self.bank_account_id = ids.new()

    def common(self) -> dict[str, Any]:
        """What every command carries, as a process of this view makes it."""
        home, former = self.view
        return {
            "region": home,
            "merchant_id": self.merchant_id,
            "intent": None,
            "correlation_id": "req_1",
            "former_region": former,
        }

    async def run(self, step: Step[Any, Answer], command: Any) -> Answer:
        """The answer of an atomic step."""
        deadline = clock.monotonic() + 60
        receipt = await self.group.submit(step, self.view[0], [command], deadline=deadline)
        return receipt.only()

    async def begin(self) -> None:
        """Make the merchant, in us, and announce its move."""
        merchant = await admin.create_merchant(
            self.database, name="stall", home_region="us", fee_bps=0, fee_fixed_minor=0
        )
        self.merchant_id, account = merchant.id, ids.new()
        amount: dict[str, Any] = {
            "account_id": account,
            "currency": "EUR",
            "amount_minor": 2_000_000,
        }
        steps: Sequence[tuple[Step[Any, Any], Any]] = (
            (
                ledger.open_accounts,
                OpenAccount(**self.common(), account_id=account, currency="EUR"),
            ),
            (ledger.make_deposits, MakeDeposit(**self.common(), transfer_id=ids.new(), **amount)),
            (
                payments.open_payments,
                OpenPayment(
                    **self.common(), payment_id=ids.new(), transfer_id=ids.new(), **amount,
                    capture="automatic", description=None, metadata={}, fee_bps=0,
                    fee_fixed_minor=0,
                ),
            ),
            (
                payouts.add_bank_accounts,
                AddBankAccount(
                    **self.common(), bank_account_id=self.bank_account_id,
                    iban="DE89370400440532013000", name="Ada",
                ),
            ),
        )  # fmt: skip
        for flow, command in steps:
            assert (await self.run(flow, command)).status == 201
        execute(
            self.database.url,
            "UPDATE merchants SET home_region = 'eu', former_region = 'us' WHERE id = %s",
            [self.merchant_id],
        )

    async def open(self, amount: int) -> UUID:
        """A new payout."""
        payout_id = ids.new()
        command = OpenPayout(
            **self.common(), payout_id=payout_id, bank_account_id=self.bank_account_id,
            amount_minor=amount, currency="EUR", key_id=ids.new(),
        )  # fmt: skip
        assert (await self.run(payouts.open_payouts, command)).status == 201
        return payout_id

    async def take(self, payout_id: UUID) -> Flow:
        """A payout's flow, taken out of the hands that have it."""
        home, former = self.view
        execute(self.database.url, "UPDATE sagas SET lease_until = NULL")
        take = TakeFlow(home, self.merchant_id, payout_id, former)
        taken = await self.run(take_flows, take)
        assert isinstance(taken.flow, Flow)
        return taken.flow

    async def hear(self, payout_id: UUID, verdict: Verdict) -> Answer:
        """Book a bank's word."""
        return await self.run(book_payouts, Booking(await self.take(payout_id), verdict))
