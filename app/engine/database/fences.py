"""Fences: from when on nothing can be written before an instant any more.

A transaction dates what it writes by the database's clock, and commits a little later; whoever
reads in between does not see it, and sees it afterwards among what is older. So a transaction locks
a row of its own when it begins, a fence, and dates nothing before that one's `closed_at`. Who moves
`closed_at` on waits for the transaction that holds the fence; what is dated before the least
`closed_at` of a region, its horizon, is committed or will never be.

It needs no clocks that agree and no sign of life: a process that died holds no lock, and one whose
fence was swept away notices it and makes another.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import psycopg

from app.base import clock, ids
from app.base.queries import Queries
from app.base.telemetry import log
from app.engine.database.lookups import LookUps

if TYPE_CHECKING:
    from app.engine.database.engine import Database, Driver, Reader

queries = Queries("app.engine.database")

# A commit takes milliseconds. One that takes longer is not waited for: the horizon stays behind it.
_BEGIN_COCKROACH: Final = "BEGIN READ WRITE; SET LOCAL lock_timeout = 250"
_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
    " SET LOCAL lock_timeout = 250; SET LOCAL synchronous_commit = off"
)
_ATTEMPTS_MAX: Final = 3  # to move a fence on that others move on as well


class FenceGone(Exception):
    """The fence was swept away; the transaction begins again with another one."""

    name = "fence_gone"


class Fences:
    """The fences of one process, and the horizons as it knows them."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._free: defaultdict[str, list[UUID]] = defaultdict(list)
        self._horizons: dict[str, datetime] = {}
        self._raised: LookUps[str, datetime] = LookUps(self._raise)

    async def take(self, driver: "Driver", region: str) -> UUID:
        """A fence that no other transaction of this process has."""
        free = self._free[region]
        return free.pop() if free else await self._make(driver, region)

    def give_back(self, region: str, fence: UUID) -> None:
        """The transaction that had it has ended, or never began."""
        self._free[region].append(fence)

    async def _make(self, driver: "Driver", region: str) -> UUID:
        fence = ids.new()
        await driver.execute(queries.insert_fence.text, {"region": region, "id": fence})
        return fence

    def known_horizon(self, region: str) -> datetime:
        """The horizon of a region as it was when this process last asked; 1970 before that."""
        return self._horizons.get(region, clock.EPOCH)

    async def horizon(self, region: str) -> datetime:
        """The instant before which all that is dated in a region is final.

        All that was committed before the call is dated before it, except where a commit takes very
        long: then the horizon stays behind that. Callers that come while one is found out share the
        next.

        Raises:
            DatabaseUnreachable
        """
        return await self._raised.find(region) or self.known_horizon(region)

    async def horizon_as_read(self, reader: "Reader", region: str) -> datetime:
        """The horizon that a reader of the past sees, which nobody moves on for it."""
        [(micros,)] = await reader.read(queries.find_horizon, {"region": region})
        return clock.EPOCH if micros is None else clock.from_micros(micros)

    async def sweep(self, region: str) -> None:
        """Forget the fences of processes that may be gone; one that is not makes others."""
        async with self._database.writer() as driver:
            await driver.execute(queries.delete_old_fences.text, {"region": region})

    async def _raise(self, regions: Sequence[str]) -> dict[str, datetime]:
        return {region: await self._raise_one(region) for region in regions}

    async def _raise_one(self, region: str) -> datetime:
        async def ask(driver: "Driver") -> datetime:
            at = {"region": region}
            cursor = await driver.execute(queries.list_fences.text, at)
            fences = [row[0] for row in await cursor.fetchall()]
            if not fences:
                fences = [await self._make_apart(driver, region)]
            for fence in fences:
                await self._close(driver, region, fence)
            cursor = await driver.execute(queries.find_horizon.text, at)
            [(micros,)] = await cursor.fetchall()
            return clock.EPOCH if micros is None else clock.from_micros(micros)

        horizon = await self._database.ask(ask)
        self._horizons[region] = max(horizon, self.known_horizon(region))
        return horizon

    async def _make_apart(self, driver: "Driver", region: str) -> UUID:
        """Make a fence on a connection that otherwise reads."""
        async with self._writing(driver):
            return await self._make(driver, region)

    async def _close(self, driver: "Driver", region: str, fence: UUID) -> None:
        """Move one fence on to now, once the transaction that holds it has ended.

        Each for itself, so that no transaction waits for another's fence.
        """
        for _ in range(_ATTEMPTS_MAX):
            try:
                async with self._writing(driver):
                    await driver.execute(queries.close_fence.text, {"region": region, "id": fence})
            except psycopg.errors.SerializationFailure:
                continue  # another process moves it on at the same time
            except psycopg.errors.LockNotAvailable:
                log.info("fence_held", region=region, fence=str(fence))
            return

    @asynccontextmanager
    async def _writing(self, driver: "Driver") -> AsyncIterator[None]:
        """A short transaction on a connection that otherwise reads.

        It need not be durable, because a server that stops ends all transactions as well.
        """
        await driver.execute(_BEGIN_COCKROACH if self._database.is_cockroach else _BEGIN)
        try:
            yield
        except BaseException:
            if not driver.closed:
                await driver.execute("ROLLBACK")
            raise
        await driver.execute("COMMIT")
