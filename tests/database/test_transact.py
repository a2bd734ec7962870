"""transact: what it returned is durable, and what it raised has left no trace."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from app.base import clock
from app.base.errors import InvariantViolated
from app.devkit.chaos.proxy import ConnectionFault, FaultProxy
from app.engine.database import Database, KeysTaken, Tx, Writer, transact
from app.engine.database.errors import (
    CommitUnknown,
    ContentionTooHigh,
    DatabaseRefused,
    DatabaseUnreachable,
    DeadlineExceeded,
)
from app.engine.database.transaction import ATTEMPTS_MAX
from tests.support.databases import connect, execute
from tests.support.engine import LEAVE, ONCE, READ, SET, make_marks, marks, opened, query

# By name: the package's door has a function of the same name.
MODULE = sys.modules["app.engine.database.transaction"]


@pytest.fixture
def url(database_url: str) -> str:
    make_marks(database_url)
    return database_url


@asynccontextmanager
async def through(proxy: FaultProxy) -> AsyncIterator[Database]:
    """The database by way of the proxy, past the toolkit's own first transaction."""
    async with opened(proxy.url) as database:
        await transact(database, connected)
        await database.read(READ, {"name": "a"})
        yield database


async def connected(tx: Tx) -> None:
    """Work that does nothing."""


async def leave(tx: Tx) -> int:
    """Work that may run again: it leaves its mark once."""
    tx.write(ONCE, lambda: {"names": ["a"]})
    return tx.attempt


async def test_what_it_returned_is_there(url: str) -> None:
    """A result is returned after its commit, from the first attempt where nothing goes wrong."""
    async with opened(url) as database:
        assert await transact(database, leave) == 1

    assert marks(url) == {"a": 1}


async def test_a_conflict_is_run_again(url: str) -> None:
    """Work whose reading was overtaken by another session's commit runs again on what is there."""
    execute(url, "INSERT INTO marks VALUES ('a', 1)")
    attempts = []

    async def work(tx: Tx) -> None:
        attempts.append(tx.attempt)
        [(count,)] = await tx.rows(READ, {"name": "a"})
        if tx.attempt == 1:
            execute(url, "UPDATE marks SET count = count + 10 WHERE name = 'a'")
        tx.write(SET, lambda: {"name": "a", "count": count + 1})

    async with opened(url) as database:
        await transact(database, work)

    assert attempts == [1, 2]
    assert marks(url) == {"a": 12}


async def test_two_that_each_read_what_the_other_writes_do_not_both_commit(url: str) -> None:
    """Write skew, which only SERIALIZABLE sees, ends in one of the two running again."""
    execute(url, "INSERT INTO marks VALUES ('a', 1), ('b', 1)")
    met = asyncio.Barrier(2)
    attempts = []

    async def take_last(database: Database, mine: str, other: str) -> None:
        async def work(tx: Tx) -> None:
            attempts.append(mine)
            [(left,)] = await tx.rows(READ, {"name": other})
            if tx.attempt == 1:
                await met.wait()
            if left:
                tx.write(SET, lambda: {"name": mine, "count": 0})

        await transact(database, work)

    async with opened(url, database_writers=2) as database:
        await asyncio.gather(take_last(database, "a", "b"), take_last(database, "b", "a"))

    assert sorted(marks(url).values()) == [0, 1]
    assert len(attempts) >= 3  # the victim may meet the winner once more before it has committed


async def test_a_deadlock_is_run_again(url: str) -> None:
    """The victim of a deadlock with another session gets its turn afterwards."""
    execute(url, "INSERT INTO marks VALUES ('a', 1), ('b', 1)")
    lock = query("SELECT count FROM marks WHERE name = %(name)s FOR UPDATE")
    has_b = threading.Event()

    def other() -> None:
        with connect(url) as session, session.transaction():
            session.execute("SET LOCAL deadlock_timeout = '60s'")  # so the other one is the victim
            session.execute("SELECT count FROM marks WHERE name = 'b' FOR UPDATE")
            has_b.set()
            session.execute("UPDATE marks SET count = count + 10 WHERE name = 'a'")

    async def work(tx: Tx) -> int:
        [(count,)] = await tx.rows(lock, {"name": "a"})
        if tx.attempt == 1:
            thread.start()
            await asyncio.to_thread(has_b.wait)
        await tx.rows(lock, {"name": "b"})
        tx.write(SET, lambda: {"name": "a", "count": count + 1})
        return tx.attempt

    thread = threading.Thread(target=other)
    async with opened(url) as database:
        attempts = await transact(database, work)
    thread.join()

    assert attempts > 1
    assert marks(url) == {"a": 12, "b": 1}


