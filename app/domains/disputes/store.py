"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domains.disputes.commands import AddEvidence, ReportDispute
from app.domains.disputes.model import Dispute, TakenBack
from app.engine.database import Moving, Queries, Tx, arrays, pull

queries = Queries(__package__)

_TAKEN_BACK = msgspec.json.Decoder(TakenBack)


def dispute_of(row: tuple[Any, ...]) -> Dispute:
    """The struct of a dispute's row."""
    exchanged = None if row[24] is None else _TAKEN_BACK.decode(row[24])
    return Dispute(*(*row[:24], exchanged, row[25]))


def _text(taken: TakenBack | None) -> str | None:
    return None if taken is None else msgspec.json.encode(taken).decode()


async def lock_disputes(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Dispute]:
    """The disputes of some (merchant, id), brought home and locked in id order."""
    if not keys:
        return {}
    await pull(tx, queries.pull_disputes, region, moving, keys)
    merchants, disputes = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "ids": arrays.uuids(disputes),
    }
    rows = await tx.rows(queries.lock_disputes, params)
    return {(row[0], row[1]): dispute_of(row) for row in rows}


async def lock_disputes_of_payments(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> list[Dispute]:
    """All disputes of some (merchant, payment), brought home and locked in id order."""
    if not keys:
        return []
    await pull(tx, queries.pull_disputes_of_payments, region, moving, keys)
    merchants, payments = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "payment_ids": arrays.uuids(payments),
    }
    return [dispute_of(row) for row in await tx.rows(queries.lock_disputes_of_payments, params)]


async def find_payments_of(
    tx: Tx, region: str, report: Collection[ReportDispute]
) -> set[tuple[UUID, UUID]]:
    """(merchant, payment) of those of some told disputes that are known already."""
    if not report:
        return set()
    params = {
        "regions": arrays.same(region, len(report)),
        "merchant_ids": arrays.uuids([t.merchant_id for t in report]),
        "processors": arrays.words([t.processor for t in report]),
        "processor_references": arrays.texts([t.state.id for t in report]),
    }
    rows = await tx.rows(queries.find_references, params)
    return {(merchant_id, payment_id) for merchant_id, payment_id in rows}


def insert_disputes(tx: Tx, region: str, disputes: Sequence[Dispute], now: datetime) -> None:
    """Record new disputes."""
    if not disputes:
        return
    tx.write(
        queries.insert_disputes,
        lambda: {
            "region": region,
            "now": now,
            "merchant_ids": arrays.uuids([d.merchant_id for d in disputes]),
            "ids": arrays.uuids([d.id for d in disputes]),
            "payment_ids": arrays.uuids([d.payment_id for d in disputes]),
            "processors": arrays.words([d.processor for d in disputes]),
            "processor_references": arrays.texts([d.processor_reference for d in disputes]),
            "statuses": arrays.words([d.status for d in disputes]),
            "reasons": arrays.texts([d.reason for d in disputes]),
            "currencies": arrays.words([d.currency for d in disputes]),
            "amounts_minor": arrays.ints([d.amount_minor for d in disputes]),
            "fees_minor": arrays.ints([d.fee_minor for d in disputes]),
            "fees_returned_minor": arrays.ints([d.fee_returned_minor for d in disputes]),
            "due_ats": arrays.times([d.due_at for d in disputes]),
            "due_soon_tolds": arrays.bools([d.due_soon_told for d in disputes]),
            "opening_transfer_ids": arrays.uuids([d.opening_transfer_id for d in disputes]),
            "closing_transfer_ids": arrays.uuids([d.closing_transfer_id for d in disputes]),
            "versions": arrays.ints([d.version for d in disputes]),
            "correlation_ids": arrays.texts([d.correlation_id for d in disputes]),
            "exchanged": arrays.texts([_text(d.exchanged) for d in disputes]),
            "inquiries": arrays.bools([d.inquiry for d in disputes]),
        },
        rows=len(disputes),
    )


def update_disputes(tx: Tx, region: str, disputes: Sequence[Dispute]) -> None:
    """Write how far disputes have come."""
    if not disputes:
        return
    tx.write(
        queries.update_disputes,
        lambda: {
            "regions": arrays.same(region, len(disputes)),
            "merchant_ids": arrays.uuids([d.merchant_id for d in disputes]),
            "ids": arrays.uuids([d.id for d in disputes]),
            "statuses": arrays.words([d.status for d in disputes]),
            "fees_minor": arrays.ints([d.fee_minor for d in disputes]),
            "fees_returned_minor": arrays.ints([d.fee_returned_minor for d in disputes]),
            "due_ats": arrays.times([d.due_at for d in disputes]),
            "due_soon_tolds": arrays.bools([d.due_soon_told for d in disputes]),
            "evidence_counts": arrays.ints([d.evidence_count for d in disputes]),
            "evidence_bytes": arrays.ints([d.evidence_bytes for d in disputes]),
            "evidence_characters": arrays.ints([d.evidence_characters for d in disputes]),
            "evidence_submitted_ats": arrays.times([d.evidence_submitted_at for d in disputes]),
            "operation_ids": arrays.uuids([d.operation_id for d in disputes]),
            "closing_transfer_ids": arrays.uuids([d.closing_transfer_id for d in disputes]),
            "versions": arrays.ints([d.version for d in disputes]),
            "updated_ats": arrays.times([d.updated_at for d in disputes]),
            "exchanged": arrays.texts([_text(d.exchanged) for d in disputes]),
            "inquiries": arrays.bools([d.inquiry for d in disputes]),
        },
        rows=len(disputes),
    )


def insert_evidence(tx: Tx, region: str, pieces: Sequence[AddEvidence], now: datetime) -> None:
    """Record pieces of evidence."""
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
