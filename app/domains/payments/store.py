"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from app.domains.ledger import pull_holds
from app.domains.payments.model import Payment, Refund
from app.engine.database import Moving, Queries, TableOf, Tx, arrays, pull

PAYMENTS = TableOf(Payment, "payments", words=("method", "capture", "currency"))
REFUNDS = TableOf(Refund, "refunds", words=("currency",))
queries = Queries(__package__, tables=[PAYMENTS, REFUNDS])


async def pull_payments(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> None:
    """Bring some (merchant, id) home, of merchants that move, each with its hold."""
    pulled = await pull(tx, queries.pull_payments, region, moving, keys)
    await pull_holds(tx, region, moving, [(m, hold) for m, hold in pulled if hold is not None])


async def lock_payments(
    tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Payment]:
    """The payments of some (merchant, id), locked in id order."""
    if not keys:
        return {}
    rows = await tx.rows(queries.lock_payments, arrays.by_keys(region, keys))
    locked = {(row[0], row[1]): PAYMENTS.struct_of(row) for row in rows}
    tx.see(each.updated_at for each in locked.values())
    return locked


def insert_payments(tx: Tx, region: str, payments: Sequence[Payment], now: datetime) -> None:
    """Record new payments and their labels."""
    if not payments:
        return
    query = queries.insert_payments
    tx.write(
        query,
        lambda: PAYMENTS.arrays_of(query, payments) | {"region": region, "now": now},
        rows=len(payments),
    )
    _insert_labels(tx, region, payments)


def _insert_labels(tx: Tx, region: str, payments: Sequence[Payment]) -> None:
    labels = [(p, name, value) for p in payments for name, value in p.metadata.items()]
    if not labels:
        return
    tx.write(
        queries.insert_labels,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([p.merchant_id for p, _, _ in labels]),
            "names": arrays.texts([name for _, name, _ in labels]),
            "values": arrays.texts([value for _, _, value in labels]),
            "payment_ids": arrays.uuids([p.id for p, _, _ in labels]),
        },
        rows=len(labels),
    )


def update_payments(tx: Tx, region: str, payments: Sequence[Payment]) -> None:
    """Write how far payments have come."""
    if not payments:
        return
    query = queries.update_payments
    tx.write(
        query,
        lambda: (
            PAYMENTS.arrays_of(query, payments) | {"region": arrays.same(region, len(payments))}
        ),
        rows=len(payments),
    )


def insert_refunds(tx: Tx, region: str, refunds: Sequence[Refund], now: datetime) -> None:
    if not refunds:
        return
    query = queries.insert_refunds
    tx.write(
        query,
        lambda: REFUNDS.arrays_of(query, refunds) | {"region": region, "now": now},
        rows=len(refunds),
    )


async def lock_refunds(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, Refund]:
    """The refunds of some (merchant, id), locked in id order."""
    if not keys:
        return {}
    await pull(tx, queries.pull_refunds, region, moving, keys)
    rows = await tx.rows(queries.lock_refunds, arrays.by_keys(region, keys))
    return {row[1]: REFUNDS.struct_of(row) for row in rows}


def update_refunds(tx: Tx, region: str, refunds: Sequence[Refund]) -> None:
    if not refunds:
        return
    query = queries.update_refunds
    tx.write(
        query,
        lambda: REFUNDS.arrays_of(query, refunds) | {"region": arrays.same(region, len(refunds))},
        rows=len(refunds),
    )
