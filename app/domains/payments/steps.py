"""The first steps of payments' flows: many commands in, one answer per command out, in `tx`.

Each reads claim, load, decide, write. A command that the ledger alone can carry out ends here; one
that needs a processor begins a flow, whose external step and booking are in `asks.py` and
`bookings.py`.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains import fx, ledger
from app.domains.fx import Quote
from app.domains.ledger import Book, Hold
from app.domains.payments import decisions, model, store
from app.domains.payments.asks import (
    ask_authorization,
    ask_cancellation,
    ask_capture,
    ask_refund,
)
from app.domains.payments.batch import PaymentBatch, load, not_found, payment_event, stripe_of
from app.domains.payments.commands import (
    CapturePayment,
    OnPayment,
    OpenPayment,
    RefundPayment,
    ReleasePayment,
)
from app.domains.payments.errors import PaymentBusy
from app.domains.payments.model import (
    UNDECIDED,
    CapturePlan,
    OpenPlan,
    Payment,
    Refund,
    RefundPlan,
    ReleasePlan,
    plan_text,
)
from app.domains.payments.views import payment_text, refund_text
from app.engine import events, idempotency, saga
from app.engine.database import Tx, step
from app.engine.events import Fact
from app.engine.idempotency import Answer, Claims, refusal
from app.engine.saga import External, Flow

_C = TypeVar("_C", bound=OnPayment)


@step
async def open_payments(tx: Tx, commands: Sequence[OpenPayment]) -> list[Answer]:
    """Take or authorize payments; each answers 201 and appends `payment.captured|authorized`.

    One over another rail is held, answers 202 and appends `payment.processing`; its flow goes on
    with `ask_authorization`.

    Refusals, the first that applies: CurrencyEnded, QuoteNotFound, QuoteUsed, QuoteExpired,
    QuoteMismatch, AccountNotFound, AccountNotUsable, CurrencyMismatch, AccountClosed,
    InsufficientFunds, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    stripe = stripe_of(tx)
    quotes = await _lock_quotes(tx, claims)
    wallets = {(c.merchant_id, c.account_id) for c in claims.fresh if c.rail is None}
    charts = {model.fee_account(region, c.currency, stripe) for c in claims.fresh}
    charts |= {model.captured_account(c.merchant_id, c.currency, c.method) for c in claims.fresh}
    charts |= {
        model.receivable_account(c.merchant_id, c.currency)
        for c in claims.fresh
        if c.rail is not None
    }
    for quote in quotes.values():
        charts.update(model.accounts_of_quote(quote, region, stripe))
    book = await ledger.open_book(tx, region, wallets, charts, claims.moving)
    answers: list[Answer] = []
    payments: list[Payment] = []
    holds: list[Hold] = []
    facts: list[Fact] = []
    flows: list[Flow] = []
    for command in claims.fresh:
        quote_id = command.quote_id
        asked = quotes.get((command.merchant_id, quote_id)) if quote_id else None
        payment = command.refused or _decide_open(tx, book, command, holds, asked)
        if isinstance(payment, PlatformError):
            answers.append(refusal(payment, command.correlation_id))
            continue
        if asked is not None:
            fx.apply_use(asked, payment_id=payment.id)
            facts.append(fx.used_event(asked, command.correlation_id, book.booked_at))
        text = payment_text(payment)
        payments.append(payment)
        facts.append(
            payment_event(payment, command.correlation_id, text, f"payment.{payment.status}")
        )
        if command.rail is None:
            answers.append(Answer(201, text))
            continue
        flow = _flow_of_new(tx, command)
        payment.operation_id = flow.id
        flows.append(flow)
        answers.append(Answer(idempotency.PROVISIONAL, text, flow=flow))
    # After this line only writes.
    ledger.write_book(tx, region, book)
    ledger.insert_holds(tx, region, holds)
    store.insert_payments(tx, region, payments, book.booked_at)
    fx.update_quotes(tx, region, [quote for quote in quotes.values() if quote.payment_id])
    saga.insert_flows(tx, region, flows)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