async def test_a_statement_that_takes_too_long_is_cancelled(url: str) -> None:
    """The server ends a statement at its limit, and nothing of the transaction stays."""

    async def work(tx: Tx) -> None:
        await tx.execute(LEAVE, {"names": ["a"]})
        await tx.rows(query("SELECT pg_sleep(30)"), {})

    async with opened(url, statement_timeout_ms=100) as database:
        with pytest.raises(DatabaseRefused) as refused:
            await transact(database, work)

    assert refused.value.facts == {"sqlstate": "57014"}
    assert marks(url) == {}


async def test_a_lock_that_is_never_free_is_given_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another session keeps ends in 'contention' after the last attempt."""
    monkeypatch.setattr(MODULE, "ATTEMPTS_MAX", 3)
    execute(url, "INSERT INTO marks VALUES ('a', 1)")

    async def work(tx: Tx) -> None:
        await tx.execute(SET, {"name": "a", "count": 5})

    with connect(url) as session, session.transaction():
        session.execute("SELECT count FROM marks FOR UPDATE")
        async with opened(url, lock_timeout_ms=100) as database:
            with pytest.raises(ContentionTooHigh) as given_up:
                await transact(database, work)

    assert given_up.value.facts == {"attempts": 3}
    assert marks(url) == {"a": 1}


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "INSERT"])
@pytest.mark.parametrize("fault", [ConnectionFault.LOST_REQUEST, ConnectionFault.LOST_REPLY])
async def test_a_connection_lost_before_commit_is_replaced(
    url: str, statement: str, fault: ConnectionFault
) -> None:
    """Wherever the connection breaks before COMMIT, the work runs again on a new one."""

    async def work(tx: Tx) -> int:
        await tx.rows(READ, {"name": "a"})
        tx.write(LEAVE, lambda: {"names": ["a"]})
        return tx.attempt

    with FaultProxy(url) as proxy:
        async with through(proxy) as database:
            proxy.arm(fault, statement)
            assert await transact(database, work) == 2
        assert proxy.struck == 1

    assert marks(url) == {"a": 1}


@pytest.mark.parametrize(
    "fault", [ConnectionFault.LOST_REQUEST, ConnectionFault.LOST_REPLY, ConnectionFault.OVERTAKEN]
)
async def test_an_ambiguous_commit_is_not_guessed(url: str, fault: ConnectionFault) -> None:
    """Work whose COMMIT may or may not have happened runs again, in a new journal chain."""
    writer = Writer()
    chain = writer.id
    with FaultProxy(url) as proxy:
        async with through(proxy) as database:
            proxy.arm(fault)
            attempts = await transact(database, leave, writer=writer)
        assert proxy.struck == 1

    assert attempts > 1
    assert writer.id != chain
    assert marks(url) == {"a": 1}


async def test_commits_that_stay_ambiguous_are_told_so(url: str) -> None:
    """Where no attempt's commit is heard of by the deadline, the caller hears 'unknown'."""
    with FaultProxy(url) as proxy:
        async with through(proxy) as database:
            proxy.arm(ConnectionFault.LOST_REPLY, times=ATTEMPTS_MAX)
            with pytest.raises(CommitUnknown):
                await transact(database, leave, deadline=clock.monotonic() + 0.5)

    assert marks(url) == {"a": 1}


@pytest.mark.slow
async def test_a_server_that_falls_silent_during_commit_does_not_hold_the_caller(url: str) -> None:
    """A COMMIT that is never answered ends as 'unknown', and the next one has a new connection."""
    with FaultProxy(url) as proxy:
        async with through(proxy) as database:
            proxy.arm(ConnectionFault.SILENCE)
            with pytest.raises(CommitUnknown):
                await transact(database, leave, deadline=clock.monotonic() + 0.5)
            assert await transact(database, leave) == 1

    assert marks(url) == {"a": 1}


async def test_nobody_listening_is_unreachable(url: str) -> None:
    """A database that nobody can connect to is unreachable by the deadline, not a bug."""
    with FaultProxy(url) as proxy:
        gone = proxy.url
    async with opened(gone) as database:
        with pytest.raises(DatabaseUnreachable):
            await transact(database, leave, deadline=clock.monotonic() + 0.3)


async def test_a_passed_deadline_starts_nothing(url: str) -> None:
    """Work is not begun after its deadline."""
    async with opened(url) as database:
        with pytest.raises(DeadlineExceeded):
            await transact(database, leave, deadline=clock.monotonic() - 1)

    assert marks(url) == {}


