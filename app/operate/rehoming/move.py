"""Moving a merchant: announce the new home, make it the home, move the rows, end.

At every instant the merchant's record says which one or two regions hold its rows. Processes cache
the record, so each change waits until every process has seen the one before. A command that needs a
row meanwhile pulls it to the region that it takes for the home (`app/engine/database/moving.py`).
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.base.settings import Settings
from app.domains.ledger import pull_holds
from app.domains.merchants import Keyring
from app.domains.merchants.admin import check_home_region
from app.domains.merchants.store import Home, get_home, update_home
from app.domains.payments.store import pull_payments
from app.engine.database import Database, Query, Rows, Tx, faults, transact
from app.engine.database.faults import FaultPoint
from app.operate.rehoming.errors import MoveDisturbed, MovesElsewhere
from app.operate.rehoming.tables import TABLES, MovingTable, queries

T = TypeVar("T")

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a table, how many of its rows have moved, and about how many it has."""

PAGE_ROWS = 200  # some 10 ms of locks, which delay a payment no longer than another payment does
PAGE_S = 30.0  # for one page: contention is waited out, a lost database is not
PAUSE_S = 0.2  # between two checks of an empty region while processes still learn of the move
STEPS_MAX = 20  # three are needed, and one more for each that another mover took
PASSES_MAX = 10  # over all tables once every process knows the home: the second one finds nothing
MARGIN_S = 2.0  # for a COMMIT that is under way when its client gives up


def spread_s(settings: Settings) -> float:
    """Seconds after a change of a home until no process acts on the former home.

    A process caches a merchant. A request may then wait in the queue for its full time, and share a
    batch with a new request that has its full time ahead. If the process is stopped meanwhile, the
    server ends its transaction. All processes must have the same settings for these times.
    """
    request_ms = 2 * settings.request_timeout_ms + settings.idle_in_transaction_timeout_ms
    return Keyring.CACHED_S + request_ms / 1000 + MARGIN_S


class MoveResult(msgspec.Struct, frozen=True):
    """How a move ended."""

    merchant: str
    home_region: str
    former_region: str | None
    """The region that the rows came from; none: the merchant was at home there already."""
    rows: dict[str, int]
    """Table -> rows that this run moved; rows that commands pulled are not counted."""


async def rehome(
    database: Database,
    merchant_id: UUID,
    region: str,
    *,
    progress: Progress = lambda *_: None,
) -> MoveResult:
    """Make `region` the home of a merchant and move its rows there.

    It is safe to run again, and twice at once.

    Raises: (the first that applies)
        UnknownRegion: rows could not be kept there.
        MerchantNotFound
        MovesElsewhere: it is on its way between two other regions.
        MoveDisturbed: another mover turned it back, or rows keep appearing in the former region.
    """
    await check_home_region(database, region)
    return await _Move(database, merchant_id, region, progress).run()


