"""A small but rich history, made by running the product's own steps."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from app.base import clock, ids
from app.domains.customers import (
    AddCustomer,
    AttachMethod,
    CardFacts,
    ChangeCustomer,
    DeleteCustomer,
)
from app.domains.customers import steps as customers
from app.domains.fx import ConvertTransfer, FixedRates, PromiseQuote
from app.domains.fx import steps as fx
from app.domains.ledger import steps as ledger
from app.domains.ledger.commands import (
    CloseAccount,
    EntrySpec,
    MakeDeposit,
    MakeTransfer,
    OpenAccount,
)
from app.domains.ledger.model import merchant_account
from app.domains.merchants import ANY, FeePlan, Merchant, admin
from app.domains.payments import steps as payments
from app.domains.payments.commands import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.domains.payouts import steps as payouts
from app.domains.payouts.commands import AddBankAccount, CancelPayout, OpenPayout
from app.engine.database import GroupCommit, Step
from app.engine.idempotency import Answer, intent
from app.engine.saga import Booking, Flow
from app.processes.flows import SAGAS
from tests.support.engine import opened
from tests.verify.history_of_cards import make_card_payments
from tests.verify.history_of_disputes import make_disputes

REGION: Final = "local"
DEADLINE_S: Final = 30  # the whole history takes half a second


class History:
    """What was made, by name; `names` are parameters for statements that corrupt it."""

    def __init__(self) -> None:
        self.names: dict[str, UUID] = {}

    def wire(self, kind: str, name: str) -> str:
        """The id on the wire of what was made under a name."""
        return ids.encode(kind, self.names[name])


class Writer:
    """Runs commands one after the other, each in a commit of its own."""

    def __init__(self, group_commit: GroupCommit, merchant: Merchant, history: History) -> None:
        self.group_commit = group_commit
        self.merchant = merchant
        self.history = history

    def new(self, name: str) -> UUID:
        """A fresh id, kept under a name."""
        made = self.history.names[name] = ids.new()
        return made

    def common(self) -> dict[str, Any]:
        """The fields that every command has."""
        return {
            "region": REGION,
            "merchant_id": self.merchant.id,
            "intent": intent(str(uuid4()), "POST", "/test", "{}"),
            "correlation_id": f"req_{uuid4().hex}",
            "former_region": None,
        }

    async def run(
        self, step: Step[Any, Answer], *commands: Any, status: int = 201
    ) -> Sequence[Answer]:
        """Run commands of one kind; all answers must have this status."""
        deadline = clock.monotonic() + DEADLINE_S
        receipt = await self.group_commit.submit(step, REGION, commands, deadline=deadline)
        answers = [outcome for outcome in receipt.outcomes if isinstance(outcome, Answer)]
        assert [answer.status for answer in answers] == [status] * len(commands)
        return answers

    async def book(self, flow: Flow, said: Any) -> None:
        """Run the step that books a processor's answer."""
        (book,) = [saga.book for saga in SAGAS if saga.name == flow.name]
        deadline = clock.monotonic() + DEADLINE_S
        receipt = await self.group_commit.submit(
            book, REGION, [Booking(flow, said)], deadline=deadline
        )
        receipt.only()

    async def open_wallet(self, name: str, currency: str, funds: int = 0) -> UUID:
        """A wallet with money in it."""
        account = self.new(name)
        labels = {"tier": "gold", "b": "2", "a": "1"}
        await self.run(
            ledger.open_accounts,
            OpenAccount(
                **self.common(), account_id=account, currency=currency, customer=name,
                metadata=labels,
            ),
        )  # fmt: skip
        if funds:
            deposit = self.new(f"{name}_deposit")
            await self.run(
                ledger.make_deposits,
                MakeDeposit(
                    **self.common(), transfer_id=deposit, account_id=account, currency=currency,
                    amount_minor=funds, description="cash", metadata=labels,
                ),
            )  # fmt: skip
        return account

    def payment(
        self,
        name: str,
        wallet: str,
        amount: int,
        currency: str = "USD",
        capture: str = "automatic",
        **more: Any,
    ) -> OpenPayment:
        """A command to pay; `<name>_transfer` is its transfer, the hold of a manual one."""
        return OpenPayment(
            **self.common(),
            payment_id=self.new(name),
            transfer_id=self.new(f"{name}_transfer"),
            account_id=self.history.names[wallet],
            amount_minor=amount,
            currency=currency,
            capture=capture,
            description="a stick of suya",
            metadata={"table": "7", "waiter": "Bola", "x": "y"},
            fee_bps=self.merchant.fee_bps,
            fee_fixed_minor=self.merchant.fee_fixed_minor,
            **more,
        )

    async def capture(self, name: str, amount: int | None, *, final: bool = False) -> None:
        """Capture a part of a payment."""
        await self.run(
            payments.capture_payments,
            CapturePayment(
                **self.common(), payment_id=self.history.names[name],
                transfer_id=self.new(f"{name}_capture"), amount_minor=amount, final=final,
            ),
            status=200,
        )  # fmt: skip

    async def release(self, name: str, *, expired: bool = False) -> None:
        """Cancel or expire a payment."""
        await self.run(
            payments.release_payments,
            ReleasePayment(
                **self.common(), payment_id=self.history.names[name],
                transfer_id=self.new(f"{name}_release"), expired=expired,
            ),
            status=200,
        )  # fmt: skip

    async def refund(self, name: str, amount: int) -> None:
        """Refund a part of a payment."""
        await self.run(
            payments.refund_payments,
            RefundPayment(
                **self.common(), payment_id=self.history.names[name],
                refund_id=self.new(f"{name}_refund"), transfer_id=self.new(f"{name}_refunding"),
                amount_minor=amount, description="burnt", metadata={"why": "burnt", "a": "b"},
            ),
        )  # fmt: skip

    async def quote(self, name: str, amount: int) -> UUID:
        """A quote from dollars to euros."""
        table = FixedRates.TABLE
        quote_id = self.new(name)
        await self.run(
            fx.create_quotes,
            PromiseQuote(
                **self.common(), quote_id=quote_id, source_currency="USD", target_currency="EUR",
                side="source", amount_minor=amount, reference_rate=table.find("USD", "EUR"),
                rate_source=table.source, rate_day=table.day, spread_bps=100, lock_s=DEADLINE_S,
                metadata={"b": "2", "a": "1"},
            ),
        )  # fmt: skip
        return quote_id

    async def open_payout(self, name: str, amount: int, currency: str = "USD") -> None:
        """A payout to the merchant's bank; no worker drives the flow that it begins."""
        await self.run(
            payouts.open_payouts,
            OpenPayout(
                **self.common(), payout_id=self.new(name),
                bank_account_id=self.history.names["bank"], amount_minor=amount,
                currency=currency, key_id=ids.new(), description="January",
                metadata={"month": "1", "a": "b"},
            ),
        )  # fmt: skip


