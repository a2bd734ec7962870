"""The database of a process: two pools of connections, one for writing and one for reading.

SQLAlchemy gives the engine, the pool and the dialects. Statements run on the driver connection the
pool hands out, because only there can the writes of a batch travel in one pipeline: measured on
PostgreSQL 18, a statement costs the process 0.03 ms that way and 0.18 ms through the toolkit.
"""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Protocol, Self, TypeAlias, TypeVar
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.base import clock
from app.base.queries import Query
from app.base.settings import Settings
from app.engine.database import arrays, sqlstate
from app.engine.database.errors import DatabaseUnreachable
from app.engine.database.fences import Fences
from app.engine.database.lookups import Key, LookUps

T = TypeVar("T")

Params: TypeAlias = Mapping[str, Any]
Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = Sequence[Row]
Driver: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]


class Reader(Protocol):
    """What runs reading statements: the database as it is, or as it was lately."""

    async def read(self, query: Query, params: Params) -> Rows:
        """The rows of one reading statement."""
        ...

    async def find(
        self, query: Query, region: str, merchant_id: UUID, object_id: UUID
    ) -> Row | None:
        """One row of a merchant by its id; see `Database.find` about the statement."""
        ...


# Batches in flight. One is put together while the database works on the other; more would only
# share the cores on one machine. On CockroachDB a batch waits for consensus most of its time.
_WRITERS = {"postgresql": 2, "cockroachdb": 4}

# PostgreSQL plans a sequential scan or a hash join where a table is small. Under SERIALIZABLE both
# lock the whole relation against everyone, and disjoint batches abort each other.
_POSTGRESQL_PLANNER = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"

_READ_ATTEMPTS_MAX = 8  # with the pauses below about 3 s: a server with little data is back by then
_READ_S_MAX = 20.0  # all attempts together; a request is over by then
_HANG_UP_S = 0.2  # what a connection takes to notice that it was broken
_READ_PAUSE_S = 0.1  # longer each time; the first is enough for a connection that was lost alone


