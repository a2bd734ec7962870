"""What the flows of payments have to know: kept as JSON in their rows, from the first step on."""

from typing import TypeVar
from uuid import UUID

import msgspec

from app.engine.saga import Flow

P = TypeVar("P", bound=msgspec.Struct)


class OpenPlan(msgspec.Struct, omit_defaults=True):
    """Of a new payment."""

    method: str
    """`card` or `bank_transfer`."""
    processor: str
    amount_minor: int
    currency: str
    capture: bool
    """At once, with the authorization."""
    token: str = ""
    brand: str = ""
    sandbox_fault: str | None = None
    asked: bool = False
    """The processor has it: from now on it is only asked what became of it."""


class CapturePlan(msgspec.Struct):
    """Of a capture that was decided."""

    transfer_id: UUID
    """Of the transfer that will post it; the capture's reference is made of it."""
    amount_minor: int
    final: bool


class ReleasePlan(msgspec.Struct):
    """Of a cancellation or an expiry."""

    transfer_id: UUID
    expired: bool


class RefundPlan(msgspec.Struct):
    """Of a refund that is booked already."""

    transfer_id: UUID
    refund_id: UUID
    amount_minor: int


def plan_text(plan: msgspec.Struct) -> str:
    """A plan as it is kept."""
    return msgspec.json.encode(plan).decode()


def plan_of(flow: Flow, kind: type[P]) -> P:
    """The plan of a flow."""
    return msgspec.json.decode(flow.data, type=kind)