async def make_history(url: str) -> History:
    """Fill an empty database with some of everything."""
    history = History()
    async with opened(url) as database:
        group_commit = GroupCommit(database)
        for number in (1, 2):
            merchant = await admin.create_merchant(
                database, name="stall", home_region=REGION, fee_bps=290 * (number - 1)
            )
            history.names[f"merchant_{number}"] = merchant.id
        available = merchant_account(merchant.id, "USD", "merchant_available")
        history.names["available"] = available.id
        in_transit = merchant_account(merchant.id, "USD", "payouts_in_transit")
        history.names["in_transit"] = in_transit.id
        for kind in ("processor_receivable", "merchant_pending"):
            account = merchant_account(merchant.id, "USD", kind)
            history.names[kind] = account.id
        writer = Writer(group_commit, merchant, history)
        await _make_payments(writer)
        await _make_payouts(writer)
        await _make_customers(writer)
        await make_card_payments(writer)
        await make_disputes(database, merchant.id, history.names)
        await group_commit.close(1)
    return history


async def _make_customers(writer: Writer) -> None:
    """One who changed and has a card, one who was deleted with hers, and a card of no customer."""
    for name in ("ada_lovelace", "grace"):
        await writer.run(
            customers.create_customers,
            AddCustomer(
                **writer.common(), customer_id=writer.new(name), name=name, email=None, phone=None,
                description=None, metadata={"b": "2", "a": "1"},
            ),
        )  # fmt: skip
    for name, owner in (("visa", "ada_lovelace"), ("amex", "grace"), ("guest", None)):
        card = CardFacts(writer.new(name), "visa", "424242", "4242", 12, 2040)
        owner_id = writer.history.names[owner] if owner else None
        attach = AttachMethod(**writer.common(), card=card, customer_id=owner_id)
        await writer.run(customers.attach_methods, attach)
    ada, grace = writer.history.names["ada_lovelace"], writer.history.names["grace"]
    change = ChangeCustomer(**writer.common(), customer_id=ada, changes={"email": "a@b"})
    await writer.run(customers.update_customers, change, status=200)
    delete = DeleteCustomer(**writer.common(), customer_id=grace)
    await writer.run(customers.delete_customers, delete, status=200)


