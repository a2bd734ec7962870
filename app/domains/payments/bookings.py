"""The steps that book what processors said: many flows in, one answer per flow out, in `tx`.

Each flow's row is locked and read again: a second booking finds the flow ended, and answers with
the payment as it is then.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains.payments import decisions, store
from app.domains.payments.asks import ACTION_TIME, Undone, ask_authorization, ask_reversal
from app.domains.payments.batch import PaymentBatch, each, load, not_found, stripe_of
from app.domains.payments.commands import FailRefund
from app.domains.payments.decisions import Next
from app.domains.payments.errors import (
    CaptureDeclined,
    DeclinedByProcessor,
    PaymentNotCancelable,
    PaymentNotMade,
    PaymentUndone,
    ProcessorUnavailable,
    RefundDeclined,
)
from app.domains.payments.model import (
    CapturePlan,
    OpenPlan,
    Payment,
    Refund,
    RefundPlan,
    ReleasePlan,
    capture_of,
    plan_of,
    plan_text,
)
from app.domains.payments.views import payment_text, refund_text
from app.engine import idempotency
from app.engine.database import Tx, moving, step
from app.engine.idempotency import Answer, refusal
from app.engine.saga import Booking, Flow, go_on, wait
from app.processors import Verdict


@step
async def book_authorizations(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Post or void the holds of new payments; answers 201, or 402 where the processor declined.

    Appends `payment.authorized|captured|requires_action|declined|failed|canceled`. What was
    approved and must not be (canceled meanwhile, another amount, nothing that can be booked) goes
    on with `ask_reversal` first.
    """
    batch = await _load(tx, bookings, fees=True)
    for booking, flow, payment in each(batch, bookings):
        hold = batch.hold_of(payment)
        assert hold is not None
        before = payment.version
        if isinstance(booking.result, Undone):
            then = decisions.book_undone(batch.book, payment, hold, booking.result.why)
        else:
            then = decisions.book_authorization(
                batch.book,
                payment,
                hold,
                booking.result,
                region=batch.region,
                stripe=stripe_of(tx),
                hold_days=tx.settings.hold_days,
            )
        batch.changed[payment.id] = payment
        text = payment_text(payment)
        if payment.version != before:
            text = batch.note(payment, flow.correlation_id, f"payment.{payment.status}")
        _go_on(batch, flow, payment, then, result=booking.result, text=text)
    # After this line only writes.
    batch.write(tx)
    return batch.answers


def _go_on(
    batch: PaymentBatch,
    flow: Flow,
    payment: Payment,
    then: Next,
    *,
    result: Verdict | Undone,
    text: str,
) -> None:
    """Move the flow of a new payment on."""
    now = batch.book.booked_at
    plan = plan_of(flow, OpenPlan)
    if then is Next.END or (then is Next.RELEASE_KEY and plan.asked):
        batch.end(flow, _answer_of(payment, text), answered=plan.asked)
    elif then is Next.RELEASE_KEY and payment.exchange is not None:
        # Its quote is used up, so the same request could not succeed any more.
        error = PaymentNotMade(payment=payment.name)
        batch.end(flow, refusal(error, flow.correlation_id))
    elif then is Next.RELEASE_KEY:
        batch.release_key(flow, ProcessorUnavailable())
    elif then is Next.WAIT:
        _wait_for_payer(batch, flow, msgspec.structs.replace(plan, asked=True), text)
    elif then is Next.NEXT_PROCESSOR:
        assert payment.rail is not None
        flow.data = plan_text(
            msgspec.structs.replace(plan, processor=payment.rail.processor, asked=False)
        )
        go_on(flow, now, ask_authorization, "not executed by the one before")
        batch.keep_on(flow, text, driven=True)
    else:
        assert isinstance(result, Verdict)
        go_on(flow, now, ask_reversal, _why_undone(payment, result))
        batch.keep_on(flow, text, driven=True)


def _wait_for_payer(batch: PaymentBatch, flow: Flow, plan: OpenPlan, text: str) -> None:
    """The create request is answered; the flow goes on when the payer or time has acted."""
    now = batch.book.booked_at
    flow.data = plan_text(plan)
    # It answered: only what stays silent from now on brings the flow nearer to people.
    flow.attempts = min(1, flow.attempts)
    until = flow.created_at + ACTION_TIME[plan.method]
    if until <= now:
        until = now + ACTION_TIME[plan.method]
    wait(flow, now, until, "waits for the payer")
    batch.moved_on[flow.id] = flow
    answer = Answer(201, text)
    if flow.key_id is not None:
        batch.final.append((flow.merchant_id, flow.key_id, answer))
    batch.answers.append(answer)


