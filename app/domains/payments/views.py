"""What clients see of payments and refunds; events carry the same text."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.base import ids
from app.domains.payments.model import Payment, Refund


class PaymentMethodView(msgspec.Struct, frozen=True):
    """How the payer pays."""

    type: str
    """`wallet`, `card` or `bank_transfer`"""
    account: str | msgspec.UnsetType = msgspec.UNSET
    """The payer's wallet."""
    id: str | msgspec.UnsetType = msgspec.UNSET
    """The card, `pm_...`."""
    brand: str | msgspec.UnsetType = msgspec.UNSET
    last4: str | msgspec.UnsetType = msgspec.UNSET


class NextActionView(msgspec.Struct, frozen=True):
    """What the payer has to do before the payment can go on."""

    type: str
    """`redirect`: open `url`. `bank_transfer`: order a transfer as `instructions` say."""
    url: str | msgspec.UnsetType = msgspec.UNSET
    instructions: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET


class ExchangeView(msgspec.Struct, frozen=True):
    """What the merchant gets of a payment in another currency, in minor units of that."""

    fx_quote: str
    rate: str
    """Units of the merchant's currency for one of the payment's: an exact decimal."""
    currency: str
    amount: int
    """For all of the payment, the platform's fee included."""
    amount_refunded: int


class PaymentView(msgspec.Struct, frozen=True):
    """What a payer owes, and how far it has come. Amounts in minor units of the currency."""

    id: str
    status: str
    """`authorized`, `partially_captured`, `captured`, `canceled`, `expired` ..."""
    amount: int
    amount_captured: int
    amount_refunded: int
    fee: int
    """The platform's share of what was captured, in the currency that the merchant gets."""
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
    processor: str | msgspec.UnsetType = msgspec.UNSET
    """The processor that has it, if one has."""
    next_action: NextActionView | msgspec.UnsetType = msgspec.UNSET
    decline_code: str | msgspec.UnsetType = msgspec.UNSET
    exchange: ExchangeView | msgspec.UnsetType = msgspec.UNSET
    """Where the merchant gets another currency."""
    fee_refunded: int | msgspec.UnsetType = msgspec.UNSET
    """What the platform has given back of its fee, where the fee plan says so."""
    object: str = "payment"


class RefundExchangeView(msgspec.Struct, frozen=True):
    """What a refund takes from a merchant that had got another currency."""

    currency: str
    amount: int
    """In minor units of that currency, converted back at the payment's own rate."""


class RefundView(msgspec.Struct, frozen=True):
    """Money given back to the payer."""

    id: str
    status: str
    """`pending`, `succeeded` or `failed`"""
    payment: str
    amount: int
    currency: str
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    failure_code: str | msgspec.UnsetType = msgspec.UNSET
    exchange: RefundExchangeView | msgspec.UnsetType = msgspec.UNSET
    """Where the merchant had got another currency."""
    fee_refunded: int | msgspec.UnsetType = msgspec.UNSET
    """What the platform gives back of its fee, in the currency that the merchant had got."""
    object: str = "refund"


_encoder = msgspec.json.Encoder()
_NO_FIELDS: dict[str, Any] = {}


def payment_view(payment: Payment) -> PaymentView:
    return PaymentView(
        id=payment.name,
        status=payment.status,
        amount=payment.amount_minor,
        amount_captured=payment.amount_captured_minor,
        amount_refunded=payment.amount_refunded_minor,
        fee=payment.fee_minor,
        currency=payment.currency,
        capture=payment.capture,
        payment_method=_method_view(payment),
        customer=payment.customer,
        disputed=payment.disputed,
        description=payment.description,
        metadata=payment.metadata,
        correlation_id=payment.correlation_id,
        created_at=ids.instant(payment.id),
        updated_at=payment.updated_at,
        expires_at=payment.expires_at,
        **_rail_fields(payment),
        **_more_fields(payment),
    )


def _method_view(payment: Payment) -> PaymentMethodView:
    rail = payment.rail
    if rail is None:
        return PaymentMethodView(payment.method, ids.encode("account", payment.account_id))
    if rail.token is None:
        return PaymentMethodView(payment.method)
    return PaymentMethodView(
        payment.method, id=rail.token, brand=rail.brand or "unknown", last4=rail.last4 or ""
    )


def _rail_fields(payment: Payment) -> dict[str, Any]:
    """The fields that only payments over a processor or a bank have."""
    rail = payment.rail
    if rail is None:
        return _NO_FIELDS
    fields: dict[str, Any] = {"processor": rail.processor}
    if rail.decline_code is not None:
        fields["decline_code"] = rail.decline_code
    if rail.action_url is not None:
        fields["next_action"] = NextActionView("redirect", url=rail.action_url)
    elif rail.instructions is not None:
        fields["next_action"] = NextActionView("bank_transfer", instructions=rail.instructions)
    return fields


def _more_fields(payment: Payment) -> dict[str, Any]:
    """What only payments have that convert, or whose fees come back."""
    exchange = payment.exchange
    if exchange is None and payment.fee_plan is None:
        return _NO_FIELDS
    fields: dict[str, Any] = {}
    if exchange is not None:
        fields["exchange"] = ExchangeView(
            fx_quote=ids.encode("fx_quote", exchange.quote_id),
            rate=exchange.rate,
            currency=exchange.whole.target_currency,
            amount=exchange.whole.target_minor,
            amount_refunded=exchange.refunded.target_minor,
        )
    if payment.fee_terms.refunded:
        fields["fee_refunded"] = payment.fee_refunded_minor
    return fields


def _refund_exchange(refund: Refund) -> RefundExchangeView | msgspec.UnsetType:
    exchanged = refund.exchanged
    if exchanged is None:
        return msgspec.UNSET
    return RefundExchangeView(exchanged.target_currency, exchanged.target_minor)


def refund_view(refund: Refund) -> RefundView:
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
        failure_code=refund.failure_code or msgspec.UNSET,
        exchange=_refund_exchange(refund),
        fee_refunded=refund.fee_refunded_minor or msgspec.UNSET,
    )


def payment_text(payment: Payment) -> str:
    """The payment as JSON: the answer, the kept answer and the event's data in one."""
    return _encoder.encode(payment_view(payment)).decode()


def refund_text(refund: Refund) -> str:
    return _encoder.encode(refund_view(refund)).decode()
