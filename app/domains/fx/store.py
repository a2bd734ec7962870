"""Quotes and rates in the database: one typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from app.domains.fx.model import Quote, rate_text
from app.domains.ledger import metadata_texts
from app.engine.database import Moving, Queries, Tx, arrays, pull

queries = Queries(__package__)

METADATA_AT: Final = 16  # the column that is JSON

_METADATA = msgspec.json.Decoder(dict[str, str])


def quote_of(row: tuple[Any, ...]) -> Quote:
    """The struct of a quote's row."""
    at = METADATA_AT
    return Quote(*(*row[:at], _METADATA.decode(row[at]), *row[at + 1 :]))


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
    merchants, quotes = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "quote_ids": arrays.uuids(quotes),
    }
    rows = await tx.rows(queries.lock_quotes, params)
    return {(row[0], row[1]): quote_of(row) for row in rows}


def insert_quotes(tx: Tx, region: str, quotes: Sequence[Quote]) -> None:
    """Record quotes."""
    if not quotes:
        return
    tx.write(
        queries.insert_quotes,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([q.merchant_id for q in quotes]),
            "ids": arrays.uuids([q.id for q in quotes]),
            "source_currencies": arrays.words([q.source_currency for q in quotes]),
            "target_currencies": arrays.words([q.target_currency for q in quotes]),
            "sides": arrays.words([q.side for q in quotes]),
            "sources_minor": arrays.ints([q.source_minor for q in quotes]),
            "gross_minor": arrays.ints([q.gross_minor for q in quotes]),
            "targets_minor": arrays.ints([q.target_minor for q in quotes]),
            "spreads_minor": arrays.ints([q.spread_minor for q in quotes]),
            "reference_rates": arrays.words([rate_text(q.reference_rate) for q in quotes]),
            "spreads_bps": arrays.ints([q.spread_bps for q in quotes]),
            "rate_sources": arrays.words([q.rate_source for q in quotes]),
            "rate_days": arrays.words([q.rate_day.isoformat() for q in quotes]),
            "metadatas": metadata_texts([q.metadata for q in quotes]),
            "correlation_ids": arrays.texts([q.correlation_id for q in quotes]),
            "created_ats": arrays.times([q.created_at for q in quotes]),
            "expires_ats": arrays.times([q.expires_at for q in quotes]),
        },
        rows=len(quotes),
    )


def update_quotes(tx: Tx, region: str, quotes: Sequence[Quote]) -> None:
    """Write by what quotes were used."""
    if not quotes:
        return
    tx.write(
        queries.update_quotes,
        lambda: {
            "regions": arrays.same(region, len(quotes)),
            "merchant_ids": arrays.uuids([q.merchant_id for q in quotes]),
            "ids": arrays.uuids([q.id for q in quotes]),
            "statuses": arrays.words([q.status for q in quotes]),
            "transfer_ids": arrays.uuids([q.transfer_id for q in quotes]),
            "payment_ids": arrays.uuids([q.payment_id for q in quotes]),
            "versions": arrays.ints([q.version for q in quotes]),
        },
        rows=len(quotes),
    )


async def upsert_rates(
    tx: Tx, source: str, rates: Sequence[tuple[date, str, Decimal]], now: datetime
) -> None:
    """Keep some (day, currency, units for one euro)."""
    params = {
        "source": source,
        "now": now,
        "days": arrays.words([day.isoformat() for day, _, _ in rates]),
        "currencies": arrays.words([currency for _, currency, _ in rates]),
        "rates": arrays.words([rate_text(rate) for _, _, rate in rates]),
    }
    await tx.execute(queries.upsert_rates, params)
