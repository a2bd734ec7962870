"""What clients see of an event."""

from datetime import datetime

import msgspec

from app.base import ids
from app.engine.events.model import Event


class EventView(msgspec.Struct, frozen=True):
    """A fact about an object."""

    id: str
    type: str
    """`<object>.<past participle>`, such as `payment.captured`."""
    sequence: int
    """Counts the facts about this object: 1, 2, 3 ..."""
    data: msgspec.Raw
    """The object after the change."""
    correlation_id: str
    """The X-Request-Id of the request that caused it."""
    created_at: datetime
    object: str = "event"


def view(event: Event) -> EventView:
    """`event` on the wire."""
    return EventView(
        id=ids.encode("event", event.id),
        type=event.type,
        sequence=event.sequence,
        data=msgspec.Raw(event.data.encode()),
        correlation_id=event.correlation_id,
        created_at=ids.instant(event.id),
    )