@step
async def capture_payments(tx: Tx, commands: Sequence[CapturePayment]) -> list[Answer]:
    """Move captured amounts from their holds to the merchants, less the platform's fees.

    Each answers 200 with the payment and appends `payment.captured|partially_captured`. Over
    another rail the capture is asked of the processor first: 202, and nothing is booked yet.

    Refusals, the first that applies: PaymentNotFound, PaymentNotCapturable, CaptureExceedsHold.
    Where another operation is under way the command waits for it.
    """
    claims = await idempotency.claim(tx, commands)
    batch = await _load(tx, claims, fees=True)
    for command in claims.fresh:
        payment, hold = batch.find(command)
        if payment is None:
            batch.refuse(command, not_found(command))
        elif batch.wait_for(command, payment):
            continue
        elif payment.rail is None:
            error = decisions.decide_capture(
                batch.book, command, payment, hold, stripe=stripe_of(tx)
            )
            batch.settle(command, payment, error, f"payment.{payment.status}")
        else:
            _begin_capture(tx, batch, command, payment, hold)
    # After this line only writes.
    batch.write(tx)
    return idempotency.keep(tx, claims, batch.answers)


@step
async def release_payments(tx: Tx, commands: Sequence[ReleasePayment]) -> list[Answer]:
    """Give back what is left of holds, because the payments were canceled or expired.

    Each answers 200 with the payment and appends `payment.canceled|expired`, or `payment.captured`
    where a part was captured before. Over another rail it is asked of the processor first: 202,
    and nothing is booked yet.

    Refusals, the first that applies: PaymentNotFound, PaymentNotCancelable. While nobody knows what
    there is to cancel the command waits; one that insists is noted on the payment, and carried out
    as soon as it is known.
    """
    claims = await idempotency.claim(tx, commands)
    batch = await _load(tx, claims)
    for command in claims.fresh:
        payment, hold = batch.find(command)
        if payment is None:
            batch.refuse(command, not_found(command))
        elif command.expired and hold is not None and payment.operation_id is not None:
            # The flow that works on it decides; the sweeper looks again, and not every second.
            if payment.status not in UNDECIDED:
                hold.expires_at = batch.book.booked_at + decisions.LOOK_AGAIN
                batch.changed[payment.id] = payment
            batch.refuse(command, PaymentBusy(payment=payment.name))
        elif _is_noted(command, payment):
            _begin_release(tx, batch, command, payment, hold)
        elif batch.wait_for(command, payment):
            continue
        elif payment.rail is None:
            error = decisions.decide_release(
                batch.book,
                payment,
                hold,
                transfer_id=command.transfer_id,
                expired=command.expired,
                correlation_id=command.correlation_id,
            )
            # What was captured of it stays captured, and the event says so.
            batch.settle(command, payment, error, f"payment.{payment.status}")
        elif (refused := decisions.refuse_cancel(payment)) is not None:
            batch.refuse(command, refused)
        else:
            _begin_release(tx, batch, command, payment, hold)
    # After this line only writes.
    batch.write(tx)
    return idempotency.keep(tx, claims, batch.answers)


@step
async def refund_payments(tx: Tx, commands: Sequence[RefundPayment]) -> list[Answer]:
    """Move money from the merchants' available balances back to the payers.

    Each answers 201 with the refund and appends `refund.succeeded` and `payment.refunded`. Over
    another rail the money leaves the merchant, and the processor is asked to give it back: 202,
    `refund.pending` and `payment.refund_pending`.

    Refusals, the first that applies: PaymentNotFound, PaymentNotRefundable, RefundNotSupported,
    PaymentDisputed, RefundExceedsCapture, NegativeLimitExceeded, AccountClosed, BalanceLimit. Where
    another operation is under way the command waits for it.
    """
    claims = await idempotency.claim(tx, commands)
    batch = await _load(tx, claims, held=False, available=True)
    for command in claims.fresh:
        payment, _ = batch.find(command)
        if payment is None:
            batch.refuse(command, not_found(command))
            continue
        if batch.wait_for(command, payment):
            continue
        decide = decisions.decide_refund if payment.rail is None else decisions.decide_rail_refund
        refund = decide(batch.book, command, payment, stripe=stripe_of(tx))
        if isinstance(refund, PlatformError):
            batch.refuse(command, refund)
            continue
        text = batch.note_refund(refund, command.correlation_id, f"refund.{refund.status}")
        if payment.rail is None:
            batch.settle(command, payment, None, "payment.refunded", Answer(201, text))
        else:
            _begin_refund(tx, batch, command, payment, refund)
    # After this line only writes.
    store.insert_refunds(tx, batch.region, list(batch.refunds.values()), batch.book.booked_at)
    batch.write(tx)
    return idempotency.keep(tx, claims, batch.answers)


async def _load(
    tx: Tx, claims: Claims[_C], *, fees: bool = False, held: bool = True, available: bool = False
) -> PaymentBatch:
    region = claims.commands[0].region
    keys = {(command.merchant_id, command.payment_id) for command in claims.fresh}
    return await load(tx, region, claims.moving, keys, fees=fees, held=held, available=available)