async def test_attempts_are_bounded(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that always meets a conflict is given up after the last attempt."""
    monkeypatch.setattr(MODULE, "_PAUSE_S_MAX", 0)
    attempts = []

    async def work(tx: Tx) -> None:
        attempts.append(tx.attempt)
        raise psycopg.errors.SerializationFailure

    async with opened(url) as database:
        with pytest.raises(ContentionTooHigh) as given_up:
            await transact(database, work, deadline=clock.monotonic() + 60)

    assert attempts == list(range(1, ATTEMPTS_MAX + 1))
    assert given_up.value.facts == {"attempts": ATTEMPTS_MAX}


async def test_a_cancelled_caller_does_not_cancel_the_transaction(url: str) -> None:
    """Whoever waits may go away at any moment; the commit happens all the same."""
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def work(tx: Tx) -> None:
        tx.write(LEAVE, lambda: {"names": ["a"]})
        inside.set()
        await go_on.wait()

    async with opened(url) as database:
        caller = asyncio.ensure_future(transact(database, work))
        await inside.wait()
        caller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await caller
        go_on.set()
        # The only writing connection is lent again when the transaction has ended.
        await transact(database, leave)

    assert caller.cancelled()
    assert marks(url) == {"a": 1}


async def test_a_bug_is_raised_as_it_is(url: str) -> None:
    """What the database reports for broken work is neither retried nor disguised."""
    attempts = []

    async def work(tx: Tx) -> None:
        attempts.append(tx.attempt)
        await tx.execute(LEAVE, {"names": ["a"]})
        await tx.rows(query("SELECT 1 / 0"), {})

    async with opened(url) as database:
        with pytest.raises(psycopg.errors.DivisionByZero):
            await transact(database, work)

    assert attempts == [1]
    assert marks(url) == {}


async def test_a_write_that_touches_another_number_of_rows_aborts(url: str) -> None:
    """A write that misses a row is a bug unless the step says otherwise, and commits nothing."""

    async def missing(tx: Tx) -> None:
        tx.write(LEAVE, lambda: {"names": ["a"]})
        tx.write(SET, lambda: {"name": "nobody", "count": 1}, rows=1)

    async def expected(tx: Tx) -> int:
        if tx.attempt == 1:
            tx.write(LEAVE, lambda: {"names": ["b"]})
            tx.write(SET, lambda: {"name": "nobody", "count": 1}, rows=1, otherwise=KeysTaken)
        return tx.attempt

    async with opened(url) as database:
        with pytest.raises(InvariantViolated, match="touched 0 rows and not 1"):
            await transact(database, missing)
        assert await transact(database, expected) == 2

    assert marks(url) == {}


async def test_a_chain_moves_on_with_its_commits_only(url: str) -> None:
    """A writer's head is the last block that was committed, not one that was proposed."""
    writer = Writer()

    async def propose(tx: Tx) -> None:
        tx.writer.propose(tx.writer.sequence + 1, b"head")
        if tx.attempt == 1:
            raise psycopg.errors.SerializationFailure

    async def fail(tx: Tx) -> None:
        tx.writer.propose(9, b"wrong")
        raise ValueError("refused")

    async with opened(url) as database:
        await transact(database, propose, writer=writer)
        with pytest.raises(ValueError, match="refused"):
            await transact(database, fail, writer=writer)
        await transact(database, leave, writer=writer)

    assert (writer.sequence, writer.head) == (1, b"head")


async def test_readers_cannot_write(url: str) -> None:
    """The reading side refuses what would change anything."""
    async with opened(url) as database:
        with pytest.raises(DatabaseUnreachable):
            await database.read(LEAVE, {"names": ["a"]})

    assert marks(url) == {}


async def test_a_reader_survives_a_lost_connection(url: str) -> None:
    """A read whose connection breaks is answered over another one."""
    execute(url, "INSERT INTO marks VALUES ('a', 1)")
    with FaultProxy(url) as proxy:
        async with through(proxy) as database:
            proxy.arm(ConnectionFault.LOST_REPLY, "SELECT")
            assert await database.read(READ, {"name": "a"}) == [(1,)]
        assert proxy.struck == 1


async def test_a_statement_that_was_skipped_is_prepared_later(url: str) -> None:
    """A write that a failed one before it skipped works on the same connection afterwards."""

    def both(count: int) -> Callable[[Tx], Awaitable[None]]:
        async def work(tx: Tx) -> None:
            tx.write(SET, lambda: {"name": "a", "count": count})
            tx.write(LEAVE, lambda: {"names": ["b"]})

        return work

    # The driver prepares what it has seen some times; the failure falls on each of the first times.
    for seen in range(8):
        async with opened(url, database_writers=1) as database:
            await transact(database, leave)
            for successes in (0, seen, 1):
                for _ in range(successes):
                    await transact(database, both(1))
                with pytest.raises(psycopg.errors.CheckViolation):
                    await transact(database, both(1_000))

    assert marks(url) == {"a": 1, "b": sum(range(8)) + 8}
