"""Decisions about payments whose money moves outside, once a processor has spoken: pure.

A processor's word is never decided here, only booked: approved money is posted, declined money is
given back, and what cannot be booked is undone at the processor before anybody is told.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from app.base import ids
from app.base.errors import InvariantViolated, PlatformError
from app.domains import ledger
from app.domains.ledger import Book, Draft, Hold
from app.domains.payments import decisions, model, splits
from app.domains.payments.exchange import Exchange
from app.domains.payments.inputs import FailRefund, OpenPayment, RefundPayment
from app.domains.payments.model import UNDECIDED, Capture, Payment, PaymentStatus, Refund
from app.processors import Verdict

NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""A hold whose outcome nobody knows does not expire: nobody decides for a processor."""

LOOK_AGAIN: Final = timedelta(minutes=5)
"""When the sweeper comes back to a hold whose payment is worked on; as the third pause of flows."""

ASK_AGAIN: Final = timedelta(days=1)
"""After this an expiry that waits for the processor is begun anew by the sweeper."""


class Next(Enum):
    """What a flow does after a booking."""

    END = "end"
    """It is over, and its answer is final."""
    WAIT = "wait"
    """Somebody outside has to do something first."""
    UNDO = "undo"
    """What the processor did must be taken back."""
    NEXT_PROCESSOR = "next_processor"
    """The processor surely did nothing; the payment has gone to the next of its route."""
    RELEASE_KEY = "release_key"
    """Surely nothing was done anywhere; the request may be sent again with the same key."""


def decide_rail_open(
    book: Book, command: OpenPayment, holds: list[Hold], exchange: Exchange | None = None
) -> Payment | PlatformError:
    """Hold a new payment's amount until the processor has spoken."""
    payment = decisions.new_payment(command, book, exchange)
    hold = decisions.hold_amount(book, command, payment, NEVER)
    if isinstance(hold, PlatformError):
        return hold
    holds.append(hold)
    payment.hold_id = hold.id
    return payment


def book_authorization(
    book: Book,
    payment: Payment,
    hold: Hold,
    verdict: Verdict,
    *,
    region: str,
    stripe: int,
    hold_days: int,
) -> Next:
    """Book what the processor said about a new payment; changes nothing where it is UNDO."""
    rail = payment.rail
    if rail is None or payment.status not in UNDECIDED:
        return Next.END
    if verdict.outcome == "approved":
        return _book_approval(
            book, payment, hold, verdict, region=region, stripe=stripe, hold_days=hold_days
        )
    if verdict.outcome in {"requires_action", "pending"}:
        if rail.cancel_requested:
            return Next.UNDO
        _require_action(book, payment, verdict)
        return Next.WAIT
    if verdict.outcome == "declined":
        rail.decline_code = verdict.code or "generic_decline"
        _give_up(book, payment, hold, "declined")
        return Next.END
    if rail.cancel_requested:
        _give_up(book, payment, hold, "canceled")
        return Next.END
    if len(rail.route) > 1:
        rail.route = rail.route[1:]
        payment.version += 1
        payment.updated_at = book.booked_at
        return Next.NEXT_PROCESSOR
    rail.decline_code = verdict.code or "not_executed"
    _give_up(book, payment, hold, "failed")
    return Next.RELEASE_KEY


def book_undone(book: Book, payment: Payment, hold: Hold, why: str) -> Next:
    """Book that the processor took back what it had approved."""
    if payment.rail is None or payment.status not in UNDECIDED:
        return Next.END
    canceled = payment.rail.cancel_requested
    if not canceled:
        payment.rail.decline_code = why
    _give_up(book, payment, hold, "canceled" if canceled else "failed")
    return Next.END


def _book_approval(
    book: Book,
    payment: Payment,
    hold: Hold,
    verdict: Verdict,
    *,
    region: str,
    stripe: int,
    hold_days: int,
) -> Next:
    rail = payment.rail
    assert rail is not None
    other_amount = verdict.amount_minor not in {None, payment.amount_minor}
    # Money that came by a bank transfer cannot be sent back from here: it is taken, at once.
    has_come = payment.method == "bank_transfer"
    canceled = rail.cancel_requested and not has_come
    if canceled or other_amount:
        return Next.UNDO
    if payment.capture == "manual" and not has_come:
        payment.status = "authorized"
        payment.expires_at = hold.expires_at = book.booked_at + timedelta(days=hold_days)
        payment.version += 1
        payment.updated_at = book.booked_at
    else:
        fee = model.fee_of_capture(payment, payment.amount_minor)
        capture = Capture(payment.amount_minor, fee, final=True)
        refused = decisions.post_capture(
            book,
            payment,
            hold,
            capture,
            transfer_id=ids.new(),
            correlation_id=payment.correlation_id,
            region=region,
            stripe=stripe,
        )
        if refused is not None:
            return Next.UNDO
    rail.processor_reference = verdict.processor_reference
    rail.action_url = rail.instructions = None
    payment.operation_id = None
    return Next.END


def _require_action(book: Book, payment: Payment, verdict: Verdict) -> None:
    rail = payment.rail
    assert rail is not None
    instructions = dict(verdict.instructions) if verdict.instructions else None
    rail.processor_reference = verdict.processor_reference
    if (payment.status, rail.action_url, rail.instructions) == (
        "requires_action",
        verdict.action_url,
        instructions,
    ):
        return
    rail.action_url, rail.instructions = verdict.action_url, instructions
    payment.status = "requires_action"
    payment.version += 1
    payment.updated_at = book.booked_at


def _give_up(book: Book, payment: Payment, hold: Hold, status: PaymentStatus) -> None:
    """Give the held amount back; the payment ends as `status`."""
    booked = ledger.release_hold(
        book,
        hold,
        transfer_id=ids.new(),
        expired=False,
        correlation_id=payment.correlation_id,
    )
    if isinstance(booked, PlatformError):
        raise InvariantViolated(f"the hold of {payment.name} cannot be released: {booked.code}")
    assert payment.rail is not None
    payment.rail.action_url = payment.rail.instructions = None
    payment.status = status
    payment.operation_id = None
    payment.version += 1
    payment.updated_at = book.booked_at


def decide_refund(
    book: Book, command: RefundPayment, payment: Payment, *, stripe: int
) -> Refund | PlatformError:
    """Book a refund that the processor still has to make: the money leaves the merchant now.

    So a second refund sees it gone, whenever the processor speaks.
    """
    refund = decisions.decide_refund(book, command, payment, stripe=stripe)
    if isinstance(refund, Refund):
        refund.status = "pending"
    return refund


def fail_refund(
    book: Book, payment: Payment, refund: Refund, command: FailRefund, *, stripe: int
) -> PlatformError | None:
    """Book that the payer did not get the money: it is the merchant's again."""
    changes = splits.refund_changes(
        payment, splits.split_of(refund), region=command.region, stripe=stripe, failed=True
    )
    booked = book.book(
        Draft(
            merchant_id=payment.merchant_id,
            id=command.transfer_id,
            kind="posted",
            purpose="refund_failure",
            changes=changes,
            correlation_id=command.correlation_id,
            payment_id=payment.id,
        )
    )
    if isinstance(booked, PlatformError):
        return booked
    refund.status = "failed"
    refund.failure_code = command.code
    refund.version += 1
    model.apply_refund(payment, refund, book.booked_at, -1)
    return None


def capture_name(transfer_id: UUID) -> str:
    """The reference of a capture: as its transfer will be named."""
    return ids.encode("capture", transfer_id)
