"""A bare SQL writer beside the load: how long the database alone accepts no write.

It has one connection, writes one row per loop, and connects again after a failure. Its longest gap
is what the product's own gap is compared with.
"""

import asyncio
import contextlib
from itertools import pairwise
from typing import LiteralString

import psycopg

from app.base import clock
from app.devkit.chaos.address import conninfo
from app.engine.database.engine import hang_up_after

_PAUSE_S = 0.02
# After this it closes the connection and tries another host, as any careful client would.
_ANSWER_S = 5.0

# In a database of its own, which the product's checks do not read.
DATABASE = "chaos_bare"
_MAKE_TABLE: LiteralString = (
    "CREATE TABLE IF NOT EXISTS writes (id INT8 PRIMARY KEY, at TIMESTAMPTZ NOT NULL)"
)
_WRITE: LiteralString = "INSERT INTO writes (id, at) VALUES (%s, clock_timestamp())"


class BareWriter:
    """Writes until it is stopped, and records when it could."""

    def __init__(self, database_url: str) -> None:
        """Take the product's URL; another database of the same server is written to."""
        self._product = conninfo(database_url)
        self._own = conninfo(database_url, DATABASE)
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self.written_at: list[float] = []

    async def start(self) -> None:
        """Create its table, and begin to write."""
        admin = await psycopg.AsyncConnection.connect(self._product, autocommit=True)
        async with admin:
            with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                await admin.execute(f"CREATE DATABASE {DATABASE}")
        async with await psycopg.AsyncConnection.connect(self._own, autocommit=True) as own:
            await own.execute(_MAKE_TABLE)
        self._task = asyncio.create_task(self._write())

    async def stop(self) -> None:
        # By a flag and not by cancelling, on which the driver would cancel its statement and wait.
        # What it waits for has a time limit.
        self._stopped = True
        if self._task is not None:
            await asyncio.wait({self._task})
            self._task = None

    def longest_gap_s(self, began_at: float, ended_at: float) -> float:
        """The longest time without a row between two instants."""
        return longest_gap(self.written_at, began_at, ended_at)

    async def _write(self) -> None:
        number = 0
        while not self._stopped:
            with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                connection = await psycopg.AsyncConnection.connect(
                    self._own, autocommit=True, connect_timeout=2
                )
                try:
                    while not self._stopped:
                        number += 1
                        with hang_up_after(connection, _ANSWER_S):
                            await connection.execute(_WRITE, [number])
                        self.written_at.append(clock.monotonic())
                        await asyncio.sleep(_PAUSE_S)
                finally:
                    await connection.close()
            await asyncio.sleep(_PAUSE_S)


def longest_gap(instants: list[float], began_at: float, ended_at: float) -> float:
    """The longest time without an instant between two others, in seconds."""
    inside = sorted(instant for instant in instants if began_at <= instant <= ended_at)
    edges = [began_at, *inside, ended_at]
    return max(later - earlier for earlier, later in pairwise(edges))
