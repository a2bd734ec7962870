"""Connections that fall silent are hung up on, and none lives for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.devkit.chaos.proxy import ConnectionFault, FaultProxy
from app.engine.database import Database, Tx, transact
from tests.support.engine import ONCE, READ, make_marks, marks, opened, query

PID = query("SELECT pg_backend_pid()")


@pytest.fixture
def url(database_url: str) -> str:
    make_marks(database_url)
    return database_url


@asynccontextmanager
async def impatient(proxy: FaultProxy) -> AsyncIterator[Database]:
    """The database by way of the proxy, with little patience and connections that are warm."""
    async with opened(proxy.url, database_patience_ms=300) as database:
        await transact(database, leave)
        await database.read(READ, {"name": "b"})
        yield database


async def leave(tx: Tx) -> int:
    """Work that reads, and leaves its mark once."""
    await tx.rows(READ, {"name": "b"})
    tx.write(ONCE, lambda: {"names": ["a"]})
    return tx.attempt


@pytest.mark.parametrize("statement", ["BEGIN", "SELECT", "INSERT", "COMMIT"])
async def test_a_silent_connection_is_replaced(url: str, statement: str) -> None:
    """Whichever statement is never answered, the work ends on another connection."""
    with FaultProxy(url) as proxy:
        async with impatient(proxy) as database:
            proxy.arm(ConnectionFault.SILENCE, statement)
            assert await transact(database, leave) > 1
        assert proxy.struck == 1

    assert marks(url) == {"a": 1}


async def test_a_read_that_is_never_answered_is_asked_again(url: str) -> None:
    """A reader's silent connection is replaced too."""
    with FaultProxy(url) as proxy:
        async with impatient(proxy) as database:
            proxy.arm(ConnectionFault.SILENCE, "SELECT count")
            assert await database.read(READ, {"name": "a"}) == [(1,)]
        assert proxy.struck == 1


async def test_a_slow_server_is_waited_for_longer_each_time(url: str) -> None:
    """Work that outlasts the first patience is not broken off for ever."""
    attempts = []

    async def work(tx: Tx) -> int:
        attempts.append(tx.attempt)
        await tx.rows(query("SELECT pg_sleep(0.5)"), {})
        return tx.attempt

    async with opened(url, database_patience_ms=200) as database:
        assert await transact(database, work) == len(attempts) > 1


async def test_connections_end_after_their_life(url: str) -> None:
    """An old connection serves once more and is replaced, so that they spread over nodes again."""
    async with opened(url, database_connection_life_s=1, database_readers=1) as database:
        first = await database.read(PID, {})
        await asyncio.sleep(1.1)
        last_time = await database.read(PID, {})
        replaced = await database.read(PID, {})

    assert first == last_time != replaced
