"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from typing import TypeAlias, TypeVar
from uuid import UUID

import msgspec

from app.domains.customers.model import Customer, PaymentMethod
from app.engine.database import KeysTaken, Moving, Queries, Query, Rows, TableOf, Tx, arrays, pull

CUSTOMERS = TableOf(Customer, "customers")
METHODS = TableOf(PaymentMethod, "payment_methods", words=("brand", "bin", "last4"))
queries = Queries(__package__, tables=[CUSTOMERS, METHODS])

S = TypeVar("S", bound=msgspec.Struct)

Keys: TypeAlias = Collection[tuple[UUID, UUID]]
"""Some (merchant, id)."""


async def lock_customers(
    tx: Tx, region: str, moving: Moving, keys: Keys
) -> dict[tuple[UUID, UUID], Customer]:
    """Some customers, brought home and locked in id order; missing ones are left out."""
    await pull(tx, queries.pull_customers, region, moving, keys)
    rows = await _lock(tx, queries.lock_customers, region, keys)
    locked = {(row[0], row[1]): CUSTOMERS.struct_of(row) for row in rows}
    tx.see(each.updated_at for each in locked.values())
    return locked


async def lock_methods(
    tx: Tx, region: str, moving: Moving, keys: Keys
) -> dict[tuple[UUID, UUID], PaymentMethod]:
    """Some payment methods, brought home and locked in id order; missing ones are left out."""
    await pull(tx, queries.pull_methods, region, moving, keys)
    rows = await _lock(tx, queries.lock_methods, region, keys)
    locked = {(row[0], row[1]): METHODS.struct_of(row) for row in rows}
    tx.see(each.updated_at for each in locked.values())
    return locked


async def list_methods_of(
    tx: Tx, region: str, moving: Moving, keys: Keys
) -> set[tuple[UUID, UUID]]:
    """The (merchant, id) of the payment methods that some customers have, wherever they are."""
    if not keys:
        return set()
    places: set[tuple[str, tuple[UUID, UUID]]] = {(region, key) for key in keys}
    places |= {(moving[key[0]], key) for key in keys if key[0] in moving}
    params = {
        "region": arrays.words([place for place, _ in places]),
        "merchant_id": arrays.uuids([merchant_id for _, (merchant_id, _) in places]),
        "customer_id": arrays.uuids([customer_id for _, (_, customer_id) in places]),
        "status": arrays.same("attached", len(places)),
    }
    rows = await tx.rows(queries.list_methods_of_customers, params)
    return {(merchant_id, method_id) for merchant_id, method_id in rows}


def insert_customers(tx: Tx, region: str, customers: Sequence[Customer]) -> None:
    _write(tx, queries.insert_customers, CUSTOMERS, customers, {"region": region})


def update_customers(tx: Tx, region: str, customers: Sequence[Customer]) -> None:
    regions = arrays.same(region, len(customers))
    _write(tx, queries.update_customers, CUSTOMERS, customers, {"region": regions})


def insert_methods(tx: Tx, region: str, methods: Sequence[PaymentMethod]) -> None:
    _write(tx, queries.insert_methods, METHODS, methods, {"region": region})


def update_methods(tx: Tx, region: str, methods: Sequence[PaymentMethod]) -> None:
    regions = arrays.same(region, len(methods))
    _write(tx, queries.update_methods, METHODS, methods, {"region": regions})


async def _lock(tx: Tx, query: Query, region: str, keys: Keys) -> Rows:
    return await tx.rows(query, arrays.by_keys(region, keys)) if keys else ()


def _write(
    tx: Tx, query: Query, table: TableOf[S], items: Sequence[S], where: dict[str, str]
) -> None:
    """Keep a write of so many rows; where another was first, the attempt runs again."""
    if items:
        tx.write(
            query,
            lambda: table.arrays_of(query, items) | where,
            rows=len(items),
            otherwise=KeysTaken,
        )
