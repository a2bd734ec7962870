"""Reads a snapshot: pages of statements in key order, each fetched before it is needed."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self, TypeAlias

import psycopg

from app.base import ids
from app.domains.fx.store import QUOTES
from app.domains.ledger.store import ACCOUNTS, TRANSFERS
from app.domains.payments.store import PAYMENTS, REFUNDS
from app.engine.database import Database, Queries, Query, Rows

queries = Queries(__package__, tables=[ACCOUNTS, TRANSFERS, PAYMENTS, REFUNDS, QUOTES])

PAGE_ROWS = 4_000  # a few MB, and some 20 ms of work between two turns of the event loop

Row: TypeAlias = tuple[Any, ...]
Use: TypeAlias = Callable[[Row], None]

EARLIEST: Final = "0001-01-01 00:00:00+00"
"""Before every instant of a booking. Instants that are only compared are read as text, too."""

FIRST: Final = str(ids.NIL)
"""Before every id. Ids are read as text, which sorts as they do and compares far faster."""


class Snapshot:
    """One consistent state of the database."""

    def __init__(self, connection: "psycopg.AsyncConnection[Row]") -> None:
        self._connection = connection
        self._ahead: set[asyncio.Task[Rows]] = set()

    @classmethod
    @asynccontextmanager
    async def take(cls, database: Database) -> AsyncIterator[Self]:
        """Take a snapshot of this moment, for as long as the block lasts."""
        async with database.snapshot() as connection:
            # Events contain instants as they were written, in UTC.
            await connection.execute("SET LOCAL TIME ZONE 'UTC'")
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            snapshot = cls(connection)
            try:
                yield snapshot
            finally:
                await snapshot._stop()

    async def rows(self, query: Query, params: Mapping[str, Any]) -> Rows:
        """All rows of a statement."""
        # Ids, numbers and instants in binary cost Python half of what parsing text costs.
        cursor = await self._connection.execute(query.text, params, binary=True)
        return await cursor.fetchall()

    async def count(self, query: Query, regions: Sequence[str]) -> int:
        """Sum a counting statement over some regions."""
        counts = [await self.rows(query, {"region": region}) for region in regions]
        return sum(int(rows[0][0]) for rows in counts)

    async def regions(self) -> list[str]:
        """Every region that has rows of some table."""
        found: list[str] = []
        while True:
            params = {"after": found[-1] if found else ""}
            rows = await self.rows(queries.find_next_region, params)
            if rows[0][0] is None:
                return found
            found.append(rows[0][0])

    def stream(
        self, query: Query, regions: Sequence[str], again: Use | None = None, **after: Any
    ) -> "Stream":
        """The rows of a paged statement in all of `regions`, in the order of their positions.

        Args:
            again: called with a row at whose position another region has one already; that row is
                left out.
            after: the parameters of the first position, in the order of a row's columns.
        """
        sources = [
            _Pages(self, query, {"region": region, "page_size": PAGE_ROWS, **after}, list(after))
            for region in regions
        ]
        return Stream(_Merged(sources, len(after), again))

    def fetch_ahead(self, query: Query, params: Mapping[str, Any]) -> asyncio.Task[Rows]:
        """Begin to read the next page, so that the database works while Python does."""
        task = asyncio.create_task(self.rows(query, params))
        self._ahead.add(task)
        task.add_done_callback(self._ahead.discard)
        return task

    async def _stop(self) -> None:
        """Cancel a read that is no longer needed."""
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)


class _Pages:
    """The pages of one statement in one region; each row begins with its position."""

    def __init__(
        self, snapshot: Snapshot, query: Query, params: dict[str, Any], position: list[str]
    ) -> None:
        self._snapshot = snapshot
        self._query = query
        self._params = params
        self._position = position
        self._next: asyncio.Task[Rows] | None = snapshot.fetch_ahead(query, dict(params))

    async def page(self) -> Rows:
        """The next rows; none at the end."""
        if self._next is None:
            return ()
        rows = await self._next
        self._next = None
        if len(rows) == self._params["page_size"]:
            self._params |= zip(self._position, rows[-1], strict=False)
            self._next = self._snapshot.fetch_ahead(self._query, dict(self._params))
            await asyncio.sleep(0)  # the request leaves before the work on this page begins
        return rows


class _Merged:
    """The pages of several regions as one sequence, in the order of their positions."""

    def __init__(self, sources: Sequence[_Pages], key_length: int, again: Use | None) -> None:
        self._sources = sources
        self._waiting: list[Rows] = [() for _ in sources]
        self._key_length = key_length
        self._again = again

    async def page(self) -> Rows:
        """The next rows; none at the end."""
        if len(self._sources) == 1:
            return await self._sources[0].page()
        for at, source in enumerate(self._sources):
            if not self._waiting[at]:
                self._waiting[at] = await source.page()
        # No region can still have a row before the smallest of the last positions read.
        ends = [self._key(rows[-1]) for rows in self._waiting if rows]
        if not ends:
            return ()
        taken: list[Row] = []
        for at, rows in enumerate(self._waiting):
            cut = bisect_right(rows, min(ends), key=self._key)
            taken += rows[:cut]
            self._waiting[at] = rows[cut:]
        taken.sort(key=self._key)
        return self._once(taken)

    def _key(self, row: Row) -> Row:
        return row[: self._key_length]

    def _once(self, rows: Sequence[Row]) -> Rows:
        """The rows without repeated positions: two rows of one position are always in one page."""
        kept: list[Row] = []
        for row in rows:
            if kept and self._key(kept[-1]) == self._key(row):
                if self._again is not None:
                    self._again(row)
            else:
                kept.append(row)
        return kept


class Stream:
    """The rows of a paged statement, by page or one by one."""

    def __init__(self, source: _Merged) -> None:
        self._source = source
        self._rows: Rows = ()
        self._at = 0

    async def pages(self) -> AsyncIterator[Rows]:
        while rows := await self._source.page():
            yield rows

    async def head(self) -> Row | None:
        """The next row, which is not consumed."""
        if self._at == len(self._rows):
            self._rows, self._at = await self._source.page(), 0
        return self._rows[self._at] if self._rows else None

    def skip(self) -> None:
        """Consume the next row."""
        self._at += 1

    async def up_to(self, key: tuple[str, str], *, below: Use, at: Use) -> None:
        """Consume the rows up to `key`, which is compared with their first two columns."""
        while True:
            rows, here, end = self._rows, self._at, len(self._rows)
            while here < end:
                found = rows[here][:2]
                if found == key:
                    at(rows[here])
                elif found < key:
                    below(rows[here])
                else:
                    break
                here += 1
            self._at = here
            if here < end or not await self._refill():
                return

    async def rest(self, use: Use) -> None:
        """Consume all remaining rows."""
        while await self.head() is not None:
            for row in self._rows[self._at :]:
                use(row)
            self._at = len(self._rows)

    async def _refill(self) -> bool:
        self._rows, self._at = await self._source.page(), 0
        return bool(self._rows)


def uuid_array(values: Iterable[str]) -> str:
    """An SQL literal of type UUID[] for ids that are text."""
    return "{" + ",".join(values) + "}"
