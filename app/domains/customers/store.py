"""Writing side: one typed function per statement."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from app.domains.customers.model import Customer, PaymentMethod
from app.engine.database import KeysTaken, Moving, Queries, Query, Tx, arrays, pull

queries = Queries(__package__)

Keys: TypeAlias = Collection[tuple[UUID, UUID]]
"""Some (merchant, id)."""


def customer(row: tuple[Any, ...]) -> Customer:
    """The struct of a row."""
    metadata = msgspec.json.decode(row[6], type=dict[str, str])
    return Customer(*(*row[:6], metadata, *row[7:]))


async def lock_customers(
    tx: Tx, region: str, moving: Moving, keys: Keys
) -> dict[tuple[UUID, UUID], Customer]:
    """Some customers, brought home and locked in id order; missing ones are left out."""
    await pull(tx, queries.pull_customers, region, moving, keys)
    rows = await _lock(tx, queries.lock_customers, region, keys)
    return {(row[0], row[1]): customer(row) for row in rows}


async def lock_methods(
    tx: Tx, region: str, moving: Moving, keys: Keys
) -> dict[tuple[UUID, UUID], PaymentMethod]:
    """Some payment methods, brought home and locked in id order; missing ones are left out."""
    await pull(tx, queries.pull_methods, region, moving, keys)
    rows = await _lock(tx, queries.lock_methods, region, keys)
    return {(row[0], row[1]): PaymentMethod(*row) for row in rows}


async def list_methods_of(
    tx: Tx, region: str, moving: Moving, keys: Keys
) -> set[tuple[UUID, UUID]]:
    """The (merchant, id) of the payment methods that some customers have, wherever they are."""
    if not keys:
        return set()
    places: set[tuple[str, tuple[UUID, UUID]]] = {(region, key) for key in keys}
    places |= {(moving[key[0]], key) for key in keys if key[0] in moving}
    params = {
        "regions": arrays.words([place for place, _ in places]),
        "merchant_ids": arrays.uuids([merchant_id for _, (merchant_id, _) in places]),
        "ids": arrays.uuids([customer_id for _, (_, customer_id) in places]),
        "statuses": arrays.same("attached", len(places)),
    }
    rows = await tx.rows(queries.list_methods_of_customers, params)
    return {(merchant_id, method_id) for merchant_id, method_id in rows}


def insert_customers(tx: Tx, region: str, customers: Sequence[Customer]) -> None:
    """Record new customers."""
    _write(
        tx,
        queries.insert_customers,
        len(customers),
        lambda: {
            "region": region,
            **_names(customers),
            **_columns_of(customers),
            "correlation_ids": arrays.texts([c.correlation_id for c in customers]),
        },
    )


def update_customers(tx: Tx, region: str, customers: Sequence[Customer]) -> None:
    """Write what became of customers."""
    _write(
        tx,
        queries.update_customers,
        len(customers),
        lambda: {
            "regions": arrays.same(region, len(customers)),
            **_names(customers),
            **_columns_of(customers),
            "statuses": arrays.words([c.status for c in customers]),
            "versions": arrays.ints([c.version for c in customers]),
        },
    )


def insert_methods(tx: Tx, region: str, methods: Sequence[PaymentMethod]) -> None:
    """Register new payment methods."""
    _write(
        tx,
        queries.insert_methods,
        len(methods),
        lambda: {
            "region": region,
            **_names(methods),
            **_state_of(methods),
            "brands": arrays.words([m.brand for m in methods]),
            "bins": arrays.words([m.bin for m in methods]),
            "lasts": arrays.words([m.last4 for m in methods]),
            "exp_months": arrays.ints([m.exp_month for m in methods]),
            "exp_years": arrays.ints([m.exp_year for m in methods]),
            "fingerprints": arrays.words([m.fingerprint for m in methods]),
            "correlation_ids": arrays.texts([m.correlation_id for m in methods]),
        },
    )


def update_methods(tx: Tx, region: str, methods: Sequence[PaymentMethod]) -> None:
    """Write what became of payment methods."""
    _write(
        tx,
        queries.update_methods,
        len(methods),
        lambda: {
            "regions": arrays.same(region, len(methods)),
            **_names(methods),
            **_state_of(methods),
        },
    )


def _names(rows: Sequence[Customer] | Sequence[PaymentMethod]) -> dict[str, str]:
    return {
        "merchant_ids": arrays.uuids([row.merchant_id for row in rows]),
        "ids": arrays.uuids([row.id for row in rows]),
        "updated_ats": arrays.times([row.updated_at for row in rows]),
    }


def _columns_of(customers: Sequence[Customer]) -> dict[str, str]:
    return {
        "names": arrays.texts([c.name for c in customers]),
        "emails": arrays.texts([c.email for c in customers]),
        "phones": arrays.texts([c.phone for c in customers]),
        "descriptions": arrays.texts([c.description for c in customers]),
        "metadatas": arrays.texts([_json(c.metadata) for c in customers]),
    }


def _state_of(methods: Sequence[PaymentMethod]) -> dict[str, str]:
    return {
        "customer_ids": arrays.uuids([m.customer_id for m in methods]),
        "statuses": arrays.words([m.status for m in methods]),
        "versions": arrays.ints([m.version for m in methods]),
    }


def _json(metadata: Mapping[str, str]) -> str:
    return msgspec.json.encode(metadata).decode() if metadata else "{}"


async def _lock(tx: Tx, query: Query, region: str, keys: Keys) -> Sequence[tuple[Any, ...]]:
    if not keys:
        return ()
    merchants, names = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "ids": arrays.uuids(names),
    }
    return await tx.rows(query, params)


def _write(tx: Tx, query: Query, count: int, params: Any) -> None:
    """Keep a write of so many rows; where another was first, the attempt runs again."""
    if count:
        tx.write(query, params, rows=count, otherwise=KeysTaken)