class _Move:
    """One run towards one region, from whatever state the merchant is in."""

    def __init__(
        self, database: Database, merchant_id: UUID, region: str, progress: Progress
    ) -> None:
        self.database = database
        self.merchant_id = merchant_id
        self.merchant = ids.encode("merchant", merchant_id)
        self.region = region
        self.came_from: str | None = None
        self.rows: Counter[str] = Counter()
        self._progress = progress
        self._totals: dict[str, int] = {}
        self._spread_s = spread_s(database.settings)
        self._seen = -1
        self._seen_at = 0.0

    async def run(self) -> MoveResult:
        """Take the step that the merchant's state requires, until none is left."""
        for _ in range(STEPS_MAX):
            home = await self._look()
            if home.former_region is None and home.region == self.region:
                rows = {table.name: self.rows[table.name] for table in TABLES}
                return MoveResult(self.merchant, self.region, self.came_from, rows)
            await self._step(home)
        raise MoveDisturbed(merchant=self.merchant, why="other movers are in the way")

    async def _step(self, home: Home) -> None:
        if home.former_region is None:
            self._check_not_turned()
            if await self._change(home, region=home.region, former_region=self.region):
                faults.hit(FaultPoint.AFTER_ANNOUNCE)
        elif home.former_region == self.region:
            self._check_not_turned()
            await self._until_known()
            if await self._change(home, region=self.region, former_region=home.region):
                faults.hit(FaultPoint.AFTER_FLIP)
        elif home.region == self.region:
            self.came_from = home.former_region
            await self._sweep(home, home.former_region)
        else:
            regions = f"{home.former_region} and {home.region}"
            raise MovesElsewhere(merchant=self.merchant, regions=regions)

    def _check_not_turned(self) -> None:
        """Stop where another mover wants another home."""
        if self.came_from is not None:
            raise MoveDisturbed(merchant=self.merchant, why="another mover turned it back")

    async def _look(self) -> Home:
        """Read the merchant's home, and note when it was first seen."""

        async def work(tx: Tx) -> Home:
            return await get_home(tx, self.merchant_id)

        home = await self._transact(work)
        if home.version != self._seen:
            self._seen, self._seen_at = home.version, clock.monotonic()
        return home

    def _left_s(self) -> float:
        """Seconds until every process acts on the home that was seen."""
        return self._seen_at + self._spread_s - clock.monotonic()

    async def _until_known(self) -> None:
        await asyncio.sleep(max(0.0, self._left_s()))

    async def _change(self, before: Home, *, region: str, former_region: str | None) -> bool:
        """Change the home, unless another mover was first."""

        async def work(tx: Tx) -> bool:
            return await update_home(
                tx, self.merchant_id, before, region=region, former_region=former_region
            )

        return await self._transact(work)

    async def _sweep(self, home: Home, former: str) -> None:
        """Move rows until none is left and no process brings any back; then end the move."""
        if not self._totals:
            self._totals = dict(await self._read(queries.count_rows, former))
        while self._left_s() > 0:
            if not await self._pass(home, former):
                await asyncio.sleep(max(0.0, min(PAUSE_S, self._left_s())))
        for _ in range(PASSES_MAX):
            await self._pass(home, former)
            left = await self._end(home, former)
            if not left:
                return
        why = f"rows keep appearing in  {former} ({', '.join(left)}): does an older version run?"
        raise MoveDisturbed(merchant=self.merchant, why=why)

    async def _pass(self, home: Home, former: str) -> int:
        """Move the rows that are there now, page by page; returns how many."""
        before = self.rows.total()
        for table in TABLES:
            position = dict(table.start)
            while True:
                started = clock.monotonic()
                rows, more = await self._page(home, former, table, position)
                self.rows[table.name] += len(rows)
                self.rows["holds"] += more
                total = max(self._totals.get(table.name, 0), self.rows[table.name])
                self._progress(table.name, self.rows[table.name], total)
                if rows:
                    faults.hit(FaultPoint.BETWEEN_PAGES)
                if len(rows) < PAGE_ROWS:
                    break
                position.update(zip(table.start, rows[-1], strict=False))
                # The pause is as long as the page took, so at most half of the time is taken from
                # payments.
                await asyncio.sleep(clock.monotonic() - started)
        return self.rows.total() - before

    async def _page(
        self, home: Home, former: str, table: MovingTable, position: dict[str, object]
    ) -> tuple[Rows, int]:
        """Move one page; returns its rows' positions, and how many holds came along with payments.

        Nothing moves where another mover has gone on meanwhile.
        """
        params = {
            "region": self.region,
            "former_region": former,
            "merchant_id": self.merchant_id,
            "page_size": PAGE_ROWS,
            **position,
        }

        async def work(tx: Tx) -> tuple[Rows, int]:
            if await get_home(tx, self.merchant_id) != home:
                return (), 0
            rows = await tx.rows(table.sweep, params)
            moving = {self.merchant_id: former}
            # A payment and its hold stay together, whichever of them is found first.
            if table.name == "payments":
                holds = [(self.merchant_id, hold) for _, hold in rows if hold is not None]
                return rows, await pull_holds(tx, self.region, moving, holds)
            if table.name == "holds":
                payments = [(self.merchant_id, payment) for _, payment in rows]
                await pull_payments(tx, self.region, moving, payments)
            return rows, 0

        return await self._transact(work)

    async def _end(self, home: Home, former: str) -> list[str]:
        """End the move if the former region has no rows left; returns the tables that have."""
        params = {"region": former, "merchant_id": self.merchant_id}

        async def work(tx: Tx) -> list[str]:
            if await get_home(tx, self.merchant_id) != home:
                return []
            left = [name for (name,) in await tx.rows(queries.find_rows, params)]
            if not left:
                await update_home(
                    tx, self.merchant_id, home, region=home.region, former_region=None
                )
            return left

        return await self._transact(work)

    async def _read(self, query: Query, region: str) -> Rows:
        params = {"region": region, "merchant_id": self.merchant_id}
        return await self.database.read(query, params)

    async def _transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        return await transact(self.database, work, deadline=clock.monotonic() + PAGE_S)
