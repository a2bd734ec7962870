"""The atomic steps of payments: many commands in, one answer per command out, in `tx`.

Each reads claim, load, decide, write. Rows are locked in one order everywhere: payments, holds,
accounts, each in id order.
"""

from collections.abc import Sequence
from typing import TypeAlias, TypeVar
from uuid import UUID

from app import events, idempotency, ids, ledger
from app.database import Tx
from app.errors import PlatformError
from app.events import Event
from app.idempotency import Answer, Claims, refusal
from app.ledger import Book, Hold, chart
from app.payments import decisions, store
from app.payments.errors import PaymentNotFound
from app.payments.inputs import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.payments.model import Payment, Refund
from app.payments.views import payment_text, refund_text

_OnPayment: TypeAlias = CapturePayment | ReleasePayment | RefundPayment
_C = TypeVar("_C", CapturePayment, ReleasePayment, RefundPayment)


async def open_payments(tx: Tx, commands: Sequence[OpenPayment]) -> list[Answer]:
    """Take or authorize payments; each answers 201 and appends `payment.captured|authorized`.

    Refusals, the first that applies: AccountNotFound, AccountNotUsable, CurrencyMismatch,
    AccountClosed, InsufficientFunds, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    stripe = _stripe(tx)
    wallets = {(c.merchant_id, c.account_id) for c in claims.fresh}
    charts = {decisions.fee_account(region, c.currency, stripe) for c in claims.fresh}
    charts |= {decisions.available_account(c.merchant_id, c.currency) for c in claims.fresh}
    book = await ledger.open_book(tx, region, wallets, charts, claims.moving)
    answers: list[Answer] = []
    payments: list[Payment] = []
    holds: list[Hold] = []
    facts: list[Event] = []
    for command in claims.fresh:
        payment = decisions.decide_open(
            book, command, holds, stripe=stripe, hold_days=tx.settings.hold_days
        )
        if isinstance(payment, PlatformError):
            answers.append(refusal(payment, command.correlation_id))
            continue
        text = payment_text(payment)
        payments.append(payment)
        facts.append(
            _payment_event(payment, command.correlation_id, text, f"payment.{payment.status}")
        )
        answers.append(Answer(201, text))
    # After this line only writes.
    ledger.write_book(tx, region, book)
    ledger.insert_holds(tx, region, holds)
    store.insert_payments(tx, region, payments, book.booked_at)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


async def capture_payments(tx: Tx, commands: Sequence[CapturePayment]) -> list[Answer]:
    """Move captured amounts from their holds to the merchants, less the platform's fees.

    Each answers 200 with the payment and appends `payment.captured|partially_captured`.
    Refusals, the first that applies: PaymentNotFound, PaymentNotCapturable, CaptureExceedsHold.
    """
    claims = await idempotency.claim(tx, commands)
    work = await _load(tx, claims, fees=True)
    for command in claims.fresh:
        payment, hold = work.find(command)
        if payment is None:
            work.refuse(command, _not_found(command))
            continue
        error = decisions.decide_capture(work.book, command, payment, hold, stripe=_stripe(tx))
        work.settle(command, payment, error, f"payment.{payment.status}")
    # After this line only writes.
    work.write(tx)
    return idempotency.keep(tx, claims, work.answers)


async def release_payments(tx: Tx, commands: Sequence[ReleasePayment]) -> list[Answer]:
    """Give back what is left of holds, because the payments were canceled or expired.

    Each answers 200 with the payment and appends `payment.canceled|expired`.
    Refusals, the first that applies: PaymentNotFound, PaymentNotCancelable.
    """
    claims = await idempotency.claim(tx, commands)
    work = await _load(tx, claims, fees=False)
    for command in claims.fresh:
        payment, hold = work.find(command)
        if payment is None:
            work.refuse(command, _not_found(command))
            continue
        error = decisions.decide_release(work.book, command, payment, hold)
        event_type = "payment.expired" if command.expired else "payment.canceled"
        work.settle(command, payment, error, event_type)
    # After this line only writes.
    work.write(tx)
    return idempotency.keep(tx, claims, work.answers)


async def refund_payments(tx: Tx, commands: Sequence[RefundPayment]) -> list[Answer]:
    """Move money from the merchants' available balances back to the payers' wallets.

    Each answers 201 with the refund and appends `refund.succeeded` and `payment.refunded`.
    Refusals, the first that applies: PaymentNotFound, PaymentNotRefundable, RefundExceedsCapture,
    AccountClosed, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    work = await _load(tx, claims, fees=False, held=False)
    refunds: list[Refund] = []
    for command in claims.fresh:
        payment, _ = work.find(command)
        if payment is None:
            work.refuse(command, _not_found(command))
            continue
        refund = decisions.decide_refund(work.book, command, payment)
        if isinstance(refund, PlatformError):
            work.refuse(command, refund)
            continue
        refunds.append(refund)
        text = refund_text(refund)
        work.facts.append(_refund_event(refund, text))
        work.settle(command, payment, None, "payment.refunded", Answer(201, text))
    # After this line only writes.
    store.insert_refunds(tx, work.region, refunds, work.book.booked_at)
    work.write(tx)
    return idempotency.keep(tx, claims, work.answers)


