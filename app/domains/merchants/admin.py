"""Making, listing and ending merchants, keys and fee plans: seldom, so one at a time."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.base.settings import REGION_PATTERN
from app.domains.merchants.errors import (
    ApiKeyNotFound,
    FeePlanEnded,
    FeePlanExists,
    FeePlanNotFound,
    MerchantNotFound,
    UnknownRegion,
)
from app.domains.merchants.model import (
    PREFIX_LENGTH,
    ApiKey,
    FeePlan,
    FeeRates,
    Merchant,
    hash_secret,
    new_secret,
)
from app.domains.merchants.store import FEE_PLANS, KEYS, MERCHANTS, queries
from app.engine.database import Database, Reader, Tx, arrays, transact

MERCHANTS_PAGE = 1_000


async def create_merchant(
    database: Database,
    *,
    name: str,
    home_region: str,
    mode: str = "test",
    fee_bps: int = 290,
    fee_fixed_minor: int = 30,
) -> Merchant:
    """Record a merchant; the default fee plan is 2.9 % plus 30 minor units.

    Raises:
        UnknownRegion: it cannot be at home in `home_region`.
    """
    merchant = Merchant(ids.new(), name, home_region, mode, fee_bps, fee_fixed_minor, clock.now())
    await transact(database, lambda tx: insert_merchant(tx, merchant))
    return merchant


async def insert_merchant(tx: Tx, merchant: Merchant) -> None:
    """Record a merchant.

    Raises:
        UnknownRegion: it cannot be at home in its region.
    """
    regions = [region for (region,) in await tx.rows(queries.list_database_regions, {})]
    _check_region(merchant.home_region, regions)
    tx.write(
        queries.insert_merchant,
        lambda: {
            "id": merchant.id,
            "name": merchant.name,
            "home_region": merchant.home_region,
            "mode": merchant.mode,
            "fee_bps": merchant.fee_bps,
            "fee_fixed_minor": merchant.fee_fixed_minor,
            "created_at": merchant.created_at,
            "negative_limit_minor": merchant.negative_limit_minor,
        },
    )


async def find_merchant(database: Database, merchant_id: UUID) -> Merchant | None:
    rows = await database.read(queries.find_merchant, {"id": merchant_id})
    return MERCHANTS.struct_of(rows[0]) if rows else None


async def get_merchant(database: Database, merchant_id: UUID) -> Merchant:
    """One merchant.

    Raises:
        MerchantNotFound
    """
    merchant = await find_merchant(database, merchant_id)
    if merchant is None:
        raise MerchantNotFound(merchant=ids.encode("merchant", merchant_id))
    return merchant


async def change_negative_limit(tx: Tx, merchant_id: UUID, limit_minor: int | None) -> Merchant:
    """Say how far below zero refunds may take a merchant's available balances.

    Raises:
        MerchantNotFound
    """
    params = {"id": merchant_id, "negative_limit_minor": limit_minor}
    await tx.execute(queries.change_negative_limit, params)
    return await read_merchant(tx, merchant_id)


async def raise_key_generation(tx: Tx, merchant_id: UUID, generation: int) -> Merchant:
    """Say of which generation a merchant's publishable key is; it never sinks.

    Raises:
        MerchantNotFound
    """
    await tx.execute(queries.raise_key_generation, {"id": merchant_id, "generation": generation})
    return await read_merchant(tx, merchant_id)


async def read_merchant(tx: Tx, merchant_id: UUID) -> Merchant:
    """One merchant, in a transaction.

    Raises:
        MerchantNotFound
    """
    rows = await tx.rows(queries.find_merchant, {"id": merchant_id})
    if not rows:
        raise MerchantNotFound(merchant=ids.encode("merchant", merchant_id))
    return MERCHANTS.struct_of(rows[0])


async def list_merchants(
    database: Database, after: UUID = ids.NIL, limit: int = MERCHANTS_PAGE
) -> list[Merchant]:
    """Merchants after a position, in the order of their making."""
    params = {"after": after, "page_size": limit}
    return [MERCHANTS.struct_of(row) for row in await database.read(queries.list_merchants, params)]


async def list_home_regions(database: Database) -> list[str]:
    """The regions in which merchants are at home, or from which they move."""
    return [region for (region,) in await database.read(queries.list_home_regions, {})]


async def list_database_regions(database: Database) -> list[str]:
    """The regions of a multi-region database, in the order of their names; else none."""
    return [region for (region,) in await database.read(queries.list_database_regions, {})]


async def check_home_region(database: Database, region: str) -> None:
    """Refuse a home that rows could not be kept in.

    Raises:
        UnknownRegion: it has not the form of a name, or is no region of a multi-region database.
    """
    _check_region(region, await list_database_regions(database))


def _check_region(region: str, known: Sequence[str]) -> None:
    if not re.fullmatch(REGION_PATTERN, region):
        raise UnknownRegion(
            region=region, why="a name has up to 63 of the characters a-z, 0-9 and '-'"
        )
    if known and region not in known:
        raise UnknownRegion(region=region, why=f"the database's regions are {', '.join(known)}")


async def create_key(
    database: Database, merchant_id: UUID, *, name: str, scopes: Sequence[str]
) -> tuple[ApiKey, str]:
    """Record a key of a merchant; returns it and its secret, which is shown this once.

    Raises:
        MerchantNotFound
    """
    key, secret = new_key(await get_merchant(database, merchant_id), name, scopes)

    async def work(tx: Tx) -> None:
        insert_key(tx, key, secret)

    await transact(database, work)
    return key, secret


def new_key(merchant: Merchant, name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
    """A key of a merchant, which is not recorded yet, and its secret."""
    secret = new_secret(merchant.mode)
    prefix = secret[:PREFIX_LENGTH]
    return ApiKey(ids.new(), prefix, merchant.id, name, list(scopes), clock.now(), None), secret


def insert_key(tx: Tx, key: ApiKey, secret: str) -> None:
    """Record a key."""
    tx.write(
        queries.insert_key,
        lambda: {
            "id": key.id,
            "secret_hash": hash_secret(secret),
            "prefix": key.prefix,
            "merchant_id": key.merchant_id,
            "name": key.name,
            "scopes": arrays.texts(key.scopes),
            "created_at": key.created_at,
        },
    )


async def list_keys(database: Database, merchant_id: UUID) -> list[ApiKey]:
    """The keys of a merchant, revoked ones too, oldest first."""
    rows = await database.read(queries.list_keys, {"merchant_id": merchant_id})
    return [KEYS.struct_of(row) for row in rows]


async def revoke_key(database: Database, key_id: UUID) -> ApiKey:
    """Revoke a key; revoking it again changes nothing.

    Raises:
        ApiKeyNotFound
    """
    return await transact(database, lambda tx: end_key(tx, key_id))


async def end_key(tx: Tx, key_id: UUID) -> ApiKey:
    """As `revoke_key`.

    Raises:
        ApiKeyNotFound
    """
    await tx.execute(queries.revoke_key, {"id": key_id, "now": tx.now})
    rows = await tx.rows(queries.find_key, {"id": key_id})
    if not rows:
        raise ApiKeyNotFound(key=ids.encode("api_key", key_id))
    return KEYS.struct_of(rows[0])


PLANS_PAGE: Final = 1_000


async def create_plan(
    tx: Tx, merchant_id: UUID, *, rail: str, currency: str, terms: FeeRates
) -> FeePlan:
    """Bring a fee plan into force; payments that are made from then on come under it.

    Raises: (the first that applies)
        MerchantNotFound
        FeePlanExists: one for this rail and currency is in force.
    """
    await read_merchant(tx, merchant_id)
    plan = _plan(tx, merchant_id, rail, currency, terms)
    await _insert(tx, plan)
    return plan


async def replace_plan(tx: Tx, plan_id: UUID, terms: FeeRates) -> FeePlan:
    """End a fee plan and bring another one for the same into force, without a moment between.

    Raises: (the first that applies)
        FeePlanNotFound, FeePlanEnded
    """
    old = await _end(tx, plan_id)
    plan = _plan(tx, old.merchant_id, old.rail, old.currency, terms)
    await _insert(tx, plan)
    return plan


async def end_plan(tx: Tx, plan_id: UUID) -> FeePlan:
    """End a fee plan; ending it again changes nothing.

    Raises:
        FeePlanNotFound
    """
    found = await _find(tx, plan_id)
    if found is None:
        raise FeePlanNotFound(fee_plan=ids.encode("fee_plan", plan_id))
    return found if found.ended_at else await _end(tx, plan_id)


async def list_plans(
    reader: Reader, merchant_id: UUID, after: UUID = ids.NIL, limit: int = PLANS_PAGE
) -> list[FeePlan]:
    """A merchant's fee plans after a position, ended ones too, in the order of their making."""
    params = {"merchant_id": merchant_id, "after": after, "page_size": limit}
    return [FEE_PLANS.struct_of(row) for row in await reader.read(queries.list_plans, params)]


