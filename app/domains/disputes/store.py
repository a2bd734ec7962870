"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from app.domains.disputes.commands import AddEvidence, ReportDispute
from app.domains.disputes.model import Dispute, Evidence
from app.engine.database import Moving, Queries, TableOf, Tx, arrays, pull

DISPUTES = TableOf(Dispute, "disputes", words=("processor", "currency"))
EVIDENCE = TableOf(Evidence, "dispute_evidence")
queries = Queries(__package__, tables=[DISPUTES, EVIDENCE])


async def lock_disputes(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Dispute]:
    """The disputes of some (merchant, id), brought home and locked in id order."""
    if not keys:
        return {}
    await pull(tx, queries.pull_disputes, region, moving, keys)
    rows = await tx.rows(queries.lock_disputes, arrays.by_keys(region, keys))
    locked = {(row[0], row[1]): DISPUTES.struct_of(row) for row in rows}
    tx.see(each.updated_at for each in locked.values())
    return locked


async def lock_disputes_of_payments(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> list[Dispute]:
    """All disputes of some (merchant, payment), brought home and locked in id order."""
    if not keys:
        return []
    await pull(tx, queries.pull_disputes_of_payments, region, moving, keys)
    rows = await tx.rows(queries.lock_disputes_of_payments, arrays.by_keys(region, keys))
    locked = [DISPUTES.struct_of(row) for row in rows]
    tx.see(each.updated_at for each in locked)
    return locked


async def find_payments_of(
    tx: Tx, region: str, report: Collection[ReportDispute]
) -> set[tuple[UUID, UUID]]:
    """(merchant, payment) of those reported disputes that are known already."""
    if not report:
        return set()
    params = {
        "region": arrays.same(region, len(report)),
        "merchant_id": arrays.uuids([t.merchant_id for t in report]),
        "processor": arrays.words([t.processor for t in report]),
        "processor_reference": arrays.texts([t.state.id for t in report]),
    }
    rows = await tx.rows(queries.find_references, params)
    return {(merchant_id, payment_id) for merchant_id, payment_id in rows}


def insert_disputes(tx: Tx, region: str, disputes: Sequence[Dispute], now: datetime) -> None:
    if not disputes:
        return
    query = queries.insert_disputes
    tx.write(
        query,
        lambda: DISPUTES.arrays_of(query, disputes) | {"region": region, "now": now},
        rows=len(disputes),
    )


def update_disputes(tx: Tx, region: str, disputes: Sequence[Dispute]) -> None:
    """Write how far disputes have come."""
    if not disputes:
        return
    query = queries.update_disputes
    tx.write(
        query,
        lambda: (
            DISPUTES.arrays_of(query, disputes) | {"region": arrays.same(region, len(disputes))}
        ),
        rows=len(disputes),
    )


def insert_evidence(tx: Tx, region: str, pieces: Sequence[AddEvidence], now: datetime) -> None:
    if not pieces:
        return
    tx.write(
        queries.insert_evidence,
        lambda: {
            "region": region,
            "now": now,
            "merchant_ids": arrays.uuids([p.merchant_id for p in pieces]),
            "ids": arrays.uuids([p.evidence_id for p in pieces]),
            "dispute_ids": arrays.uuids([p.dispute_id for p in pieces]),
            "media_types": arrays.texts([p.media_type for p in pieces]),
            "file_names": arrays.texts([p.file_name for p in pieces]),
            "sizes_bytes": arrays.ints([len(p.content) for p in pieces]),
            "digests": arrays.words([p.sha256 for p in pieces]),
            "contents": [p.content for p in pieces],
            "correlation_ids": arrays.texts([p.correlation_id for p in pieces]),
        },
        rows=len(pieces),
    )
