"""What an event is."""

from datetime import datetime
from uuid import UUID

import msgspec


class Fact(msgspec.Struct, frozen=True):
    """What became true of one object of a merchant."""

    merchant_id: UUID
    type: str
    """`<object>.<past participle>`, such as `payment.captured`."""
    object_id: UUID
    sequence: int
    """Counts the facts about this object: 1, 2, 3 ..."""
    data: str
    """The object as JSON after the change, byte for byte what the API answered."""
    correlation_id: str
    """The request that caused it."""
    created_at: datetime
    """The instant of the transaction that made it true."""


class Event(Fact, frozen=True):
    """A fact in the order of all of them."""

    id: UUID
    """Made of `created_at` and its place in the transaction: ids ascend as facts become true."""
