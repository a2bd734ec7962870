"""What an event is."""

from datetime import datetime
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True):
    """A fact about one object of a merchant."""

    merchant_id: UUID
    id: UUID
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