def _why_undone(payment: Payment, verdict: Verdict) -> str:
    assert payment.rail is not None
    if payment.rail.cancel_requested:
        return "canceled meanwhile"
    if verdict.amount_minor not in {None, payment.amount_minor}:
        return f"approved for {verdict.amount_minor}"
    return "cannot be booked"


def _answer_of(payment: Payment, text: str) -> Answer:
    """The final answer of a create request."""
    code = payment.rail.decline_code if payment.rail else None
    if payment.status == "declined":
        error: PlatformError = DeclinedByProcessor(payment=payment.name, decline_code=code)
    elif payment.status == "failed":
        error = PaymentUndone(payment=payment.name, why=code)
    else:
        return Answer(201, text)
    return refusal(error, payment.correlation_id)


@step
async def book_captures(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Post what processors captured; answers 200, or 402 where they declined."""
    batch = await _load(tx, bookings, fees=True)
    for booking, flow, payment in each(batch, bookings):
        payment.operation_id = None
        batch.changed[payment.id] = payment
        verdict: Verdict = booking.result
        if verdict.outcome == "declined":
            error = CaptureDeclined(payment=payment.name, decline_code=verdict.code)
            batch.end(flow, refusal(error, flow.correlation_id))
        elif verdict.outcome != "approved":
            batch.release_key(flow, ProcessorUnavailable())
        else:
            _book_capture(tx, batch, flow, payment, verdict)
    # After this line only writes.
    batch.write(tx)
    return batch.answers


def _book_capture(
    tx: Tx, batch: PaymentBatch, flow: Flow, payment: Payment, verdict: Verdict
) -> None:
    plan = plan_of(flow, CapturePlan)
    hold = batch.hold_of(payment)
    assert hold is not None
    # The processor's word counts; where it took less than it was asked for, less is booked.
    amount = plan.amount_minor if verdict.amount_minor is None else verdict.amount_minor
    final = plan.final or amount == hold.left_minor
    capture = capture_of(payment, amount, final=final)
    refused = decisions.post_capture(
        batch.book,
        payment,
        hold,
        capture,
        transfer_id=plan.transfer_id,
        correlation_id=flow.correlation_id,
        region=batch.region,
        stripe=stripe_of(tx),
    )
    if refused is not None:
        # It was decided when it was asked for, and nothing else runs on the payment meanwhile.
        batch.park(flow, payment, f"captured, and not booked: {refused.code}")
        return
    text = batch.note(payment, flow.correlation_id, f"payment.{payment.status}")
    batch.end(flow, Answer(200, text))


@step
async def book_cancellations(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Release what processors gave back; answers 200, or 409 where there was nothing to cancel."""
    batch = await _load(tx, bookings)
    for booking, flow, payment in each(batch, bookings):
        verdict: Verdict = booking.result
        if payment.operation_id == flow.id:
            payment.operation_id = None
            batch.changed[payment.id] = payment
            if verdict.outcome in {"approved", "not_found"}:
                _release(batch, flow, payment)
                continue
            if verdict.outcome != "declined":
                batch.release_key(flow, ProcessorUnavailable())
                continue
        if payment.status in {"canceled", "expired"}:
            batch.end(flow, Answer(200, payment_text(payment)))
        else:
            error = PaymentNotCancelable(payment=payment.name, status=payment.status)
            batch.end(flow, refusal(error, flow.correlation_id))
    # After this line only writes.
    batch.write(tx)
    return batch.answers


def _release(batch: PaymentBatch, flow: Flow, payment: Payment) -> None:
    plan = plan_of(flow, ReleasePlan)
    error = decisions.decide_release(
        batch.book,
        payment,
        batch.hold_of(payment),
        transfer_id=plan.transfer_id,
        expired=plan.expired,
        correlation_id=flow.correlation_id,
    )
    if error is not None:
        batch.end(flow, refusal(error, flow.correlation_id))
        return
    text = batch.note(payment, flow.correlation_id, f"payment.{payment.status}")
    batch.end(flow, Answer(200, text))


@step
async def book_refunds(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """End refunds as processors said; answers 201, or 402 where they declined."""
    plans = {b.flow.id: plan_of(b.flow, RefundPlan) for b in bookings}
    keys = {(b.merchant_id, plans[b.flow.id].refund_id) for b in bookings}
    batch, refunds = await _load_refunds(tx, bookings, keys)
    for booking, flow, payment in each(batch, bookings):
        refund = refunds[plans[flow.id].refund_id]
        verdict: Verdict = booking.result
        payment.operation_id = None
        batch.changed[payment.id] = payment
        if refund.status != "pending":
            batch.end(flow, Answer(201, refund_text(refund)))
        elif verdict.outcome in {"approved", "pending"}:
            # A pending one is on its way: it may fail days later, as one that succeeded may.
            refund.status = "succeeded"
            refund.processor_reference = verdict.processor_reference
            refund.version += 1
            payment.version += 1
            payment.updated_at = batch.book.booked_at
            batch.note(payment, flow.correlation_id, "payment.refunded")
            text = batch.note_refund(refund, flow.correlation_id, "refund.succeeded")
            batch.end(flow, Answer(201, text))
        else:
            _fail_refund(batch, flow, payment, refund, verdict)
    # After this line only writes.
    store.update_refunds(tx, batch.region, list(batch.refunds.values()))
    batch.write(tx)
    return batch.answers


def _fail_refund(
    batch: PaymentBatch, flow: Flow, payment: Payment, refund: Refund, verdict: Verdict
) -> None:
    surely_not = verdict.outcome != "declined"
    code = verdict.code or verdict.outcome
    command = flow.command(
        FailRefund,
        None,
        payment_id=payment.id,
        refund_id=refund.id,
        transfer_id=ids.new(),
        code=code,
    )
    error = _book_failure(batch, payment, refund, command)
    if error is not None:
        batch.park(flow, payment, f"not made, and not booked back: {error.code}")
    elif surely_not:
        batch.release_key(flow, ProcessorUnavailable())
    else:
        name = ids.encode("refund", refund.id)
        declined = RefundDeclined(refund=name, payment=payment.name, decline_code=code)
        batch.end(flow, refusal(declined, flow.correlation_id))


def _book_failure(
    batch: PaymentBatch, payment: Payment, refund: Refund, command: FailRefund
) -> PlatformError | None:
    error = decisions.fail_refund(batch.book, payment, refund, command, stripe=batch.stripe)
    if error is None:
        batch.note(payment, command.correlation_id, "payment.refund_failed")
        batch.note_refund(refund, command.correlation_id, "refund.failed")
    return error


@step
async def fail_refunds(tx: Tx, commands: Sequence[FailRefund]) -> list[Answer]:
    """Book that refunds which had succeeded came back; one that failed already stays as it is."""
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    batch = await load(
        tx,
        region,
        claims.moving,
        {(c.merchant_id, c.payment_id) for c in claims.fresh},
        held=False,
        available=True,
    )
    keys = {(c.merchant_id, c.refund_id) for c in claims.fresh}
    refunds = await store.lock_refunds(tx, region, claims.moving, keys)
    for command in claims.fresh:
        payment, _ = batch.find(command)
        refund = refunds.get(command.refund_id)
        if payment is None or refund is None:
            batch.refuse(command, not_found(command))
            continue
        if refund.status == "succeeded":
            error = _book_failure(batch, payment, refund, command)
            if error is not None:
                batch.refuse(command, error)
                continue
        batch.answers.append(Answer(200, refund_text(refund)))
    # After this line only writes.
    store.update_refunds(tx, region, list(batch.refunds.values()))
    batch.write(tx)
    return idempotency.keep(tx, claims, batch.answers)


async def _load(tx: Tx, bookings: Sequence[Booking], *, fees: bool = False) -> PaymentBatch:
    return await load(
        tx,
        bookings[0].region,
        moving(bookings),
        {(b.merchant_id, b.flow.object_id) for b in bookings},
        flows={(b.merchant_id, b.flow.id) for b in bookings},
        fees=fees,
    )


async def _load_refunds(
    tx: Tx, bookings: Sequence[Booking], keys: set[tuple[UUID, UUID]]
) -> tuple[PaymentBatch, dict[UUID, Refund]]:
    region, moves = bookings[0].region, moving(bookings)
    batch = await load(
        tx,
        region,
        moves,
        {(b.merchant_id, b.flow.object_id) for b in bookings},
        flows={(b.merchant_id, b.flow.id) for b in bookings},
        held=False,
        available=True,
    )
    return batch, await store.lock_refunds(tx, region, moves, keys)
