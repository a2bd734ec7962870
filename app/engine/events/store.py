"""One typed function per statement."""

from collections.abc import Sequence
from uuid import UUID

from app.engine.database import Listed, Page, Queries, Reader, Tx, arrays, listed
from app.engine.events.model import Event

queries = Queries(__package__)


def insert_events(tx: Tx, region: str, events: Sequence[Event]) -> None:
    """Write events before COMMIT."""
    tx.write(
        queries.insert_events,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([e.merchant_id for e in events]),
            "ids": arrays.uuids([e.id for e in events]),
            "types": arrays.words([e.type for e in events]),
            "object_ids": arrays.uuids([e.object_id for e in events]),
            "sequences": arrays.ints([e.sequence for e in events]),
            "datas": arrays.texts([e.data for e in events]),
            "correlation_ids": arrays.texts([e.correlation_id for e in events]),
            "created_ats": arrays.times([e.created_at for e in events]),
        },
        rows=len(events),
    )


async def find_event(
    reader: Reader, region: str, merchant_id: UUID, event_id: UUID
) -> Event | None:
    """One event of a merchant."""
    params = {"region": region, "merchant_id": merchant_id, "id": event_id}
    rows = await reader.read(queries.find_event, params)
    return Event(*rows[0]) if rows else None


async def list_events(
    reader: Reader, region: str, merchant_id: UUID, page: Page, object_id: UUID | None = None
) -> Listed[Event]:
    """A page of a merchant's events, or of the facts about one object."""
    if object_id is None:
        query = page.query(queries.list_newest, queries.list_oldest)
        params = page.params(region, merchant_id)
    else:
        query = page.query(queries.list_newest_of_object, queries.list_oldest_of_object)
        params = page.params(region, merchant_id, object_id=object_id)
    rows = await reader.read(query, params)
    return listed(page, [Event(*row) for row in rows])
