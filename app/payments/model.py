"""Payments, refunds and the decisions about them: pure.

    processing -> authorized -> partially_captured -> captured
                  authorized -> canceled | expired
                  partially_captured -> captured      (by cancel or expiry: the rest is released)

Each decision takes the payment as it is, checks in order of precedence, and changes it only after
nothing can refuse any more.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from app import ids, money
from app.errors import PlatformError
from app.payments.errors import (
    CaptureExceedsHold,
    PaymentNotCancelable,
    PaymentNotCapturable,
    PaymentNotRefundable,
    RefundExceedsCapture,
)

OPEN = frozenset({"authorized", "partially_captured"})
"""States with an open hold."""

REFUNDABLE = frozenset({"partially_captured", "captured"})


class Payment(msgspec.Struct):
    """What a payer owes, and how far it has come. Amounts in minor units."""

    merchant_id: UUID
    id: UUID
    status: str
    method: str
    capture: str
    """`automatic` or `manual`."""
    account_id: UUID
    """The payer's wallet."""
    customer: str | None
    currency: str
    amount_minor: int
    amount_captured_minor: int
    amount_refunded_minor: int
    fee_minor: int
    """The platform's share of what was captured."""
    fee_bps: int
    fee_fixed_minor: int
    """The fee plan in force when the payment was made."""
    disputed: bool
    hold_id: UUID | None
    description: str | None
    metadata: Mapping[str, str]
    version: int
    """Counts the payment's events."""
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    """When an uncaptured authorization ends."""

    @property
    def name(self) -> str:
        """The id on the wire."""
        return ids.encode("payment", self.id)


class Refund(msgspec.Struct, frozen=True):
    """Money given back to the payer."""

    merchant_id: UUID
    id: UUID
    payment_id: UUID
    status: str
    currency: str
    amount_minor: int
    description: str | None
    metadata: Mapping[str, str]
    version: int
    correlation_id: str
    created_at: datetime


class Capture(msgspec.Struct, frozen=True):
    """A capture that was decided."""

    amount_minor: int
    fee_minor: int
    final: bool


def fee_of_capture(payment: Payment, amount_minor: int) -> int:
    """The platform's fee for capturing `amount_minor` more.

    It is the fee of all that will have been captured less what was taken already, so parts cost
    together what the whole would, and the fixed part is taken once.
    """
    total = payment.amount_captured_minor + amount_minor
    whole = money.fee_minor(total, bps=payment.fee_bps, fixed_minor=payment.fee_fixed_minor)
    return min(amount_minor, whole - payment.fee_minor)


def decide_capture(
    payment: Payment, amount_minor: int | None, *, final: bool, left_minor: int
) -> Capture | PlatformError:
    """A capture of `amount_minor`, or of all that is left.

    Refusals, the first that applies: PaymentNotCapturable, CaptureExceedsHold.
    """
    if payment.status not in OPEN:
        return PaymentNotCapturable(payment=payment.name, status=payment.status)
    amount = left_minor if amount_minor is None else amount_minor
    if amount > left_minor:
        return CaptureExceedsHold(payment=payment.name, left=left_minor, asked=amount)
    return Capture(amount, fee_of_capture(payment, amount), final or amount == left_minor)


def apply_capture(payment: Payment, capture: Capture, now: datetime) -> None:
    """Make the payment say what the ledger did."""
    payment.amount_captured_minor += capture.amount_minor
    payment.fee_minor += capture.fee_minor
    payment.status = "captured" if capture.final else "partially_captured"
    payment.version += 1
    payment.updated_at = now


def decide_cancel(payment: Payment) -> PlatformError | None:
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


def decide_refund(payment: Payment, amount_minor: int | None) -> int | PlatformError:
    """How much to refund: `amount_minor`, or all that is left.

    Refusals, the first that applies: PaymentNotRefundable, RefundExceedsCapture.
    """
    if payment.status not in REFUNDABLE:
        return PaymentNotRefundable(payment=payment.name, status=payment.status)
    left = payment.amount_captured_minor - payment.amount_refunded_minor
    amount = left if amount_minor is None else amount_minor
    if amount > left or amount == 0:
        return RefundExceedsCapture(payment=payment.name, left=left, asked=amount)
    return amount


def apply_refund(payment: Payment, amount_minor: int, now: datetime) -> None:
    """Make the payment say what was refunded."""
    payment.amount_refunded_minor += amount_minor
    payment.version += 1
    payment.updated_at = now
