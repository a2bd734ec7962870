"""Decisions about payments over the ledger's book: pure, and shared by tests with a model.

Each checks in order of precedence, and books what its command asks, or returns the refusal and
changes nothing. What a processor said is never decided here, only booked: approved money is posted,
declined money is given back, and what cannot be booked is undone at the processor before a client
gets an answer.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from app.base import ids
from app.base.errors import InvariantViolated, PlatformError
from app.domains import fx, ledger
from app.domains.fx import Quote, QuoteUse
from app.domains.ledger import Book, Change, Draft, Hold
from app.domains.payments import model
from app.domains.payments.commands import (
    CapturePayment,
    FailRefund,
    OpenPayment,
    RefundPayment,
)
from app.domains.payments.errors import (
    CaptureExceedsHold,
    PaymentDisputed,
    PaymentNotCancelable,
    PaymentNotCapturable,
    PaymentNotRefundable,
    RefundExceedsCapture,
    RefundNotSupported,
)
from app.domains.payments.model import (
    OPEN,
    REFUNDABLE,
    UNDECIDED,
    Capture,
    Exchange,
    Payment,
    PaymentStatus,
    Refund,
    exchange_at,
)
from app.processors import Verdict


def resolve_capture(
    payment: Payment, amount_minor: int | None, *, final: bool, left_minor: int, now: datetime
) -> Capture | PlatformError:
    """A capture of `amount_minor`, or of all that is left.

    An authorization that has expired is not captured, though the worker may not have released it.

    Refusals, the first that applies: PaymentNotCapturable, CaptureExceedsHold.
    """
    if payment.status not in OPEN:
        return PaymentNotCapturable(payment=payment.name, status=payment.status)
    if payment.expires_at is not None and payment.expires_at <= now:
        return PaymentNotCapturable(payment=payment.name, status="expired")
    amount = left_minor if amount_minor is None else amount_minor
    if amount > left_minor:
        return CaptureExceedsHold(payment=payment.name, left=left_minor, asked=amount)
    return model.capture_of(payment, amount, final=final or amount == left_minor)


def apply_capture(payment: Payment, capture: Capture, now: datetime) -> None:
    """Make the payment say what the ledger did."""
    payment.amount_captured_minor += capture.amount_minor
    payment.fee_minor += capture.fee_minor
    payment.fee_refunded_minor += capture.fee_refunded_minor
    payment.status = "captured" if capture.final else "partially_captured"
    payment.version += 1
    payment.updated_at = now


def refuse_cancel(payment: Payment) -> PlatformError | None:
    """Whether a payment can be canceled. Refusal: PaymentNotCancelable."""
    if payment.status not in OPEN:
        return PaymentNotCancelable(payment=payment.name, status=payment.status)
    return None


def apply_release(payment: Payment, now: datetime, *, expired: bool) -> None:
    """The rest of the hold was released: what was captured before stays captured."""
    if payment.amount_captured_minor:
        payment.status = "captured"
    else:
        payment.status = "expired" if expired else "canceled"
    payment.version += 1
    payment.updated_at = now


def resolve_refund(payment: Payment, amount_minor: int | None) -> int | PlatformError:
    """How much to refund: `amount_minor`, or all that is left.

    Refusals, the first that applies: PaymentNotRefundable, RefundNotSupported, PaymentDisputed,
    RefundExceedsCapture.
    """
    if payment.status not in REFUNDABLE:
        return PaymentNotRefundable(payment=payment.name, status=payment.status)
    if payment.method == "bank_transfer":
        # No bank here takes an order by a payment: it would have to know the payer's account.
        return RefundNotSupported(payment=payment.name)
    if payment.disputed:
        # The payer's bank takes the money back or does not; both would be twice. While it only
        # inquires it has taken nothing, and the payment is not disputed.
        return PaymentDisputed(payment=payment.name)
    left = payment.amount_captured_minor - payment.amount_refunded_minor
    amount = left if amount_minor is None else amount_minor
    if amount > left or amount == 0:
        return RefundExceedsCapture(payment=payment.name, left=left, asked=amount)
    return amount


def apply_refund(payment: Payment, split: model.RefundSplit, now: datetime) -> None:
    """Make the payment say what was refunded, or that it was not after all."""
    payment.amount_refunded_minor += split.amount_minor
    payment.fee_refunded_minor += split.fee_minor
    if payment.exchange is not None and split.exchanged is not None:
        payment.exchange.refunded = fx.plus(payment.exchange.refunded, split.exchanged)
    payment.version += 1
    payment.updated_at = now


def decide_wallet_open(
    book: Book,
    command: OpenPayment,
    holds: list[Hold],
    *,
    stripe: int,
    hold_days: int,
    exchange: Exchange | None = None,
) -> Payment | PlatformError:
    """Book a new payment's transfer or hold; refusals in the order of `open_payments`."""
    error = ledger.refuse_wallet(book, command.merchant_id, command.account_id, command.currency)
    if error is not None:
        return error
    payment = new_payment(command, book, exchange)
    if command.capture == "manual":
        hold = hold_amount(book, command, payment, book.booked_at + timedelta(days=hold_days))
        if isinstance(hold, PlatformError):
            return hold
        holds.append(hold)
        payment.hold_id = hold.id
        payment.expires_at = hold.expires_at
        return payment
    fee = model.fee_of_capture(payment, payment.amount_minor)
    booked = book.book(
        _draft(command, "posted", "payment", _paid_changes(payment, command.region, fee, stripe))
    )
    if isinstance(booked, PlatformError):
        return booked
    payment.status = "captured"
    payment.amount_captured_minor = payment.amount_minor
    payment.fee_minor = fee
    return payment


