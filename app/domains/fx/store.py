"""Quotes and rates in the database: one typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from app.domains.fx.model import Quote
from app.engine.database import Moving, Queries, TableOf, Tx, arrays, pull

QUOTES = TableOf(Quote, "fx_quotes", words=("source_currency", "target_currency", "rate_source"))
queries = Queries(__package__, tables=[QUOTES])


async def pull_quotes(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> None:
    """Bring some (merchant, id) home, of merchants that move."""
    await pull(tx, queries.pull_quotes, region, moving, keys)


async def lock_quotes(
    tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Quote]:
    """The quotes of some (merchant, id), locked in id order; missing ones are left out."""
    if not keys:
        return {}
    rows = await tx.rows(queries.lock_quotes, arrays.by_keys(region, keys))
    locked = {(row[0], row[1]): QUOTES.struct_of(row) for row in rows}
    tx.see(each.created_at for each in locked.values())
    return locked


def insert_quotes(tx: Tx, region: str, quotes: Sequence[Quote]) -> None:
    if not quotes:
        return
    query = queries.insert_quotes
    tx.write(
        query,
        lambda: QUOTES.arrays_of(query, quotes) | {"region": region},
        rows=len(quotes),
    )


def update_quotes(tx: Tx, region: str, quotes: Sequence[Quote]) -> None:
    """Write by what quotes were used."""
    if not quotes:
        return
    query = queries.update_quotes
    tx.write(
        query,
        lambda: QUOTES.arrays_of(query, quotes) | {"region": arrays.same(region, len(quotes))},
        rows=len(quotes),
    )


async def upsert_rates(
    tx: Tx, source: str, rates: Sequence[tuple[date, str, Decimal]], now: datetime
) -> None:
    """Keep some (day, currency, units for one euro)."""
    params = {
        "source": source,
        "now": now,
        "days": arrays.dates([day for day, _, _ in rates]),
        "currencies": arrays.words([currency for _, currency, _ in rates]),
        "rates": arrays.decimals([rate for _, _, rate in rates]),
    }
    await tx.execute(queries.upsert_rates, params)
