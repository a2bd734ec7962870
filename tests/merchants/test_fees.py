"""Fee plans: which one a payment comes under, what it costs, and how plans are made."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from app.base import ids
from app.domains.merchants import (
    ANY,
    FeePlan,
    FeePlanEnded,
    FeePlanExists,
    FeePlanNotFound,
    FeeRates,
    Keyring,
    Merchant,
    MerchantNotFound,
    admin,
    choose,
)
from app.engine.database import Database, transact
from tests.support.engine import opened
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def plan(rail: str, currency: str) -> FeePlan:
    return FeePlan(ids.new(), UUID(int=7), rail, currency, 1, 0, 0, None, False, NOW)


@table("""
    plans                              rail    currency  chosen
    -                                  wallet  USD       -
    any/any                            wallet  USD       any/any
    any/USD,any/any                    wallet  USD       any/USD
    any/USD,any/any                    wallet  EUR       any/any
    any/any,any/USD,wallet/any         wallet  USD       wallet/any   -- the rail counts more
    any/any,any/USD,card/any           wallet  USD       any/USD
    card/USD,wallet/any,wallet/USD     wallet  USD       wallet/USD
    wallet/USD,wallet/any,card/USD     card    USD       card/USD
    wallet/USD                         wallet  EUR       -
    wallet/USD                         card    USD       -
    bank_transfer/EUR,any/EUR          bank_transfer  EUR  bank_transfer/EUR
""")
def test_the_plan_that_names_it_most_closely(row: Row) -> None:
    """Rail and currency, then the rail, then the currency, then neither, then none."""
    names = row.plans.split(",") if row.plans else []
    made = [plan(*name.split("/")) for name in names]

    for some in (made, made[::-1]):
        chosen = choose(some, row.rail, row.currency)
        assert (f"{chosen.rail}/{chosen.currency}" if chosen else None) == row.chosen


@table("""
    amount  bps  fixed  min   max  fee
     10000  290     30    0     -  320
     10000  290     30    0   300  300
     10000  290     30  500     -  500
     10000    0      0    0     -    0
       100  290     30   50     -   50
        40  290     30   50     -   40     -- never above the amount
        25    0     30    0     -   25
       150  100      0    0     -    2     -- half to even
       250  100      0    0     -    2
     10000  290     30    0     0    0
""")
def test_what_a_payment_costs(row: Row) -> None:
    """A share and a fixed part, within a least and a most, and never above the amount."""
    assert FeeRates(row.bps, row.fixed, row.min, row.max).of(row.amount) == row.fee


@pytest_asyncio.fixture(scope="module")
async def database(shared_database_url: str) -> AsyncIterator[Database]:
    """The shared database; each test has a merchant of its own."""
    async with opened(shared_database_url) as found:
        yield found


@pytest_asyncio.fixture
async def merchant(database: Database) -> Merchant:
    """A merchant without plans."""
    return await admin.create_merchant(database, name="stall", home_region="local")


async def test_one_plan_in_force_for_the_same(database: Database, merchant: Merchant) -> None:
    """Of many made at once for one rail and currency one is in force, and the others are told."""
    made = await asyncio.gather(
        *[
            _create(database, merchant.id, rail="card", currency="USD", terms=_terms(n))
            for n in range(6)
        ],
        return_exceptions=True,
    )

    refusals = [each for each in made if isinstance(each, FeePlanExists)]
    (kept,) = [each for each in made if isinstance(each, FeePlan)]
    assert len(refusals) == 5
    assert await admin.list_plans_in_force(database, merchant.id) == (kept,)


async def test_replacing_and_ending(database: Database, merchant: Merchant) -> None:
    """Of what was replaced the history stays, and only what is in force can be replaced."""
    first = await _create(database, merchant.id, rail=ANY, currency="USD", terms=_terms(1))

    second = await _replace(database, first.id, _terms(2))
    with pytest.raises(FeePlanEnded):
        await _replace(database, first.id, _terms(3))
    assert await admin.list_plans_in_force(database, merchant.id) == (second,)

    ended = await _end(database, second.id)
    assert await _end(database, second.id) == ended
    assert await admin.list_plans_in_force(database, merchant.id) == ()
    listed = await admin.list_plans(database, merchant.id)
    assert [(each.id, each.bps, bool(each.ended_at)) for each in listed] == [
        (first.id, 1, True),
        (second.id, 2, True),
    ]
    assert [each.id for each in await admin.list_plans(database, merchant.id, first.id)] == [
        second.id
    ]


async def test_what_is_not_there(database: Database) -> None:
    """A plan or a merchant that does not exist is refused by name."""
    with pytest.raises(MerchantNotFound):
        await _create(database, ids.new(), rail=ANY, currency=ANY, terms=_terms(1))
    for change in (
        _end(database, ids.new()),
        _replace(database, ids.new(), _terms(1)),
    ):
        with pytest.raises(FeePlanNotFound):
            await change


async def test_callers_bring_their_plans(database: Database, merchant: Merchant) -> None:
    """Whoever is behind a secret, the plans in force are known with the merchant."""
    _, secret = await admin.create_key(database, merchant.id, name="k", scopes=["read"])
    made = await _create(database, merchant.id, rail="card", currency=ANY, terms=_terms(5))

    caller = await Keyring(database).find_caller(secret)

    assert caller is not None
    assert caller.fee_plans == (made,)


async def _create(database: Database, merchant_id: UUID, **fields: Any) -> FeePlan:
    return await transact(database, lambda tx: admin.create_plan(tx, merchant_id, **fields))


async def _replace(database: Database, plan_id: UUID, terms: FeeRates) -> FeePlan:
    return await transact(database, lambda tx: admin.replace_plan(tx, plan_id, terms))


async def _end(database: Database, plan_id: UUID) -> FeePlan:
    return await transact(database, lambda tx: admin.end_plan(tx, plan_id))


def _terms(bps: int) -> FeeRates:
    return FeeRates(bps, 20, 5, 500, refunded=True)
