"""The faults: each is injected at the beginning of a block and healed at its end.

Each yields a word on what it did. The block lasts as long as the fault is to last.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeAlias

import psycopg

from app.base import ids
from app.devkit.chaos import node_faults, outside_faults
from app.devkit.chaos.address import conninfo
from app.devkit.chaos.embedded import EmbeddedTarget
from app.devkit.chaos.plan import Injection, Kind
from app.devkit.chaos.proxy import ConnectionFault
from app.devkit.chaos.reading import queries
from app.devkit.chaos.targets import Breakable, Target, finish
from app.devkit.stack import SuyaCommand, find_program

Breaking: TypeAlias = AbstractAsyncContextManager[str]

_SLOW_S = (0.020, 0.120)  # the delay to another city, and to another continent
_STRUCK_S = 3.0  # how long an armed fault waits for a COMMIT; under load one comes at once
_STRIKES = 3  # connections in a row: the first retry is hit, too
_CONNECTIONS_MAX = 500  # more than any server here accepts
_TAKE_PAUSE_S = 0.02
_FULL_S = 0.2  # all connections are taken when no further one succeeds for so long
# A bad time service, none, a clock an hour off, and one that takes every kept key for expired.
_CLOCK_OFFSETS_S = (-2, 2, -30, 30, -3_600, 3_600, -32 * 86_400, 32 * 86_400)

# Not a statement of the product: it lives for a second, during a run. CONCURRENTLY is how
# PostgreSQL avoids the lock; CockroachDB always does, and accepts the word.
_MAKE_INDEX = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS chaos_payments_by_amount"
    " ON payments (region, merchant_id, amount_minor, id)"
)
_DROP_INDEX = "DROP INDEX IF EXISTS chaos_payments_by_amount"


def inject(target: Target, injection: Injection) -> Breaking:
    """The block during which a fault is in force."""
    return _FAULTS[injection.kind](target, injection)


def why_not(kind: Kind) -> str:
    """Why this machine cannot have a fault; empty if it can."""
    if kind is Kind.CLOCK and find_program("faketime") is None:
        return "needs the program faketime, which is not installed"
    return ""


@asynccontextmanager
async def _api_kill(target: Target, injection: Injection) -> AsyncIterator[str]:
    api = target.apis[injection.chance % len(target.apis)]
    try:
        await finish(api.kill)
        yield api.name
    finally:
        await finish(api.start)


@asynccontextmanager
async def _api_pause(target: Target, injection: Injection) -> AsyncIterator[str]:
    api = target.apis[injection.chance % len(target.apis)]
    try:
        # In a thread, because a container takes long to react.
        await finish(api.pause)
        yield api.name
    finally:
        await finish(api.resume)


@asynccontextmanager
async def _rolling_restart(target: Target, _: Injection) -> AsyncIterator[str]:
    for api in target.apis:
        await _stop(api)
        await finish(api.start)
    yield f"{len(target.apis)} apis"


async def _stop(api: Breakable) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):  # it hung, and was killed
        await finish(api.stop)


@asynccontextmanager
async def _clock(target: Target, injection: Injection) -> AsyncIterator[str]:
    api = target.apis[injection.chance % len(target.apis)]
    offset_s = _CLOCK_OFFSETS_S[injection.chance % len(_CLOCK_OFFSETS_S)]
    await _stop(api)
    try:
        await finish(lambda: api.start(partial(SuyaCommand, clock_off_s=offset_s)))
        yield f"{api.name}, {offset_s:+d} s"
    finally:
        await _stop(api)
        await finish(api.start)


@asynccontextmanager
async def _database_kill(target: Target, _: Injection) -> AsyncIterator[str]:
    assert isinstance(target, EmbeddedTarget)
    try:
        await finish(target.kill_database)
        yield "PostgreSQL"
    finally:
        await finish(target.start_database)


@asynccontextmanager
async def _database_restart(target: Target, _: Injection) -> AsyncIterator[str]:
    assert isinstance(target, EmbeddedTarget)
    try:
        await finish(target.stop_database)
        yield "PostgreSQL"
    finally:
        await finish(target.start_database)


@asynccontextmanager
async def _database_pause(target: Target, _: Injection) -> AsyncIterator[str]:
    assert isinstance(target, EmbeddedTarget)
    try:
        await finish(target.pause_database)
        yield "PostgreSQL"
    finally:
        await finish(target.resume_database)


@asynccontextmanager
async def _commit_cut(target: Target, injection: Injection) -> AsyncIterator[str]:
    proxy = target.proxy
    assert proxy is not None
    fault = list(ConnectionFault)[injection.chance % len(ConnectionFault)]
    times = 1 + injection.chance // len(ConnectionFault) % _STRIKES
    proxy.arm(fault, times=times)
    try:
        await finish(lambda: proxy.wait_until_struck(_STRUCK_S))
        yield f"{fault} x {times - proxy.left}"
    finally:
        proxy.disarm()


@asynccontextmanager
async def _connection_cut(target: Target, injection: Injection) -> AsyncIterator[str]:
    proxy = target.proxy
    assert proxy is not None
    if injection.chance % 2:
        await finish(proxy.cut)
        yield "all connections"
        return
    count = injection.chance % 200
    proxy.reset_after(count)
    try:
        yield f"one connection, {count} bytes into an answer"
    finally:
        proxy.disarm()


@asynccontextmanager
async def _slow_network(target: Target, injection: Injection) -> AsyncIterator[str]:
    proxy = target.proxy
    assert proxy is not None
    least_s, most_s = _SLOW_S
    delay_s = least_s + (most_s - least_s) * (injection.chance % 100) / 100
    proxy.slow(to_server_s=delay_s, to_client_s=delay_s)
    try:
        yield f"{delay_s * 1000:.0f} ms each way"
    finally:
        await finish(proxy.clear)


@asynccontextmanager
async def _black_hole(target: Target, _: Injection) -> AsyncIterator[str]:
    proxy = target.proxy
    assert proxy is not None
    proxy.swallow()
    try:
        yield "all connections"
    finally:
        await finish(proxy.clear)


@asynccontextmanager
async def _pool_exhaustion(target: Target, _: Injection) -> AsyncIterator[str]:
    """Take every connection, break those of the apis, and take these, too."""
    proxy = target.proxy
    assert proxy is not None
    taken: list[psycopg.AsyncConnection] = []

    enough = asyncio.Event()

    async def take() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            while len(taken) < _CONNECTIONS_MAX and not enough.is_set():
                taken.append(await _connect(target))

    async def keep_taking() -> None:
        # Ended by the event and not by cancelling: an attempt has a time limit of its own, and a
        # connection that is just being made would stay open.
        while not enough.is_set():
            await take()
            await asyncio.sleep(_TAKE_PAUSE_S)

    taking = asyncio.create_task(keep_taking())
    try:
        before = -1
        while before < len(taken):
            before = len(taken)
            await asyncio.sleep(_FULL_S)
        await finish(proxy.cut)
        yield f"{len(taken)} connections"
    finally:
        enough.set()
        await asyncio.wait({taking})
        for connection in taken:
            await connection.close()


@asynccontextmanager
async def _lock_hold(target: Target, injection: Injection) -> AsyncIterator[str]:
    shop = target.shops[injection.chance % len(target.shops)]
    connection = await _connect(target)
    try:
        await connection.execute("BEGIN")
        await connection.execute("SET LOCAL statement_timeout = '20s'")
        parameters = {
            "region": shop.region,
            "merchant_id": ids.decode("merchant", shop.merchant),
        }
        await connection.execute(queries.lock_accounts.text, parameters)
        yield f"accounts of {shop.merchant}"
    finally:
        await connection.close()  # its transaction ends with it


@asynccontextmanager
async def _schema_change(target: Target, _: Injection) -> AsyncIterator[str]:
    connection = await _connect(target)
    try:
        await connection.execute("SET statement_timeout = '60s'")
        await connection.execute(_MAKE_INDEX)
        yield "an index on payments"
    finally:
        await connection.execute(_DROP_INDEX)
        await connection.close()


async def _connect(target: Target) -> psycopg.AsyncConnection:
    """A connection to the database itself, which commits each statement at once."""
    where = conninfo(target.database_url)
    return await psycopg.AsyncConnection.connect(where, autocommit=True, connect_timeout=5)


_FAULTS: dict[Kind, Callable[[Target, Injection], Breaking]] = {
    Kind.API_KILL: _api_kill,
    Kind.API_PAUSE: _api_pause,
    Kind.ROLLING_RESTART: _rolling_restart,
    Kind.CLOCK: _clock,
    Kind.DATABASE_KILL: _database_kill,
    Kind.DATABASE_RESTART: _database_restart,
    Kind.DATABASE_PAUSE: _database_pause,
    Kind.NODE_KILL: node_faults.node_kill,
    Kind.LEASEHOLDER_KILL: node_faults.leaseholder_kill,
    Kind.NODE_PAUSE: node_faults.node_pause,
    Kind.NODE_RESTART: node_faults.node_restart,
    Kind.REGION_LOSS: node_faults.region_loss,
    Kind.COMMIT_CUT: _commit_cut,
    Kind.CONNECTION_CUT: _connection_cut,
    Kind.SLOW_NETWORK: _slow_network,
    Kind.BLACK_HOLE: _black_hole,
    Kind.POOL_EXHAUSTION: _pool_exhaustion,
    Kind.LOCK_HOLD: _lock_hold,
    Kind.SCHEMA_CHANGE: _schema_change,
    Kind.ACQUIRER_SLOW: outside_faults.acquirer_slow,
    Kind.ACQUIRER_DOWN: outside_faults.acquirer_down,
    Kind.ACQUIRER_LIES: outside_faults.acquirer_lies,
    Kind.WORKER_KILL: outside_faults.worker_kill,
}