class Database:
    """One process's access to the database.

    Writers are SERIALIZABLE. Readers run one statement on one snapshot, outside any transaction
    that decides something, and cannot write.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        parsed = make_url(url)
        self.is_cockroach = parsed.get_backend_name() == "cockroachdb"
        self.url = url
        self.settings = settings
        self._jitter = random.Random()  # noqa: S311 - spreads ends, keeps no secret
        self.writers = settings.database_writers or _WRITERS[parsed.get_backend_name()]
        self._writing = self._engine(url, self.writers, self._options(writing=True))
        self._lookups: dict[tuple[Query, str], LookUps[Key, Row]] = {}
        self._reading = self._engine(url, settings.database_readers, self._options(writing=False))
        self.fences = Fences(self)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, url: str | None = None) -> AsyncIterator[Self]:
        """A database that is closed at the end of the block; nothing is connected yet."""
        database = cls(url or database_url(settings), settings)
        try:
            yield database
        finally:
            await database.close()

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._writing.dispose()
        await self._reading.dispose()

    def deadline(self, since: float | None = None) -> float:
        """By when a request has to be answered that came now, or at `since`: on monotonic time."""
        started = clock.monotonic() if since is None else since
        return started + self.settings.request_timeout_ms / 1000

    def _options(self, *, writing: bool) -> str:
        """Session settings, sent with the connection so that no round trip is needed for them."""
        settings = self.settings
        options = [
            f"-c statement_timeout={settings.statement_timeout_ms}",
            f"-c lock_timeout={settings.lock_timeout_ms}",
            "-c timezone=UTC",  # instants read back are written as they were answered
            f"-c idle_in_transaction_session_timeout={settings.idle_in_transaction_timeout_ms}",
        ]
        if writing:
            options.append("-c default_transaction_isolation=serializable")
        else:
            options.append("-c default_transaction_read_only=on")
        if not self.is_cockroach:
            options.append(_POSTGRESQL_PLANNER)
            # A statement whose client is gone releases its locks, even while it waits for others.
            options.append("-c client_connection_check_interval=1000")
            if not writing:
                # A single statement sees one snapshot anyway; a serializable reader would only
                # leave predicate locks that abort writers.
                options.append("-c default_transaction_isolation=repeatable\\ read")
        return " ".join(options)

    @staticmethod
    def _engine(url: str, size: int, options: str) -> AsyncEngine:
        return create_async_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=5,  # a request that gets no connection within 5 s fails
            pool_reset_on_return=None,  # `transact` ends its transactions itself
            connect_args={
                "options": options,
                "autocommit": True,
                "application_name": "suya",
                "connect_timeout": 5,
                "keepalives_idle": 5,  # a silent partition is noticed in about 15 s
                "keepalives_interval": 5,
                "keepalives_count": 2,
            },
        )

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Driver]:
        """A writing connection; it leaves the pool if it broke or was left in a transaction."""
        async with self._lend(self._writing) as driver:
            yield driver

    @asynccontextmanager
    async def _lend(self, engine: AsyncEngine) -> AsyncIterator[Driver]:
        try:
            connection = await engine.connect()
        except PoolTimeout as error:
            raise DatabaseUnreachable from error
        except DBAPIError as error:
            # The toolkit wraps the error of the driver; what to do follows from that one.
            raise error.orig if isinstance(error.orig, psycopg.Error) else error from error
        driver, is_old = await self._driver(connection)
        pool = engine.pool
        try:
            yield driver
        finally:
            is_lost = driver.closed
            if is_old or driver.info.transaction_status is not TransactionStatus.IDLE:
                # Broken, or left inside a transaction: no other statement may inherit this state.
                await connection.invalidate()
            await connection.close()
            if is_lost and engine.pool is pool:
                # A server that went away took the idle connections with it; each would fail one
                # more request before it was found out.
                await engine.dispose()

    async def read(self, query: Query, params: Params) -> Rows:
        """The rows of one reading statement, tried again where the connection was lost.

        Raises:
            DatabaseUnreachable: no attempt reached the database.
        """

        async def ask(driver: Driver) -> Rows:
            return await (await driver.execute(query.text, params)).fetchall()

        return await self.ask(ask)

    async def find(
        self, query: Query, region: str, merchant_id: UUID, object_id: UUID
    ) -> Row | None:
        """One row of a merchant by its id, in a statement that is shared: see `lookups`.

        Args:
            query: takes `:regions, :merchant_ids, :ids`, and gives merchant and id first.

        Raises:
            DatabaseUnreachable: no attempt reached the database.
        """
        shared = self._lookups.get((query, region))
        if shared is None:
            # Each region for itself: one that is down holds up no other region's rows.
            shared = LookUps(partial(self._find_rows, query, region))
            self._lookups[query, region] = shared
        return await shared.find((merchant_id, object_id))

    async def _find_rows(self, query: Query, region: str, keys: Sequence[Key]) -> dict[Key, Row]:
        rows = await self.read(query, arrays.by_keys(region, keys))
        return {(row[0], row[1]): row for row in rows}

    async def ask(self, question: Callable[[Driver], Awaitable[T]]) -> T:
        """What a reading connection answers to a question, which may be put again on another.

        Raises:
            DatabaseUnreachable: no attempt reached the database.
        """
        patience_s = self.settings.database_patience_ms / 1000
        deadline = clock.monotonic() + _READ_S_MAX
        for attempt in range(1, _READ_ATTEMPTS_MAX + 1):
            left_s = deadline - clock.monotonic()
            if left_s <= 0:
                break
            try:
                async with asyncio.timeout(left_s), self._lend(self._reading) as driver:
                    # Before the time is over, so that a silent server is not asked to cancel.
                    with hang_up_after(driver, min(patience_s, left_s - _HANG_UP_S)):
                        return await question(driver)
            except TimeoutError as error:
                raise DatabaseUnreachable from error
            except psycopg.Error as error:
                action = sqlstate.failure_action(error, committing=False)
                if action is sqlstate.FailureAction.BUG:
                    raise
                if attempt == _READ_ATTEMPTS_MAX or action is sqlstate.FailureAction.UNAVAILABLE:
                    raise DatabaseUnreachable from error
                await asyncio.sleep(_READ_PAUSE_S * attempt)
        raise DatabaseUnreachable

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Driver]:
        """A connection whose every statement sees the same committed state; it writes nothing."""
        async with self._lend(self._reading) as driver:
            if self.is_cockroach:
                # A read-only transaction in the past needs no retries and disturbs no writer.
                await driver.execute("BEGIN READ ONLY AS OF SYSTEM TIME '-1ms'")
            else:
                await driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await driver.execute("SET LOCAL statement_timeout = 0")
            yield driver
            await driver.execute("ROLLBACK")

    async def _driver(self, connection: AsyncConnection) -> tuple[Driver, bool]:
        """The driver's connection, and whether it has lived long enough.

        Connections end at different ages, one after the other, so that they spread again over the
        nodes of a cluster after one of them came back.
        """
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(driver, psycopg.AsyncConnection)
        if not driver.autocommit:
            await driver.set_autocommit(True)
        if "ends_at" not in raw.info:
            life_s = self._jitter.uniform(0.5, 1.0) * self.settings.database_connection_life_s
            raw.info["ends_at"] = clock.monotonic() + life_s
        return driver, clock.monotonic() > raw.info["ends_at"]


@contextmanager
def hang_up_after(driver: Driver, seconds: float) -> Iterator[None]:
    """Break the connection if the block still waits on it by then.

    A server may fall silent without the connection breaking: a paused process, a black hole. The
    driver's own way out, a request to cancel, asks the same silent server and waits for it again.
    Broken, the connection fails as any lost one, so it is known whether a COMMIT is in doubt.
    """
    timer = asyncio.get_running_loop().call_later(max(0.0, seconds), _hang_up, driver)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(driver: Driver) -> None:
    if not driver.closed:
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def database_url(settings: Settings) -> str:
    """The configured URL, or that of the embedded PostgreSQL under the settings' home."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    from app.engine.database.embedded import EmbeddedPostgres  # noqa: PLC0415 - only without a URL

    return EmbeddedPostgres(settings.home).url
