"""Where a merchant's rows may be, read and changed in a transaction."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from cachetools import LRUCache

from app.base import ids
from app.domains.merchants.errors import MerchantNotFound
from app.domains.merchants.model import ApiKey, FeePlan, Merchant
from app.engine.database import Queries, TableOf, Tx, arrays

MERCHANTS = TableOf(Merchant, "merchants")
KEYS = TableOf(ApiKey, "api_keys")
FEE_PLANS = TableOf(FeePlan, "fee_plans")
queries = Queries(__package__, tables=[MERCHANTS, KEYS, FEE_PLANS])


_modes: LRUCache[UUID, str] = LRUCache(100_000)  # a mode never changes; 20 MB at most


async def list_test_merchants(tx: Tx, merchant_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of some merchants that are test merchants; each is looked up once per process."""
    unknown = [merchant_id for merchant_id in merchant_ids if merchant_id not in _modes]
    if unknown:
        rows = await tx.rows(queries.list_modes, {"ids": arrays.uuids(unknown)})
        _modes.update(dict(rows))
    return frozenset(m for m in merchant_ids if _modes.get(m) == "test")


class Home(msgspec.Struct, frozen=True):
    """Where a merchant's rows may be."""

    region: str
    """Its home: where new rows are written."""
    former_region: str | None
    """The other region, while it moves."""
    version: int
    """Counts the changes of the two."""


async def get_home(tx: Tx, merchant_id: UUID) -> Home:
    """Where a merchant's rows may be; whatever changes it later comes after this transaction.

    Raises:
        MerchantNotFound
    """
    rows = await tx.rows(queries.find_home, {"id": merchant_id})
    if not rows:
        raise MerchantNotFound(merchant=ids.encode("merchant", merchant_id))
    return Home(*rows[0])


async def update_home(
    tx: Tx, merchant_id: UUID, before: Home, *, region: str, former_region: str | None
) -> bool:
    """Whether the home was still as `before`, and is now as given."""
    params = {
        "id": merchant_id,
        "region_version": before.version,
        "home_region": region,
        "former_region": former_region,
    }
    return await tx.execute(queries.update_home, params) == 1
