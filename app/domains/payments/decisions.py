"""Decisions about payments over the ledger's book: pure, and shared by tests with a model.

Each books what its command asks, or returns the refusal and changes nothing.
"""

from datetime import datetime, timedelta
from uuid import UUID

from app.base.errors import PlatformError
from app.domains import fx, ledger
from app.domains.fx import Quote, QuoteUse
from app.domains.ledger import Book, Change, Draft, Hold
from app.domains.payments import model, splits
from app.domains.payments.exchange import Exchange, exchange_at
from app.domains.payments.inputs import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.domains.payments.model import Payment, Refund


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
    capture = model.decide_capture(
        payment,
        command.amount_minor,
        final=command.final,
        left_minor=hold.left_minor if hold else 0,
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
    away_minor, away = splits.capture_split(
        payment, capture.amount_minor, capture.fee_minor, region=region, stripe=stripe
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
    model.apply_capture(payment, capture, book.booked_at)
    return None


def decide_release(
    book: Book, command: ReleasePayment, payment: Payment, hold: Hold | None
) -> PlatformError | None:
    """Give back the rest of a payment's hold, or say why not; refusals as in `release_payments`."""
    return release(
        book,
        payment,
        hold,
        transfer_id=command.transfer_id,
        expired=command.expired,
        correlation_id=command.correlation_id,
    )


def release(
    book: Book,
    payment: Payment,
    hold: Hold | None,
    *,
    transfer_id: UUID,
    expired: bool,
    correlation_id: str,
) -> PlatformError | None:
    """Give back the rest of a payment's hold, or say why not."""
    error = model.decide_cancel(payment)
    if error is not None or hold is None:
        return error
    booked = ledger.release_hold(
        book, hold, transfer_id=transfer_id, expired=expired, correlation_id=correlation_id
    )
    if isinstance(booked, PlatformError):
        return booked
    model.apply_release(payment, book.booked_at, expired=expired)
    return None


def decide_refund(
    book: Book, command: RefundPayment, payment: Payment, *, stripe: int
) -> Refund | PlatformError:
    """Book a refund, or say why not; refusals in the order of `refund_payments`."""
    amount = model.decide_refund(payment, command.amount_minor)
    if isinstance(amount, PlatformError):
        return amount
    split = splits.refund_split(payment, amount)
    booked = book.book(
        Draft(
            merchant_id=payment.merchant_id,
            id=command.transfer_id,
            kind="posted",
            purpose="refund",
            changes=splits.refund_changes(payment, split, region=command.region, stripe=stripe),
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
    model.apply_refund(payment, refund, book.booked_at)
    return refund


def _hold_changes(payment: Payment) -> list[Change]:
    merchant = splits.captured_account(payment.merchant_id, payment.currency, payment.method)
    amount = payment.amount_minor
    return [
        Change(payment.merchant_id, payment.account_id, "debit", 0, amount),
        Change(payment.merchant_id, merchant.id, "credit", 0, amount),
    ]


def _paid_changes(payment: Payment, region: str, fee: int, stripe: int) -> list[Change]:
    merchant = splits.available_account(payment.merchant_id, payment.currency)
    amount = payment.amount_minor
    away_minor, away = splits.capture_split(payment, amount, fee, region=region, stripe=stripe)
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
