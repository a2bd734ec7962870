"""One typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.engine import idempotency
from app.engine.database import Database, Moving, Queries, Reader, TableOf, Tx, arrays, pull
from app.engine.saga.model import Flow, FlowStatus

FLOWS = TableOf(
    Flow,
    "sagas",
    words=("name", "recovery_point"),
    unstored=("former_region", "fresh", "due_at"),
)
queries = Queries(__package__, tables=[FLOWS])


def insert_flows(tx: Tx, region: str, flows: Sequence[Flow]) -> None:
    if not flows:
        return
    query = queries.insert_flows
    tx.write(query, lambda: FLOWS.arrays_of(query, flows) | {"region": region})


async def lock_flows(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, Flow]:
    """The flows of some (merchant, id), locked in id order."""
    if not keys:
        return {}
    await pull(tx, queries.pull_flows, region, moving, keys)
    rows = await tx.rows(queries.lock_flows, arrays.by_keys(region, keys))
    locked = {flow.id: flow for flow in map(FLOWS.struct_of, rows)}
    # Their answers come home with them, so that they can be replaced there.
    named = [(f.merchant_id, f.key_id) for f in locked.values() if f.key_id is not None]
    await idempotency.pull_named(tx, region, moving, named)
    return locked


def update_flows(tx: Tx, region: str, flows: Sequence[Flow]) -> None:
    """Write how far flows have come."""
    if not flows:
        return
    query = queries.update_flows
    tx.write(
        query,
        lambda: FLOWS.arrays_of(query, flows) | {"region": arrays.same(region, len(flows))},
        rows=len(flows),
    )


async def list_due(
    database: Database, region: str, bucket: int, now: datetime, limit: int
) -> list[Flow]:
    """Flows whose time has come, the oldest first."""
    params = {"region": region, "bucket": bucket, "now": now, "page_size": limit}
    return [FLOWS.struct_of(row) for row in await database.read(queries.list_due, params)]


async def find_flow(
    reader: Reader, regions: Sequence[str], merchant_id: UUID, flow_id: UUID
) -> Flow | None:
    """One flow, wherever its merchant's rows may be."""
    for region in regions:
        params = {"region": region, "merchant_id": merchant_id, "id": flow_id}
        for row in await reader.read(queries.find_flow, params):
            return FLOWS.struct_of(row)
    return None


async def list_flows(
    reader: Reader, status: FlowStatus, older_than: timedelta, now: datetime, limit: int
) -> list[Flow]:
    """Flows of all merchants, for people: parked ones, or those that run for longer than usual."""
    query = queries.list_parked if status == "parked" else queries.list_running
    params = {"before": now - older_than, "page_size": limit}
    return [FLOWS.struct_of(row) for row in await reader.read(query, params)]


async def count_parked(reader: Reader) -> int:
    """How many flows, of all merchants, were given up."""
    ((count,),) = await reader.read(queries.count_parked, {})
    return int(count)


async def find_anywhere(reader: Reader, flow_id: UUID) -> Flow | None:
    """One flow by its id alone, for people."""
    for row in await reader.read(queries.find_anywhere, {"id": flow_id}):
        return FLOWS.struct_of(row)
    return None
