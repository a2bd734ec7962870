"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domains.fx import Conversion
from app.domains.ledger import metadata_texts, pull_holds
from app.domains.merchants import FeeRates
from app.domains.payments.model import Exchange, Payment, Rail, Refund
from app.engine.database import Moving, Queries, Tx, arrays, pull

queries = Queries(__package__)

_METADATA = msgspec.json.Decoder(dict[str, str])
_RAIL = msgspec.json.Decoder(Rail)
_FEES = msgspec.json.Decoder(FeeRates)
_EXCHANGE = msgspec.json.Decoder(Exchange)
_CONVERSION = msgspec.json.Decoder(Conversion)


def payment_of(row: tuple[Any, ...]) -> Payment:
    """The struct of a payment's row."""
    rail = None if row[23] is None else _RAIL.decode(row[23])
    plan = None if row[25] is None else _FEES.decode(row[25])
    exchange = None if row[27] is None else _EXCHANGE.decode(row[27])
    texts = (_METADATA.decode(row[17]), *row[18:23], rail, row[24], plan, row[26], exchange)
    return Payment(*(*row[:17], *texts))


def refund_of(row: tuple[Any, ...]) -> Refund:
    """The struct of a refund's row."""
    exchanged = None if row[13] is None else _CONVERSION.decode(row[13])
    return Refund(*(*row[:7], _METADATA.decode(row[7]), *row[8:13], exchanged, row[14]))


def _text(value: msgspec.Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


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
    merchants, payments = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "payment_ids": arrays.uuids(payments),
    }
    rows = await tx.rows(queries.lock_payments, params)
    return {(row[0], row[1]): payment_of(row) for row in rows}


def insert_payments(tx: Tx, region: str, payments: Sequence[Payment], now: datetime) -> None:
    """Record new payments and their labels."""
    if not payments:
        return
    tx.write(
        queries.insert_payments,
        lambda: {
            "region": region,
            "now": now,
            "merchant_ids": arrays.uuids([p.merchant_id for p in payments]),
            "ids": arrays.uuids([p.id for p in payments]),
            "statuses": arrays.words([p.status for p in payments]),
            "methods": arrays.words([p.method for p in payments]),
            "captures": arrays.words([p.capture for p in payments]),
            "account_ids": arrays.uuids([p.account_id for p in payments]),
            "customers": arrays.texts([p.customer for p in payments]),
            "currencies": arrays.words([p.currency for p in payments]),
            "amounts_minor": arrays.ints([p.amount_minor for p in payments]),
            "amounts_captured_minor": arrays.ints([p.amount_captured_minor for p in payments]),
            "fees_minor": arrays.ints([p.fee_minor for p in payments]),
            "fees_bps": arrays.ints([p.fee_bps for p in payments]),
            "fees_fixed_minor": arrays.ints([p.fee_fixed_minor for p in payments]),
            "fee_plans": arrays.texts([_text(p.fee_plan) for p in payments]),
            "hold_ids": arrays.uuids([p.hold_id for p in payments]),
            "descriptions": arrays.texts([p.description for p in payments]),
            "metadatas": metadata_texts([p.metadata for p in payments]),
            "correlation_ids": arrays.texts([p.correlation_id for p in payments]),
            "expires_ats": arrays.times([p.expires_at for p in payments]),
            "rails": arrays.texts([_text(p.rail) for p in payments]),
            "operation_ids": arrays.uuids([p.operation_id for p in payments]),
            "exchanges": arrays.texts([_text(p.exchange) for p in payments]),
        },
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
    tx.write(
        queries.update_payments,
        lambda: {
            "regions": arrays.same(region, len(payments)),
            "merchant_ids": arrays.uuids([p.merchant_id for p in payments]),
            "ids": arrays.uuids([p.id for p in payments]),
            "statuses": arrays.words([p.status for p in payments]),
            "amounts_captured_minor": arrays.ints([p.amount_captured_minor for p in payments]),
            "amounts_refunded_minor": arrays.ints([p.amount_refunded_minor for p in payments]),
            "fees_minor": arrays.ints([p.fee_minor for p in payments]),
            "fees_refunded_minor": arrays.ints([p.fee_refunded_minor for p in payments]),
            "versions": arrays.ints([p.version for p in payments]),
            "updated_ats": arrays.times([p.updated_at for p in payments]),
            "expires_ats": arrays.times([p.expires_at for p in payments]),
            "disputed": arrays.bools([p.disputed for p in payments]),
            "rails": arrays.texts([_text(p.rail) for p in payments]),
            "operation_ids": arrays.uuids([p.operation_id for p in payments]),
            "exchanges": arrays.texts([_text(p.exchange) for p in payments]),
        },
        rows=len(payments),
    )


def insert_refunds(tx: Tx, region: str, refunds: Sequence[Refund], now: datetime) -> None:
    """Record refunds."""
    if not refunds:
        return
    tx.write(
        queries.insert_refunds,
        lambda: {
            "region": region,
            "now": now,
            "merchant_ids": arrays.uuids([r.merchant_id for r in refunds]),
            "ids": arrays.uuids([r.id for r in refunds]),
            "payment_ids": arrays.uuids([r.payment_id for r in refunds]),
            "statuses": arrays.words([r.status for r in refunds]),
            "currencies": arrays.words([r.currency for r in refunds]),
            "amounts_minor": arrays.ints([r.amount_minor for r in refunds]),
            "descriptions": arrays.texts([r.description for r in refunds]),
            "metadatas": metadata_texts([r.metadata for r in refunds]),
            "correlation_ids": arrays.texts([r.correlation_id for r in refunds]),
            "exchanged": arrays.texts([_text(r.exchanged) for r in refunds]),
            "fees_refunded_minor": arrays.ints([r.fee_refunded_minor for r in refunds]),
        },
        rows=len(refunds),
    )


async def lock_refunds(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, Refund]:
    """The refunds of some (merchant, id), locked in id order."""
    if not keys:
        return {}
    await pull(tx, queries.pull_refunds, region, moving, keys)
    merchants, refunds = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "ids": arrays.uuids(refunds),
    }
    return {row[1]: refund_of(row) for row in await tx.rows(queries.lock_refunds, params)}


def update_refunds(tx: Tx, region: str, refunds: Sequence[Refund]) -> None:
    """Write how refunds ended."""
    if not refunds:
        return
    tx.write(
        queries.update_refunds,
        lambda: {
            "regions": arrays.same(region, len(refunds)),
            "merchant_ids": arrays.uuids([r.merchant_id for r in refunds]),
            "ids": arrays.uuids([r.id for r in refunds]),
            "statuses": arrays.words([r.status for r in refunds]),
            "versions": arrays.ints([r.version for r in refunds]),
            "failure_codes": arrays.texts([r.failure_code for r in refunds]),
            "processor_references": arrays.texts([r.processor_reference for r in refunds]),
        },
        rows=len(refunds),
    )
