"""Making and listing merchants and keys: seldom, so one at a time."""

import re
from collections.abc import Sequence
from uuid import UUID

from app.base import clock, ids
from app.base.settings import REGION_PATTERN
from app.domains.merchants.errors import ApiKeyNotFound, MerchantNotFound, UnknownRegion
from app.domains.merchants.model import PREFIX_LENGTH, ApiKey, Merchant, hash_secret, new_secret
from app.engine.database import Database, Queries, Tx, arrays, transact

queries = Queries(__package__)

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
    await check_home_region(database, home_region)
    merchant = Merchant(ids.new(), name, home_region, mode, fee_bps, fee_fixed_minor, clock.now())

    async def work(tx: Tx) -> None:
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
            },
        )

    await transact(database, work)
    return merchant


async def find_merchant(database: Database, merchant_id: UUID) -> Merchant | None:
    """One merchant."""
    rows = await database.read(queries.find_merchant, {"id": merchant_id})
    return Merchant(*rows[0]) if rows else None


async def get_merchant(database: Database, merchant_id: UUID) -> Merchant:
    """One merchant.

    Raises:
        MerchantNotFound
    """
    merchant = await find_merchant(database, merchant_id)
    if merchant is None:
        raise MerchantNotFound(merchant=ids.encode("merchant", merchant_id))
    return merchant


async def list_merchants(
    database: Database, after: UUID = ids.NIL, limit: int = MERCHANTS_PAGE
) -> list[Merchant]:
    """Merchants after a position, in the order of their making."""
    params = {"after": after, "page_size": limit}
    return [Merchant(*row) for row in await database.read(queries.list_merchants, params)]


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
    if not re.fullmatch(REGION_PATTERN, region):
        raise UnknownRegion(
            region=region, why="a name has up to 63 of the characters a-z, 0-9 and '-'"
        )
    known = await list_database_regions(database)
    if known and region not in known:
        raise UnknownRegion(region=region, why=f"the database's regions are {', '.join(known)}")


async def create_key(
    database: Database, merchant_id: UUID, *, name: str, scopes: Sequence[str]
) -> tuple[ApiKey, str]:
    """Record a key of a merchant; returns it and its secret, which is shown this once.

    Raises:
        MerchantNotFound
    """
    merchant = await get_merchant(database, merchant_id)
    secret = new_secret(merchant.mode)
    key = ApiKey(
        ids.new(), secret[:PREFIX_LENGTH], merchant_id, name, list(scopes), clock.now(), None
    )

    async def work(tx: Tx) -> None:
        tx.write(
            queries.insert_key,
            lambda: {
                "id": key.id,
                "secret_hash": hash_secret(secret),
                "prefix": key.prefix,
                "merchant_id": merchant_id,
                "name": name,
                "scopes": arrays.texts(key.scopes),
                "created_at": key.created_at,
            },
        )

    await transact(database, work)
    return key, secret


async def list_keys(database: Database, merchant_id: UUID) -> list[ApiKey]:
    """The keys of a merchant, revoked ones too, oldest first."""
    rows = await database.read(queries.list_keys, {"merchant_id": merchant_id})
    return [ApiKey(*row) for row in rows]


async def revoke_key(database: Database, key_id: UUID) -> ApiKey:
    """Revoke a key; revoking it again changes nothing.

    Raises:
        ApiKeyNotFound
    """

    async def work(tx: Tx) -> None:
        tx.write(queries.revoke_key, lambda: {"id": key_id, "now": clock.now()})

    await transact(database, work)
    rows = await database.read(queries.find_key, {"id": key_id})
    if not rows:
        raise ApiKeyNotFound(key=ids.encode("api_key", key_id))
    return ApiKey(*rows[0])