async def _lock_quotes(tx: Tx, claims: Claims[OpenPayment]) -> dict[tuple[UUID, UUID], Quote]:
    """The quotes that new payments name, locked; before any account."""
    keys = {(c.merchant_id, c.quote_id) for c in claims.fresh if c.quote_id is not None}
    if not keys:
        return {}
    region = claims.commands[0].region
    await fx.pull_quotes(tx, region, claims.moving, keys)
    return await fx.lock_quotes(tx, region, keys)


def _decide_open(
    tx: Tx, book: Book, command: OpenPayment, holds: list[Hold], quote: Quote | None
) -> Payment | PlatformError:
    ended = ledger.refuse_ended(command.currency, book.booked_at)
    if ended is not None:
        return ended
    exchange = decisions.decide_exchange(command, quote, book.booked_at)
    if isinstance(exchange, PlatformError):
        return exchange
    if command.rail is not None:
        return decisions.decide_rail_open(book, command, holds, exchange)
    return decisions.decide_wallet_open(
        book,
        command,
        holds,
        stripe=stripe_of(tx),
        hold_days=tx.settings.hold_days,
        exchange=exchange,
    )


def flow_id_of(transfer_id: UUID) -> UUID:
    """The flow that a command begins: the same in every run of the same command."""
    return ids.derived("flow", transfer_id, at=transfer_id)


def _flow_of_new(tx: Tx, command: OpenPayment) -> Flow:
    rail = command.rail
    assert rail is not None
    plan = OpenPlan(
        method=command.method,
        processor=rail.processor,
        amount_minor=command.amount_minor,
        currency=command.currency,
        capture=command.capture == "automatic",
        token=rail.token or "",
        brand=rail.brand or "",
        sandbox_fault=command.sandbox_fault,
    )
    return saga.new_flow(
        tx,
        command,
        ask_authorization,
        flow_id=flow_id_of(command.transfer_id),
        object_id=command.payment_id,
        data=plan_text(plan),
    )


def _begin_capture(
    tx: Tx, batch: PaymentBatch, command: CapturePayment, payment: Payment, hold: Hold | None
) -> None:
    decided = decisions.resolve_capture(
        payment,
        command.amount_minor,
        final=command.final,
        left_minor=hold.left_minor if hold else 0,
        now=batch.book.booked_at,
    )
    if isinstance(decided, PlatformError):
        batch.refuse(command, decided)
        return
    plan = CapturePlan(
        transfer_id=command.transfer_id, amount_minor=decided.amount_minor, final=decided.final
    )
    _begin(tx, batch, command, payment, ask_capture, plan=plan, text=payment_text(payment))


def _is_noted(command: ReleasePayment, payment: Payment) -> bool:
    """Whether a cancellation is noted while the authorization goes on."""
    if payment.rail is None or payment.status not in UNDECIDED or command.expired:
        return False
    # A payer who has to do something may take long; a processor that thinks will soon have spoken.
    return command.insist or payment.status == "requires_action"


def _begin_release(
    tx: Tx, batch: PaymentBatch, command: ReleasePayment, payment: Payment, hold: Hold | None
) -> None:
    rail = payment.rail
    assert rail is not None
    plan = ReleasePlan(transfer_id=command.transfer_id, expired=command.expired)
    under_way = payment.operation_id
    if payment.status in UNDECIDED:
        rail.cancel_requested = True
    if command.expired and hold is not None:
        hold.expires_at = batch.book.booked_at + decisions.ASK_AGAIN
    _begin(tx, batch, command, payment, ask_cancellation, plan=plan, text=payment_text(payment))
    payment.operation_id = under_way or payment.operation_id


def _begin_refund(
    tx: Tx, batch: PaymentBatch, command: RefundPayment, payment: Payment, refund: Refund
) -> None:
    plan = RefundPlan(
        transfer_id=command.transfer_id, refund_id=refund.id, amount_minor=refund.amount_minor
    )
    batch.note(payment, command.correlation_id, "payment.refund_pending")
    _begin(tx, batch, command, payment, ask_refund, plan=plan, text=refund_text(refund))


def _begin(
    tx: Tx,
    batch: PaymentBatch,
    command: OnPayment,
    payment: Payment,
    ask: External[Any, Any],
    *,
    plan: msgspec.Struct,
    text: str,
) -> None:
    flow = saga.new_flow(
        tx,
        command,
        ask,
        flow_id=flow_id_of(command.transfer_id),
        object_id=payment.id,
        data=plan_text(plan),
    )
    batch.begin(payment, flow, text)
