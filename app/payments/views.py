"""What the outside sees of payments and refunds; events carry the same text."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from app import ids
from app.payments.model import Payment, Refund


class PaymentMethodView(msgspec.Struct, frozen=True):
    """How the payer pays."""

    type: str
    """`wallet`"""
    account: str
    """The payer's wallet."""


class PaymentView(msgspec.Struct, frozen=True):
    """What a payer owes, and how far it has come. Amounts in minor units of the currency."""

    id: str
    status: str
    """`authorized`, `partially_captured`, `captured`, `canceled`, `expired` ..."""
    amount: int
    amount_captured: int
    amount_refunded: int
    fee: int
    """The platform's share of what was captured."""
    currency: str
    capture: str
    """`automatic` or `manual`."""
    payment_method: PaymentMethodView
    customer: str | None
    disputed: bool
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    """When an uncaptured authorization ends."""
    object: str = "payment"


class RefundView(msgspec.Struct, frozen=True):
    """Money given back to the payer."""

    id: str
    status: str
    """`succeeded`"""
    payment: str
    amount: int
    currency: str
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    object: str = "refund"


_encoder = msgspec.json.Encoder()


def payment_view(payment: Payment) -> PaymentView:
    """A payment on the wire."""
    return PaymentView(
        id=payment.name,
        status=payment.status,
        amount=payment.amount_minor,
        amount_captured=payment.amount_captured_minor,
        amount_refunded=payment.amount_refunded_minor,
        fee=payment.fee_minor,
        currency=payment.currency,
        capture=payment.capture,
        payment_method=PaymentMethodView(payment.method, ids.encode("account", payment.account_id)),
        customer=payment.customer,
        disputed=payment.disputed,
        description=payment.description,
        metadata=payment.metadata,
        correlation_id=payment.correlation_id,
        created_at=ids.instant(payment.id),
        updated_at=payment.updated_at,
        expires_at=payment.expires_at,
    )


def refund_view(refund: Refund) -> RefundView:
    """A refund on the wire."""
    return RefundView(
        id=ids.encode("refund", refund.id),
        status=refund.status,
        payment=ids.encode("payment", refund.payment_id),
        amount=refund.amount_minor,
        currency=refund.currency,
        description=refund.description,
        metadata=refund.metadata,
        correlation_id=refund.correlation_id,
        created_at=ids.instant(refund.id),
    )


def payment_text(payment: Payment) -> str:
    """The payment as JSON: the answer, the kept answer and the event's data in one."""
    return _encoder.encode(payment_view(payment)).decode()


def refund_text(refund: Refund) -> str:
    """The refund as JSON."""
    return _encoder.encode(refund_view(refund)).decode()
