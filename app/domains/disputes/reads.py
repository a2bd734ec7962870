"""Reading side: single disputes and lists, outside any transaction."""

from collections.abc import Sequence
from uuid import UUID

from app.domains.disputes.model import Dispute, DisputeStatus, Evidence
from app.domains.disputes.store import DISPUTES, EVIDENCE
from app.engine.database import Listed, Page, Queries, Reader, listed

queries = Queries(__package__, "reads.sql", [DISPUTES, EVIDENCE])


async def find_dispute(
    reader: Reader, region: str, merchant_id: UUID, dispute_id: UUID
) -> Dispute | None:
    params = {"region": region, "merchant_id": merchant_id, "id": dispute_id}
    rows = await reader.read(queries.find_dispute, params)
    return DISPUTES.struct_of(rows[0]) if rows else None


async def list_disputes(
    reader: Reader,
    region: str,
    merchant_id: UUID,
    page: Page,
    *,
    payment_id: UUID | None = None,
    status: DisputeStatus | None = None,
) -> Listed[Dispute]:
    """A page of a merchant's disputes: all, one payment's, or those in one state."""
    if payment_id is not None:
        query = page.query(queries.list_disputes_of_payment)
        params = page.params(region, merchant_id, payment_id=payment_id)
    elif status is not None:
        query = page.query(queries.list_disputes_by_status)
        params = page.params(region, merchant_id, status=status)
    else:
        query = page.query(queries.list_disputes)
        params = page.params(region, merchant_id)
    return listed(page, [DISPUTES.struct_of(row) for row in await reader.read(query, params)])


async def list_evidence(
    reader: Reader, region: str, merchant_id: UUID, page: Page, dispute_id: UUID
) -> Listed[Evidence]:
    """A page of a dispute's evidence, newest first."""
    query = page.query(queries.list_evidence)
    params = page.params(region, merchant_id, dispute_id=dispute_id)
    return listed(page, [EVIDENCE.struct_of(row) for row in await reader.read(query, params)])


async def read_evidence(
    reader: Reader, regions: Sequence[str], merchant_id: UUID, dispute_id: UUID
) -> list[tuple[Evidence, bytes]]:
    """All evidence of a dispute with its content, in the order in which it was given.

    Args:
        regions: where to look, in this order.
    """
    found: dict[UUID, tuple[Evidence, bytes]] = {}
    for region in regions:
        params = {"region": region, "merchant_id": merchant_id, "dispute_id": dispute_id}
        for *row, content in await reader.read(queries.read_evidence, params):
            piece = EVIDENCE.struct_of(row)
            found[piece.id] = (piece, bytes(content))
    return [found[piece_id] for piece_id in sorted(found)]
