"""Payments, refunds and the decisions about them: pure.

    processing -> requires_action                     (cards and bank transfers: nobody knows yet)
    processing | requires_action -> authorized | captured | declined | failed | canceled
    authorized -> partially_captured -> captured
    authorized -> canceled | expired
    partially_captured -> captured                    (by cancel or expiry: the rest is released)

Each decision takes the payment as it is, checks in order of precedence, and changes it only after
nothing can refuse any more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from app.base import ids, money
from app.base.errors import PlatformError
from app.domains import fx
from app.domains.fx import Conversion
from app.domains.merchants import FeeRates
from app.domains.payments.errors import (
    CaptureExceedsHold,
    PaymentDisputed,
    PaymentNotCancelable,
    PaymentNotCapturable,
    PaymentNotRefundable,
    RefundExceedsCapture,
    RefundNotSupported,
)
from app.domains.payments.exchange import Exchange

PaymentStatus = Literal[
    "processing",
    "requires_action",
    "authorized",
    "partially_captured",
    "captured",
    "declined",
    "failed",
    "canceled",
    "expired",
]

RefundStatus = Literal["pending", "succeeded", "failed"]

OPEN: Final[frozenset[PaymentStatus]] = frozenset({"authorized", "partially_captured"})
"""States with an open hold."""

REFUNDABLE: Final[frozenset[PaymentStatus]] = frozenset({"partially_captured", "captured"})

UNDECIDED: Final[frozenset[PaymentStatus]] = frozenset({"processing", "requires_action"})
"""States in which the processor has not spoken yet."""


class Rail(msgspec.Struct, omit_defaults=True):
    """How a payment leaves the building, and what is known of the other side."""

    route: tuple[str, ...]
    """Processors in order of preference; the first is the one that has it."""
    token: str | None = None
    """Of the card: `pm_...`."""
    brand: str | None = None
    last4: str | None = None
    processor_reference: str | None = None
    """The processor's own name for the payment."""
    decline_code: str | None = None
    """Why it was declined or failed."""
    action_url: str | None = None
    """Where the payer does what is required."""
    instructions: dict[str, str] | None = None
    """What the payer's order to the bank has to say."""
    cancel_requested: bool = False
    """The merchant wants it canceled as soon as it is known what there is to cancel."""

    @property
    def processor(self) -> str:
        """Who has the payment."""
        return self.route[0]


class Payment(msgspec.Struct):
    """What a payer owes, and how far it has come. Amounts in minor units."""

    merchant_id: UUID
    id: UUID
    status: PaymentStatus
    method: str
    capture: str
    """`automatic` or `manual`."""
    account_id: UUID
    """Where the money comes from: the payer's wallet, or what the processor owes the merchant."""
    customer: str | None
    currency: str
    amount_minor: int
    amount_captured_minor: int
    amount_refunded_minor: int
    fee_minor: int
    """The platform's share of what was captured, in the currency that the merchant gets."""
    fee_bps: int
    fee_fixed_minor: int
    """The fee plan that was in force for it when it was made."""
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
    rail: Rail | None = None
    """Of a payment that leaves the building; none: all of it is in the ledger."""
    operation_id: UUID | None = None
    """The flow that is under way on it; there is one at a time."""
    fee_plan: FeeRates | None = None
    """All the terms, where there are more than the two above."""
    fee_refunded_minor: int = 0
    """What the platform has given back of its share."""
    exchange: Exchange | None = None
    """Where the merchant gets another currency; none: the payment's own."""

    @property
    def merchant_currency(self) -> str:
        """What the merchant gets, and what fees are in."""
        return self.currency if self.exchange is None else self.exchange.whole.target_currency

    @property
    def fee_terms(self) -> FeeRates:
        """What it costs."""
        return self.fee_plan or FeeRates(self.fee_bps, self.fee_fixed_minor)

    @property
    def name(self) -> str:
        """The id on the wire."""
        return ids.encode("payment", self.id)


class Refund(msgspec.Struct):
    """Money given back to the payer."""

    merchant_id: UUID
    id: UUID
    payment_id: UUID
    status: RefundStatus
    currency: str
    amount_minor: int
    description: str | None
    metadata: Mapping[str, str]
    version: int
    correlation_id: str
    created_at: datetime
    failure_code: str | None = None
    """Why the processor did not give the money back."""
    processor_reference: str | None = None
    exchanged: Conversion | None = None
    """What of the payment's conversion it took back, if that converts."""
    fee_refunded_minor: int = 0
    """What the platform gave back of its fee, in the currency that the merchant gets."""


class Capture(msgspec.Struct, frozen=True):
    """A capture that was decided."""

    amount_minor: int
    fee_minor: int
    """In the currency that the merchant gets."""
    final: bool


def fee_of_capture(payment: Payment, amount_minor: int) -> int:
    """The platform's fee for capturing `amount_minor` more.

    It is the fee of all that will have been captured less what was taken already, so parts cost
    together what the whole would, and the fixed part is taken once.
    """
    if payment.exchange is not None:
        return payment.fee_terms.of(payment.exchange.whole.target_minor)
    total = payment.amount_captured_minor + amount_minor
    if payment.fee_plan is not None:
        whole = payment.fee_plan.of(total)
    else:
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

    Refusals, the first that applies: PaymentNotRefundable, RefundNotSupported, PaymentDisputed,
    RefundExceedsCapture.
    """
    if payment.status not in REFUNDABLE:
        return PaymentNotRefundable(payment=payment.name, status=payment.status)
    if payment.method == "bank_transfer":
        # No bank here takes an order by a payment: it would have to know the payer's account.
        return RefundNotSupported(payment=payment.name)
    if payment.disputed:
        # The payer's bank takes the money back or does not; both would be twice.
        return PaymentDisputed(payment=payment.name)
    left = payment.amount_captured_minor - payment.amount_refunded_minor
    amount = left if amount_minor is None else amount_minor
    if amount > left or amount == 0:
        return RefundExceedsCapture(payment=payment.name, left=left, asked=amount)
    return amount


def apply_refund(payment: Payment, refund: Refund, now: datetime, sign: int = 1) -> None:
    """Make the payment say what was refunded; with a `sign` of -1, that it was not after all."""
    payment.amount_refunded_minor += sign * refund.amount_minor
    payment.fee_refunded_minor += sign * refund.fee_refunded_minor
    if payment.exchange is not None and refund.exchanged is not None:
        exchange = payment.exchange
        exchange.refunded = fx.plus(exchange.refunded, refund.exchanged, sign)
    payment.version += 1
    payment.updated_at = now