def hold_amount(
    book: Book, command: OpenPayment, payment: Payment, expires_at: datetime
) -> Hold | PlatformError:
    """Hold a new payment's amount for the merchant."""
    return ledger.begin_hold(
        book,
        _draft(command, "pending", "authorization", _hold_changes(payment)),
        amount_minor=payment.amount_minor,
        expires_at=expires_at,
        payment_id=payment.id,
    )


def decide_capture(
    book: Book, command: CapturePayment, payment: Payment, hold: Hold | None, *, stripe: int
) -> PlatformError | None:
    """Post a part of a payment's hold, or say why not; refusals as in `capture_payments`."""
    capture = resolve_capture(
        payment,
        command.amount_minor,
        final=command.final,
        left_minor=hold.left_minor if hold else 0,
        now=book.booked_at,
    )
    if isinstance(capture, PlatformError) or hold is None:
        return capture if isinstance(capture, PlatformError) else None
    return post_capture(
        book,
        payment,
        hold,
        capture,
        transfer_id=command.transfer_id,
        correlation_id=command.correlation_id,
        region=command.region,
        stripe=stripe,
    )


def post_capture(
    book: Book,
    payment: Payment,
    hold: Hold,
    capture: model.Capture,
    *,
    transfer_id: UUID,
    correlation_id: str,
    region: str,
    stripe: int,
) -> PlatformError | None:
    """Post what was decided to capture of a payment's hold; refusals are the ledger's."""
    away_minor, away = model.capture_split(
        payment,
        capture.amount_minor,
        capture.fee_minor - capture.fee_refunded_minor,
        region=region,
        stripe=stripe,
    )
    booked = ledger.post_hold(
        book,
        hold,
        transfer_id=transfer_id,
        amount_minor=capture.amount_minor,
        final=capture.final,
        away_minor=away_minor,
        away=away,
        correlation_id=correlation_id,
    )
    if isinstance(booked, PlatformError):
        return booked
    apply_capture(payment, capture, book.booked_at)
    return None


def decide_release(
    book: Book,
    payment: Payment,
    hold: Hold | None,
    *,
    transfer_id: UUID,
    expired: bool,
    correlation_id: str,
) -> PlatformError | None:
    """Give back the rest of a payment's hold, or say why not; refusals as in `release_payments`."""
    error = refuse_cancel(payment)
    if error is not None or hold is None:
        return error
    booked = ledger.release_hold(
        book, hold, transfer_id=transfer_id, expired=expired, correlation_id=correlation_id
    )
    if isinstance(booked, PlatformError):
        return booked
    apply_release(payment, book.booked_at, expired=expired)
    return None


def decide_refund(
    book: Book, command: RefundPayment, payment: Payment, *, stripe: int
) -> Refund | PlatformError:
    """Book a refund, or say why not; refusals in the order of `refund_payments`."""
    amount = resolve_refund(payment, command.amount_minor)
    if isinstance(amount, PlatformError):
        return amount
    split = model.refund_split(payment, amount)
    available = model.available_account(payment.merchant_id, payment.merchant_currency)
    below = ledger.refuse_below(
        book, available.id, split.merchant_minor, command.negative_limit_minor
    )
    if below is not None:
        return below
    booked = book.book(
        Draft(
            merchant_id=payment.merchant_id,
            id=command.transfer_id,
            kind="posted",
            purpose="refund",
            changes=model.refund_changes(payment, split, region=command.region, stripe=stripe),
            correlation_id=command.correlation_id,
            payment_id=payment.id,
        )
    )
    if isinstance(booked, PlatformError):
        return booked
    refund = Refund(
        merchant_id=payment.merchant_id,
        id=command.refund_id,
        payment_id=payment.id,
        status="succeeded",
        currency=payment.currency,
        amount_minor=amount,
        description=command.description,
        metadata=command.metadata,
        version=1,
        correlation_id=command.correlation_id,
        created_at=book.booked_at,
        exchanged=split.exchanged,
        fee_refunded_minor=split.fee_minor,
    )
    apply_refund(payment, split, book.booked_at)
    return refund


def _hold_changes(payment: Payment) -> list[Change]:
    merchant = model.captured_account(payment.merchant_id, payment.currency, payment.method)
    amount = payment.amount_minor
    return [
        Change(payment.merchant_id, payment.account_id, "debit", 0, amount),
        Change(payment.merchant_id, merchant.id, "credit", 0, amount),
    ]


