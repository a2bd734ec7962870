"""One typed function per statement."""

from collections.abc import Sequence
from uuid import UUID

from app.engine.database import Listed, Page, Queries, Reader, TableOf, Tx, listed
from app.engine.events.model import Event

EVENTS = TableOf(Event, "events", words=("type",))
queries = Queries(__package__, tables=[EVENTS])


def insert_events(tx: Tx, region: str, events: Sequence[Event]) -> None:
    query = queries.insert_events
    tx.write(query, lambda: EVENTS.arrays_of(query, events) | {"region": region}, rows=len(events))


async def find_event(
    reader: Reader, region: str, merchant_id: UUID, event_id: UUID
) -> Event | None:
    params = {"region": region, "merchant_id": merchant_id, "id": event_id}
    rows = await reader.read(queries.find_event, params)
    return EVENTS.struct_of(rows[0]) if rows else None


async def list_events(
    reader: Reader, region: str, merchant_id: UUID, page: Page, object_id: UUID | None = None
) -> Listed[Event]:
    """A page of a merchant's events, or of the facts about one object."""
    if object_id is None:
        query = page.query(queries.list_events)
        params = page.params(region, merchant_id)
    else:
        query = page.query(queries.list_events_of_object)
        params = page.params(region, merchant_id, object_id=object_id)
    rows = await reader.read(query, params)
    return listed(page, [EVENTS.struct_of(row) for row in rows])