async def _make_payments(writer: Writer) -> None:
    for name, currency, funds in (
        ("ada", "USD", 100_000), ("bob", "USD", 50_000), ("eve", "EUR", 20_000), ("old", "USD", 0)
    ):  # fmt: skip
        await writer.open_wallet(name, currency, funds)
    close = CloseAccount(**writer.common(), account_id=writer.history.names["old"])
    await writer.run(ledger.close_accounts, close, status=200)
    await writer.run(
        ledger.make_transfers,
        MakeTransfer(
            **writer.common(), transfer_id=writer.new("gift"), currency="USD",
            entries=[
                EntrySpec(writer.history.names["bob"], "debit", 700),
                EntrySpec(writer.history.names["ada"], "credit", 700),
            ],
        ),
    )  # fmt: skip
    pay = payments.open_payments
    await writer.run(pay, *[writer.payment(f"paid_{n}", "ada", 1_000 + n) for n in range(5)])
    await writer.run(pay, writer.payment("euros", "eve", 999, "EUR"))
    await writer.run(pay, writer.payment("too_much", "bob", 10**9), status=402)
    for name in ("held", "parts", "part", "canceled", "expired", "rest"):
        await writer.run(pay, writer.payment(name, "bob", 500, capture="manual"))
    await writer.capture("part", 200)
    await writer.capture("parts", 200)
    await writer.capture("parts", 100, final=True)
    await writer.release("canceled")
    await writer.release("expired", expired=True)
    await writer.capture("rest", 100)
    await writer.release("rest")
    await writer.run(pay, writer.payment("refunded", "ada", 2_000))
    await writer.refund("refunded", 300)
    await writer.refund("refunded", 60)
    twice = writer.payment("twice", "ada", 50)
    await writer.run(pay, twice)
    await writer.run(pay, twice)
    await writer.quote("idle_quote", 700)
    await writer.run(
        fx.convert_transfers,
        ConvertTransfer(
            **writer.common(), transfer_id=writer.new("exchange"),
            quote_id=await writer.quote("used_quote", 1_000),
            entries=[
                EntrySpec(writer.history.names["bob"], "debit", 1_000),
                EntrySpec(writer.history.names["eve"], "credit", 844),
            ],
        ),
    )  # fmt: skip
    quote_id = await writer.quote("payment_quote", 2_000)
    await writer.run(
        pay, writer.payment("converted", "ada", 2_000, quote_id=quote_id, fee_plans=[_plan(writer)])
    )
    await writer.refund("converted", 701)


async def _make_payouts(writer: Writer) -> None:
    await writer.run(
        payouts.add_bank_accounts,
        AddBankAccount(
            **writer.common(), bank_account_id=writer.new("bank"), iban="DE89370400440532013000",
            name="Ada Obi", metadata={"b": "2", "a": "1"},
        ),
    )  # fmt: skip
    await writer.open_payout("sent", 700)
    await writer.open_payout("euros_sent", 5, "EUR")
    # What is above the platform's limit needs money that is as large.
    await writer.open_wallet("rich", "USD", 3_000_000)
    await writer.run(payments.open_payments, writer.payment("large", "rich", 3_000_000))
    await writer.open_payout("unapproved", 1_000_001)
    await writer.open_payout("stopped", 1_000_002)
    stop = CancelPayout(**writer.common(), payout_id=writer.history.names["stopped"])
    await writer.run(payouts.cancel_payouts, stop, status=200)


def _plan(writer: Writer) -> FeePlan:
    """A fee plan that returns the fee's share with refunds."""
    return FeePlan(
        ids.new(), writer.merchant.id, ANY, "EUR", 200, 10, 0, 500, refunded=True,
        created_at=clock.now(),
    )  # fmt: skip