def _paid_changes(payment: Payment, region: str, fee: int, stripe: int) -> list[Change]:
    merchant = model.available_account(payment.merchant_id, payment.currency)
    amount = payment.amount_minor
    away_minor, away = model.capture_split(payment, amount, fee, region=region, stripe=stripe)
    changes = [Change(payment.merchant_id, payment.account_id, "debit", amount)]
    if amount > away_minor:
        changes.append(Change(payment.merchant_id, merchant.id, "credit", amount - away_minor))
    return changes + away


def _draft(command: OpenPayment, kind: str, purpose: str, changes: list[Change]) -> Draft:
    return Draft(
        merchant_id=command.merchant_id,
        id=command.transfer_id,
        kind=kind,
        purpose=purpose,
        changes=changes,
        correlation_id=command.correlation_id,
        payment_id=command.payment_id,
    )


def decide_exchange(
    command: OpenPayment, quote: Quote | None, now: datetime
) -> Exchange | PlatformError | None:
    """At what a new payment converts, if it names a quote; the quote is not changed yet.

    Refusals, the first that applies: QuoteNotFound, QuoteUsed, QuoteExpired, QuoteMismatch.
    """
    if command.quote_id is None:
        return None
    use = QuoteUse(command.quote_id, command.currency, command.amount_minor)
    refused = fx.decide_use(quote, use, now)
    if isinstance(refused, PlatformError):
        return refused
    assert quote is not None
    return exchange_at(quote)


def new_payment(command: OpenPayment, book: Book, exchange: Exchange | None = None) -> Payment:
    """A payment before anything is booked."""
    fees = command.fee_terms
    if exchange is not None:
        # Only now it is known which currency the merchant gets.
        fees = command.fee_terms_in(exchange.whole.target_currency)
    return Payment(
        merchant_id=command.merchant_id,
        id=command.payment_id,
        status="authorized" if command.rail is None else "processing",
        method=command.method,
        capture=command.capture,
        account_id=command.account_id,
        customer=command.customer or book.accounts[command.account_id].customer,
        currency=command.currency,
        amount_minor=command.amount_minor,
        amount_captured_minor=0,
        amount_refunded_minor=0,
        fee_minor=0,
        fee_bps=fees.bps,
        fee_fixed_minor=fees.fixed_minor,
        disputed=False,
        hold_id=None,
        description=command.description,
        metadata=command.metadata,
        version=1,
        correlation_id=command.correlation_id,
        created_at=book.booked_at,
        updated_at=book.booked_at,
        expires_at=None,
        rail=command.rail,
        fee_plan=fees if fees.has_more else None,
        exchange=exchange,
    )


NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""A hold whose outcome is unknown does not expire: only the processor decides."""

LOOK_AGAIN: Final = timedelta(minutes=5)
"""When the sweeper comes back to a hold whose payment is worked on; as the third pause of flows."""

ASK_AGAIN: Final = timedelta(days=1)
"""After this an expiry that waits for the processor is begun anew by the sweeper."""


class Next(Enum):
    """What a flow does after a booking."""

    END = "end"
    """It is over, and its answer is final."""
    WAIT = "wait"
    """The payer or the processor has to do something first."""
    UNDO = "undo"
    """What the processor did must be taken back."""
    NEXT_PROCESSOR = "next_processor"
    """The processor surely did nothing; the payment has gone to the next of its route."""
    RELEASE_KEY = "release_key"
    """Surely nothing was done anywhere; the request may be sent again with the same key."""


def decide_rail_open(
    book: Book, command: OpenPayment, holds: list[Hold], exchange: Exchange | None = None
) -> Payment | PlatformError:
    """Hold a new payment's amount until the processor has decided."""
    payment = new_payment(command, book, exchange)
    hold = hold_amount(book, command, payment, NEVER)
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
        capture = model.capture_of(payment, payment.amount_minor, final=True)
        refused = post_capture(
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


def decide_rail_refund(
    book: Book, command: RefundPayment, payment: Payment, *, stripe: int
) -> Refund | PlatformError:
    """Book a refund that the processor still has to make: the money leaves the merchant now.

    So a second refund sees it gone, whenever the processor answers.
    """
    refund = decide_refund(book, command, payment, stripe=stripe)
    if isinstance(refund, Refund):
        refund.status = "pending"
    return refund


def fail_refund(
    book: Book, payment: Payment, refund: Refund, command: FailRefund, *, stripe: int
) -> PlatformError | None:
    """Book that the payer did not get the money: it is the merchant's again."""
    split = model.refund_split(payment, -refund.amount_minor)
    changes = model.refund_changes(payment, split, region=command.region, stripe=stripe)
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
    apply_refund(payment, split, book.booked_at)
    return None


def capture_name(transfer_id: UUID) -> str:
    """The reference of a capture: as its transfer will be named."""
    return ids.encode("capture", transfer_id)
