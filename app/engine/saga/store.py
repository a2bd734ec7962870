"""One typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.engine import idempotency
from app.engine.database import Database, Moving, Queries, Reader, Tx, arrays, pull
from app.engine.saga.model import FLOW_BUCKETS, Flow, FlowStatus

queries = Queries(__package__)


def _flow(row: tuple[Any, ...]) -> Flow:
    return Flow(*row)


def insert_flows(tx: Tx, region: str, flows: Sequence[Flow]) -> None:
    """Begin flows."""
    if not flows:
        return
    tx.write(
        queries.insert_flows,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([f.merchant_id for f in flows]),
            "ids": arrays.uuids([f.id for f in flows]),
            "names": arrays.words([f.name for f in flows]),
            "object_ids": arrays.uuids([f.object_id for f in flows]),
            "recovery_points": arrays.words([f.recovery_point for f in flows]),
            "datas": arrays.texts([f.data for f in flows]),
            "key_ids": arrays.uuids([f.key_id for f in flows]),
            "correlation_ids": arrays.texts([f.correlation_id for f in flows]),
            "created_ats": arrays.times([f.created_at for f in flows]),
            "next_attempt_ats": arrays.times([f.next_attempt_at for f in flows]),
            "lease_untils": arrays.times([f.lease_until for f in flows]),
            "buckets": arrays.ints([f.id.int % FLOW_BUCKETS for f in flows]),
        },
    )


async def lock_flows(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, Flow]:
    """The flows of some (merchant, id), locked in id order."""
    if not keys:
        return {}
    await pull(tx, queries.pull_flows, region, moving, keys)
    merchants, flows = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "ids": arrays.uuids(flows),
    }
    locked = {row[2]: _flow(row) for row in await tx.rows(queries.lock_flows, params)}
    # Their answers come home with them, so that they can be replaced there.
    named = [(f.merchant_id, f.key_id) for f in locked.values() if f.key_id is not None]
    await idempotency.pull_named(tx, region, moving, named)
    return locked


def update_flows(tx: Tx, region: str, flows: Sequence[Flow]) -> None:
    """Write how far flows have come."""
    if not flows:
        return
    tx.write(
        queries.update_flows,
        lambda: {
            "regions": arrays.same(region, len(flows)),
            "merchant_ids": arrays.uuids([f.merchant_id for f in flows]),
            "ids": arrays.uuids([f.id for f in flows]),
            "recovery_points": arrays.words([f.recovery_point for f in flows]),
            "statuses": arrays.words([f.status for f in flows]),
            "attempts": arrays.ints([f.attempts for f in flows]),
            "datas": arrays.texts([f.data for f in flows]),
            "notes": arrays.texts([f.note for f in flows]),
            "updated_ats": arrays.times([f.updated_at for f in flows]),
            "next_attempt_ats": arrays.times([f.next_attempt_at for f in flows]),
            "lease_untils": arrays.times([f.lease_until for f in flows]),
        },
        rows=len(flows),
    )


async def list_due(
    database: Database, region: str, bucket: int, now: datetime, limit: int
) -> list[Flow]:
    """Flows whose time has come, the oldest first."""
    params = {"region": region, "bucket": bucket, "now": now, "page_size": limit}
    return [_flow(row) for row in await database.read(queries.list_due, params)]


async def find_flow(
    reader: Reader, regions: Sequence[str], merchant_id: UUID, flow_id: UUID
) -> Flow | None:
    """One flow, wherever its merchant's rows may be."""
    for region in regions:
        params = {"region": region, "merchant_id": merchant_id, "id": flow_id}
        for row in await reader.read(queries.find_flow, params):
            return _flow(row)
    return None


async def list_flows(
    reader: Reader, status: FlowStatus, older_than: timedelta, now: datetime, limit: int
) -> list[Flow]:
    """Flows of all merchants, for people: parked ones, or those that run for longer than usual."""
    query = queries.list_parked if status == "parked" else queries.list_running
    params = {"before": now - older_than, "page_size": limit}
    return [_flow(row) for row in await reader.read(query, params)]


async def count_parked(reader: Reader) -> int:
    """How many flows, of all merchants, were given up."""
    ((count,),) = await reader.read(queries.count_parked, {})
    return int(count)


async def find_anywhere(reader: Reader, flow_id: UUID) -> Flow | None:
    """One flow by its id alone, for people."""
    for row in await reader.read(queries.find_anywhere, {"id": flow_id}):
        return _flow(row)
    return None
