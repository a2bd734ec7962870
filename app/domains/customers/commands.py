"""What may be asked about customers and payment methods."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.domains.customers.model import NO_METADATA, CardFacts
from app.engine.idempotency import Command


class AddCustomer(Command, frozen=True):
    """Record a customer."""

    customer_id: UUID
    name: str | None
    email: str | None
    phone: str | None
    description: str | None
    metadata: Mapping[str, str] = NO_METADATA


class ChangeCustomer(Command, frozen=True):
    """Change some fields of a customer."""

    customer_id: UUID
    changes: Mapping[str, Any]
    """Field -> its new value."""


class DeleteCustomer(Command, frozen=True):
    """Take a customer off the lists, and its payment methods out of use."""

    customer_id: UUID


class AttachMethod(Command, frozen=True):
    """Register a token of the vault, for a customer if one is named."""

    card: CardFacts
    customer_id: UUID | None = None


class DetachMethod(Command, frozen=True):
    """Take a payment method out of use, for good."""

    method_id: UUID
