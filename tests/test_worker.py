"""The worker's rounds: trouble in one region does not delay the others."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.domains.merchants import admin
from app.engine.database import Database
from app.processes.flows import open_world
from app.processes.worker import REGIONS_AT_ONCE, Worker, in_regions
from tests.support.databases import execute, rows
from tests.support.engine import opened

REGIONS = ("aa", "bb", "cc", "dd", "ee", "ff")

TROUBLE = """
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'this region is in trouble';
    END $$;
    CREATE TRIGGER trouble BEFORE INSERT OR UPDATE ON leases
       FOR EACH ROW WHEN (NEW.region = 'aa') EXECUTE FUNCTION trouble();
"""


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with a merchant in each of six regions."""
    async with opened(database_url) as made:
        for region in REGIONS:
            await admin.create_merchant(
                made, name=region, home_region=region, fee_bps=0, fee_fixed_minor=0
            )
        yield made


@pytest.mark.parametrize("name", ["expire_holds", "resume_flows", "reap_keys"])
async def test_a_region_in_trouble_stops_no_other(database: Database, name: str) -> None:
    """Where the first region's work fails, that of all others is done."""
    execute(database.url, TROUBLE)

    async with open_world(database) as world:
        await getattr(Worker(world), name)()

    found = rows(database.url, "SELECT region FROM leases WHERE name = %s ORDER BY region", [name])
    assert [region for (region,) in found] == list(REGIONS[1:])


async def test_each_region_has_its_own_outcome(database: Database) -> None:
    """A failure or a cancellation is returned by region, and only so many run at a time."""
    at_once = most = 0

    async def work(region: str) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        if region == "aa":
            raise ValueError(region)
        if region == "bb":
            raise asyncio.CancelledError
        return region.upper()

    outcomes = await in_regions(database, "test", work)

    assert list(outcomes) == list(REGIONS)
    assert isinstance(outcomes["aa"], ValueError)
    assert isinstance(outcomes["bb"], asyncio.CancelledError)
    assert [outcomes[region] for region in REGIONS[2:]] == ["CC", "DD", "EE", "FF"]
    assert most == REGIONS_AT_ONCE


async def test_canceling_a_round_cancels_all_of_it(database: Database) -> None:
    """A worker that is canceled in the middle of a round leaves no region's work running."""
    begun, canceled = asyncio.Semaphore(0), set()

    async def work(region: str) -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            canceled.add(region)
            raise

    task = asyncio.create_task(in_regions(database, "test", work))
    for _ in range(REGIONS_AT_ONCE):
        await begun.acquire()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(canceled) == REGIONS_AT_ONCE
