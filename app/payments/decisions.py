"""Decisions about payments over the ledger's book: pure, and shared by tests with a model.

Each books what its command asks, or returns the refusal and changes nothing.
"""

from datetime import timedelta
from uuid import UUID

from app import ids, ledger
from app.errors import PlatformError
from app.ledger import Book, Change, Draft, Hold, chart
from app.ledger.chart import ChartAccount
from app.payments import model
from app.payments.inputs import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.payments.model import Payment, Refund


def decide_open(
    book: Book, command: OpenPayment, holds: list[Hold], *, stripe: int, hold_days: int
) -> Payment | PlatformError:
    """Book a new payment's transfer or hold; refusals in the order of `open_payments`."""
    error = ledger.refuse_wallet(book, command.merchant_id, command.account_id, command.currency)
    if error is not None:
        return error
    payment = _new_payment(command, book)
    if command.capture == "manual":
        hold = ledger.begin_hold(
            book,
            _draft(command, "pending", "authorization", _hold_changes(payment)),
            amount_minor=payment.amount_minor,
            expires_at=book.booked_at + timedelta(days=hold_days),
            payment_id=payment.id,
        )
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
    booked = ledger.post_hold(
        book,
        hold,
        transfer_id=command.transfer_id,
        amount_minor=capture.amount_minor,
        final=capture.final,
        fee_minor=capture.fee_minor,
        fee_change=_fee_change(command.region, payment.currency, capture.fee_minor, stripe),
        correlation_id=command.correlation_id,
    )
    if isinstance(booked, PlatformError):
        return booked
    model.apply_capture(payment, capture, book.booked_at)
    return None


def decide_release(
    book: Book, command: ReleasePayment, payment: Payment, hold: Hold | None
) -> PlatformError | None:
    """Give back the rest of a payment's hold, or say why not; refusals as in `release_payments`."""
    error = model.decide_cancel(payment)
    if error is not None or hold is None:
        return error
    booked = ledger.release_hold(
        book,
        hold,
        transfer_id=command.transfer_id,
        expired=command.expired,
        correlation_id=command.correlation_id,
    )
    if isinstance(booked, PlatformError):
        return booked
    model.apply_release(payment, book.booked_at, expired=command.expired)
    return None


def decide_refund(book: Book, command: RefundPayment, payment: Payment) -> Refund | PlatformError:
    """Book a refund, or say why not; refusals in the order of `refund_payments`."""
    amount = model.decide_refund(payment, command.amount_minor)
    if isinstance(amount, PlatformError):
        return amount
    merchant = chart.merchant_account(payment.merchant_id, payment.currency, "merchant_available")
    booked = book.book(
        Draft(
            merchant_id=payment.merchant_id,
            id=command.transfer_id,
            kind="posted",
            purpose="refund",
            changes=[
                Change(payment.merchant_id, merchant.id, "debit", amount),
                Change(payment.merchant_id, payment.account_id, "credit", amount),
            ],
            correlation_id=command.correlation_id,
            payment_id=payment.id,
        )
    )
    if isinstance(booked, PlatformError):
        return booked
    model.apply_refund(payment, amount, book.booked_at)
    return Refund(
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
    )


def fee_account(region: str, currency: str, stripe: int) -> ChartAccount:
    """The stripe of the platform's fee account that this writer uses."""
    return chart.platform_account(region, currency, "platform_fees", stripe)


def available_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """Where a merchant's captured money goes."""
    return chart.merchant_account(merchant_id, currency, "merchant_available")


def _hold_changes(payment: Payment) -> list[Change]:
    merchant = available_account(payment.merchant_id, payment.currency)
    amount = payment.amount_minor
    return [
        Change(payment.merchant_id, payment.account_id, "debit", 0, amount),
        Change(payment.merchant_id, merchant.id, "credit", 0, amount),
    ]


def _paid_changes(payment: Payment, region: str, fee: int, stripe: int) -> list[Change]:
    merchant = available_account(payment.merchant_id, payment.currency)
    amount = payment.amount_minor
    changes = [Change(payment.merchant_id, payment.account_id, "debit", amount)]
    if amount > fee:
        changes.append(Change(payment.merchant_id, merchant.id, "credit", amount - fee))
    fee_change = _fee_change(region, payment.currency, fee, stripe)
    if fee_change is not None:
        changes.append(fee_change)
    return changes


def _fee_change(region: str, currency: str, fee: int, stripe: int) -> Change | None:
    if fee == 0:
        return None
    return Change(ids.NIL, fee_account(region, currency, stripe).id, "credit", fee)


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


def _new_payment(command: OpenPayment, book: Book) -> Payment:
    return Payment(
        merchant_id=command.merchant_id,
        id=command.payment_id,
        status="authorized",
        method="wallet",
        capture=command.capture,
        account_id=command.account_id,
        customer=book.accounts[command.account_id].customer,
        currency=command.currency,
        amount_minor=command.amount_minor,
        amount_captured_minor=0,
        amount_refunded_minor=0,
        fee_minor=0,
        fee_bps=command.fee_bps,
        fee_fixed_minor=command.fee_fixed_minor,
        disputed=False,
        hold_id=None,
        description=command.description,
        metadata=command.metadata,
        version=1,
        correlation_id=command.correlation_id,
        created_at=book.booked_at,
        updated_at=book.booked_at,
        expires_at=None,
    )