class _Work:
    """What a batch of commands on existing payments has loaded and decided so far."""

    def __init__(
        self,
        region: str,
        payments: dict[tuple[UUID, UUID], Payment],
        holds: dict[UUID, Hold],
        book: Book,
    ) -> None:
        self.region = region
        self.payments = payments
        self.holds = holds
        self.book = book
        self.answers: list[Answer] = []
        self.facts: list[Event] = []
        self.changed: dict[UUID, Payment] = {}

    def find(self, command: _OnPayment) -> tuple[Payment | None, Hold | None]:
        """The payment a command is about, and its hold."""
        payment = self.payments.get((command.merchant_id, command.payment_id))
        hold = self.holds.get(payment.hold_id) if payment and payment.hold_id else None
        return payment, hold

    def refuse(self, command: _OnPayment, error: PlatformError) -> None:
        """Note a refusal."""
        self.answers.append(refusal(error, command.correlation_id))

    def settle(
        self,
        command: _OnPayment,
        payment: Payment,
        error: PlatformError | None,
        event_type: str,
        answer: Answer | None = None,
    ) -> None:
        """Note the outcome of one command: a refusal, or a changed payment with its event."""
        if error is not None:
            self.refuse(command, error)
            return
        text = payment_text(payment)
        self.changed[payment.id] = payment
        self.facts.append(_payment_event(payment, command.correlation_id, text, event_type))
        self.answers.append(answer or Answer(200, text))

    def write(self, tx: Tx) -> None:
        """Write what was decided; nothing is decided here any more."""
        payments = list(self.changed.values())
        ledger.write_book(tx, self.region, self.book)
        ledger.update_holds(
            tx, self.region, [self.holds[p.hold_id] for p in payments if p.hold_id in self.holds]
        )
        store.update_payments(tx, self.region, payments, self.book.booked_at)
        events.append(tx, self.region, self.facts)


async def _load(tx: Tx, claims: Claims[_C], *, fees: bool, held: bool = True) -> _Work:
    """Lock and load the payments of a batch, their holds and their accounts, in this order."""
    region = claims.commands[0].region
    keys = {(command.merchant_id, command.payment_id) for command in claims.fresh}
    await store.pull_payments(tx, region, claims.moving, keys)
    payments = await store.lock_payments(tx, region, keys)
    held_keys = [(p.merchant_id, p.hold_id) for p in payments.values() if held and p.hold_id]
    holds = await ledger.lock_holds(tx, region, held_keys)
    accounts = {(p.merchant_id, p.account_id) for p in payments.values()}
    charts = {decisions.available_account(p.merchant_id, p.currency) for p in payments.values()}
    if fees:
        stripe = _stripe(tx)
        charts |= {decisions.fee_account(region, p.currency, stripe) for p in payments.values()}
    book = await ledger.open_book(tx, region, accounts, charts, claims.moving)
    return _Work(region, payments, holds, book)


def _stripe(tx: Tx) -> int:
    """Which stripe of the hot platform accounts this writer uses."""
    return tx.writer.stripe % chart.STRIPES


def _not_found(command: _OnPayment) -> PaymentNotFound:
    return PaymentNotFound(payment=ids.encode("payment", command.payment_id))


def _payment_event(payment: Payment, correlation_id: str, text: str, event_type: str) -> Event:
    return Event(
        merchant_id=payment.merchant_id,
        id=ids.new(),
        type=event_type,
        object_id=payment.id,
        sequence=payment.version,
        data=text,
        correlation_id=correlation_id,
        created_at=payment.updated_at,
    )


def _refund_event(refund: Refund, text: str) -> Event:
    return Event(
        merchant_id=refund.merchant_id,
        id=ids.new(),
        type="refund.succeeded",
        object_id=refund.id,
        sequence=refund.version,
        data=text,
        correlation_id=refund.correlation_id,
        created_at=refund.created_at,
    )
