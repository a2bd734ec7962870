"""Fences and the clock of transactions: what is final, by whom and when it is decided."""

import asyncio
import random
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.base import clock, ids
from app.engine import events
from app.engine.database import Database, Tx, transact
from app.engine.database.errors import ClockBehind
from app.engine.events import Fact
from tests.support.databases import execute, rows
from tests.support.engine import opened

MERCHANT, REGION = ids.new(), "local"
WRITERS, COMMITS = 3, 40


def fact(at: datetime, object_id: UUID, sequence: int = 1) -> Fact:
    """A fact of the tests' merchant."""
    return Fact(MERCHANT, "thing.changed", object_id, sequence, "{}", "req_1", at)


async def tell(database: Database, pause_s: float) -> None:
    """Commit one event, some time after its instant was decided."""

    async def work(tx: Tx) -> None:
        await asyncio.sleep(pause_s)
        events.append(tx, REGION, [fact(tx.now, ids.new())])

    await transact(database, work, region=REGION)


def told(url: str) -> list[tuple[UUID, datetime]]:
    """Id and instant of the events, in the order of their ids."""
    return rows(
        url, "SELECT id, created_at FROM events WHERE merchant_id = %s ORDER BY id", [MERCHANT]
    )


async def test_what_is_dated_before_the_horizon_never_changes(database_url: str) -> None:
    """Whatever was seen below a horizon is all that there will ever be below it."""
    chance = random.Random(7)
    seen: list[tuple[datetime, set[UUID]]] = []
    async with opened(database_url) as one, opened(database_url) as other:

        async def write(database: Database) -> None:
            for _ in range(COMMITS):
                await tell(database, chance.uniform(0, 0.01))

        writing = asyncio.gather(*[write(each) for each in (one, other) for _ in range(WRITERS)])
        while not writing.done():
            horizon = await one.fences.horizon(REGION)
            seen.append((horizon, {i for i, at in told(database_url) if at < horizon}))
            await asyncio.sleep(0.005)
        await writing

    final = told(database_url)
    assert len(final) == 2 * WRITERS * COMMITS
    assert len(seen) > 5
    for horizon, found in seen:
        assert found == {i for i, at in final if at < horizon}
    assert [at for _, at in final] == sorted(at for _, at in final)


async def test_the_horizon_stays_behind_a_transaction_that_is_under_way(database_url: str) -> None:
    """A commit that takes long is not waited for, and nothing is called final before it."""
    inside, go_on = asyncio.Event(), asyncio.Event()
    began: list[datetime] = []

    async def work(tx: Tx) -> None:
        began.append(tx.now)
        inside.set()
        await go_on.wait()
        events.append(tx, REGION, [fact(tx.now, ids.new())])

    async with opened(database_url) as slow, opened(database_url) as other:
        await tell(slow, 0)
        writing = asyncio.ensure_future(transact(slow, work, region=REGION))
        await inside.wait()
        await tell(other, 0)
        before = await other.fences.horizon(REGION)
        go_on.set()
        await writing
        after = await other.fences.horizon(REGION)

    assert before <= began[0] < after
    assert all(at < after for _, at in told(database_url))


async def test_whoever_asks_sees_all_that_was_committed_before(database_url: str) -> None:
    """The horizon is after what its caller has been told."""
    async with opened(database_url) as one, opened(database_url) as other:
        for _ in range(10):
            await tell(one, 0)
            horizon = await other.fences.horizon(REGION)
            assert all(at < horizon for _, at in told(database_url))


async def test_a_process_whose_fences_were_swept_away_makes_others(database_url: str) -> None:
    """Old fences are forgotten, and nobody loses a transaction by it."""
    async with opened(database_url) as database:
        await tell(database, 0)
        execute(database_url, "UPDATE fences SET made_at = made_at - INTERVAL '2 days'")
        await database.fences.sweep(REGION)
        assert rows(database_url, "SELECT count(*) FROM fences") == [(0,)]

        await tell(database, 0)
        await database.fences.sweep(REGION)

    assert len(told(database_url)) == 2
    assert rows(database_url, "SELECT count(*) FROM fences") == [(1,)]


async def test_a_fence_is_used_again(database_url: str) -> None:
    """There are as many as transactions in flight, however many there were."""
    async with opened(database_url) as database:
        for _ in range(20):
            await tell(database, 0)

    assert rows(database_url, "SELECT count(*) FROM fences") == [(1,)]


async def test_an_instant_is_after_all_that_was_seen(database_url: str) -> None:
    """Instants ascend as versions do, though the clock may be behind."""
    async with opened(database_url) as database:

        async def work(tx: Tx) -> tuple[datetime, datetime]:
            ahead = tx.now + timedelta(seconds=5)
            tx.see([tx.now - timedelta(days=1), ahead])
            return ahead, tx.now

        ahead, now = await transact(database, work)

    assert now == ahead + timedelta(microseconds=1)


async def test_a_jump_of_the_clock_is_refused(database_url: str) -> None:
    """What is locked may be ahead of the clock by waits and clocks, and by no more."""
    async with opened(database_url) as database:

        async def work(tx: Tx) -> None:
            tx.see([tx.now + timedelta(hours=1)])

        with pytest.raises(ClockBehind, match="3600 s behind"):
            await transact(database, work)


async def test_a_transaction_goes_by_the_databases_clock(database_url: str) -> None:
    """Its instant lies between two readings of that clock."""

    async def now(tx: Tx) -> datetime:
        return tx.now

    async with opened(database_url) as database:
        [(before,)] = rows(database_url, "SELECT clock_timestamp()")
        instant = await transact(database, now, region=REGION)
        [(after,)] = rows(database_url, "SELECT clock_timestamp()")

    assert before <= instant <= after


def test_a_wrong_clock_is_noticed_and_corrected() -> None:
    """What differs by more than clocks may is corrected by the difference; small ones are not."""
    try:
        clock.compare(clock.now() + timedelta(hours=1), 0.01)
        assert clock.is_off()
        corrected = clock.now()
        clock.compare(corrected - timedelta(hours=1), 5.0)  # it took too long to say anything
        assert clock.is_off()
    finally:
        clock.compare(clock.now() - clock.apart(), 0.01)
    assert not clock.is_off()
    assert timedelta(minutes=59) < corrected - clock.now() < timedelta(minutes=61)
