"""What may be asked about customers and payment methods."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from app.domains.customers.model import NO_METADATA, CardFacts
from app.engine.idempotency import Intent


class CustomerCommand(msgspec.Struct, frozen=True, kw_only=True):
    """What all of them carry."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    former_region: str | None = None


class AddCustomer(CustomerCommand, frozen=True, kw_only=True):
    """Record a customer."""

    customer_id: UUID
    name: str | None
    email: str | None
    phone: str | None
    description: str | None
    metadata: Mapping[str, str] = NO_METADATA


class ChangeCustomer(CustomerCommand, frozen=True, kw_only=True):
    """Change some fields of a customer."""

    customer_id: UUID
    changes: Mapping[str, Any]
    """Field -> its new value."""


class DeleteCustomer(CustomerCommand, frozen=True, kw_only=True):
    """Take a customer off the lists, and its payment methods out of use."""

    customer_id: UUID


class AttachMethod(CustomerCommand, frozen=True, kw_only=True):
    """Register a token of the vault, for a customer if one is named."""

    card: CardFacts
    customer_id: UUID | None = None


class DetachMethod(CustomerCommand, frozen=True, kw_only=True):
    """Take a payment method out of use, for good."""

    method_id: UUID
