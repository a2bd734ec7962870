"""Customers and payment methods: what they are, and what may become of them. Pure."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains.customers.errors import (
    CustomerDeleted,
    CustomerNotFound,
    PaymentMethodDetached,
    PaymentMethodNotFound,
    PaymentMethodTaken,
)

CustomerStatus = Literal["active", "deleted"]

MethodStatus = Literal["attached", "detached"]

NO_METADATA: Final[Mapping[str, str]] = MappingProxyType({})


class Customer(msgspec.Struct):
    """A person or company that pays a merchant."""

    merchant_id: UUID
    id: UUID
    name: str | None
    email: str | None
    phone: str | None
    description: str | None
    metadata: Mapping[str, str]
    status: CustomerStatus
    version: int
    """Counts its changes, and with them its events: 1, 2, 3 ..."""
    correlation_id: str
    """The request that made it."""
    updated_at: datetime


class CardFacts(msgspec.Struct, frozen=True):
    """What the vault says of a token."""

    id: UUID
    """The token's: that of the payment method, too."""
    brand: str
    bin: str
    last4: str
    exp_month: int
    exp_year: int


class PaymentMethod(msgspec.Struct):
    """A card by its token."""

    merchant_id: UUID
    id: UUID
    customer_id: UUID | None
    brand: str
    bin: str
    last4: str
    exp_month: int
    exp_year: int
    status: MethodStatus
    version: int
    """Counts its changes, and with them its events: 1, 2, 3 ..."""
    correlation_id: str
    """The request that registered it."""
    updated_at: datetime

    @property
    def token(self) -> str:
        """Its name: what the vault knows the card by."""
        return ids.encode("payment_method", self.id)


def change_customer(customer: Customer, changes: Mapping[str, Any], now: datetime) -> bool:
    """Whether `changes` (field -> value) made a difference."""
    different = {name: value for name, value in changes.items() if getattr(customer, name) != value}
    for name, value in different.items():
        setattr(customer, name, value)
    if different:
        _count(customer, now)
    return bool(different)


def delete_customer(customer: Customer, now: datetime) -> bool:
    """Whether it was there until now."""
    if customer.status == "deleted":
        return False
    customer.status = "deleted"
    _count(customer, now)
    return True


def attach(method: PaymentMethod, customer_id: UUID | None, now: datetime) -> bool:
    """Whether it is the customer's only now."""
    if customer_id is None or method.customer_id == customer_id:
        return False
    method.customer_id = customer_id
    _count(method, now)
    return True


def detach(method: PaymentMethod, now: datetime) -> bool:
    """Whether it was attached until now."""
    if method.status == "detached":
        return False
    method.status = "detached"
    _count(method, now)
    return True


def refuse_customer(customer: Customer | None, customer_id: UUID) -> PlatformError | None:
    """Why nothing can be done with a customer, if so."""
    name = ids.encode("customer", customer_id)
    if customer is None:
        return CustomerNotFound(customer=name)
    return CustomerDeleted(customer=name) if customer.status == "deleted" else None


def refuse_use(method: PaymentMethod | None, method_id: UUID) -> PlatformError | None:
    """Why a payment method cannot be used, if it cannot."""
    name = ids.encode("payment_method", method_id)
    if method is None:
        return PaymentMethodNotFound(payment_method=name)
    return PaymentMethodDetached(payment_method=name) if method.status == "detached" else None


def refuse_attach(method: PaymentMethod, customer_id: UUID | None) -> PlatformError | None:
    """Why a payment method cannot become a customer's, if so."""
    error = refuse_use(method, method.id)
    if error is None and None not in {customer_id, method.customer_id}:
        is_others = method.customer_id != customer_id
        return PaymentMethodTaken(payment_method=method.token) if is_others else None
    return error


def _count(changed: Customer | PaymentMethod, now: datetime) -> None:
    changed.version += 1
    changed.updated_at = now