async def list_plans_in_force(reader: Reader, merchant_id: UUID) -> tuple[FeePlan, ...]:
    """A merchant's fee plans that are in force."""
    rows = await reader.read(queries.list_plans_in_force, {"merchant_id": merchant_id})
    return tuple(FEE_PLANS.struct_of(row) for row in rows)


def _plan(tx: Tx, merchant_id: UUID, rail: str, currency: str, terms: FeeRates) -> FeePlan:
    return FeePlan(
        id=ids.new(),
        merchant_id=merchant_id,
        rail=rail,
        currency=currency,
        bps=terms.bps,
        fixed_minor=terms.fixed_minor,
        min_minor=terms.min_minor,
        max_minor=terms.max_minor,
        refunded=terms.refunded,
        created_at=tx.now,
    )


async def _find(tx: Tx, plan_id: UUID) -> FeePlan | None:
    rows = await tx.rows(queries.lock_plan, {"id": plan_id})
    return FEE_PLANS.struct_of(rows[0]) if rows else None


async def _end(tx: Tx, plan_id: UUID) -> FeePlan:
    name = ids.encode("fee_plan", plan_id)
    plan = await _find(tx, plan_id)
    if plan is None:
        raise FeePlanNotFound(fee_plan=name)
    if plan.ended_at is not None:
        raise FeePlanEnded(fee_plan=name)
    await tx.execute(queries.end_plan, {"id": plan_id, "now": tx.now})
    return msgspec.structs.replace(plan, ended_at=tx.now)


async def _insert(tx: Tx, plan: FeePlan) -> None:
    params = msgspec.structs.asdict(plan)
    del params["ended_at"]
    if await tx.execute(queries.insert_plan, params) == 0 and not await _find(tx, plan.id):
        raise FeePlanExists(merchant=ids.encode("merchant", plan.merchant_id))
