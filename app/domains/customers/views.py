"""What clients see of customers and payment methods; events carry the same text."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.base import ids
from app.domains.customers.model import Customer, PaymentMethod


class CustomerView(msgspec.Struct, frozen=True):
    """Somebody who pays."""

    id: str
    status: str
    """`active` or `deleted`."""
    name: str | None
    email: str | None
    phone: str | None
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    object: str = "customer"


class CardView(msgspec.Struct, frozen=True):
    """What may be shown of a card."""

    brand: str
    bin: str
    """Its first six digits."""
    last4: str
    exp_month: int
    exp_year: int


class SavedMethodView(msgspec.Struct, frozen=True):
    """A card that can be charged; its id is its token in the vault."""

    id: str
    type: str
    """`card`"""
    status: str
    """`attached` or `detached`."""
    customer: str | None
    card: CardView
    correlation_id: str
    created_at: datetime
    """When the card came into the vault."""
    updated_at: datetime
    object: str = "payment_method"


_encoder = msgspec.json.Encoder()


def customer_view(customer: Customer) -> CustomerView:
    return CustomerView(
        id=ids.encode("customer", customer.id),
        status=customer.status,
        name=customer.name,
        email=customer.email,
        phone=customer.phone,
        description=customer.description,
        metadata=customer.metadata,
        correlation_id=customer.correlation_id,
        created_at=ids.instant(customer.id),
        updated_at=customer.updated_at,
    )


def method_view(method: PaymentMethod) -> SavedMethodView:
    """A payment method on the wire."""
    customer = None if method.customer_id is None else ids.encode("customer", method.customer_id)
    return SavedMethodView(
        id=method.token,
        type="card",
        status=method.status,
        customer=customer,
        card=CardView(
            brand=method.brand,
            bin=method.bin,
            last4=method.last4,
            exp_month=method.exp_month,
            exp_year=method.exp_year,
        ),
        correlation_id=method.correlation_id,
        created_at=ids.instant(method.id),
        updated_at=method.updated_at,
    )


def customer_text(customer: Customer) -> str:
    """The customer as JSON: the answer, the kept answer and the event's data in one."""
    return _encoder.encode(customer_view(customer)).decode()


def method_text(method: PaymentMethod) -> str:
    return _encoder.encode(method_view(method)).decode()
