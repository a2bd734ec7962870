"""A merchant's rows follow it: all of them, there and back, interrupted anywhere."""

# ruff: noqa: S608 - the tables are named by us

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.base import ids
from app.domains.merchants import MerchantNotFound, UnknownRegion, admin
from app.engine.database import Database
from app.engine.database.faults import FaultPoint
from app.operate.rehoming import STAYING, TABLES, MoveDisturbed, MovesElsewhere, move
from app.operate.verify import verify
from tests.rehoming.support import places, rehome, rows_in_two_regions
from tests.support.databases import Server, execute, rows
from tests.support.engine import opened
from tests.support.processes import Process
from tests.verify.history import History, make_history


class Stopped(Exception):
    """The mover ends here, as if killed."""


@pytest_asyncio.fixture(scope="module")
async def moved(server: Server) -> AsyncIterator[tuple[str, History]]:
    """A database with a history of something of everything."""
    url = server.new_database()
    yield url, await make_history(url)
    server.drop_database(url)


@pytest.fixture
def url(moved: tuple[str, History]) -> Iterator[str]:
    """The history, put back to where it began."""
    yield moved[0]
    statement = "UPDATE merchants SET home_region = 'local', former_region = NULL"
    execute(moved[0], statement)
    for table in TABLES:
        execute(moved[0], f"UPDATE {table.name} SET region = 'local'")


@pytest.fixture
def merchant(moved: tuple[str, History]) -> Any:
    """The merchant of the history."""
    return moved[1].names["merchant_2"]


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The database of the history."""
    async with opened(url) as found:
        yield found


async def findings(url: str) -> list[tuple[str, str, str]]:
    """The findings of `verify`."""
    return [(f.check, f.object, f.detail) for f in await verify(url, lambda *_: None)]


def home(url: str, merchant: Any) -> tuple[Any, ...]:
    """The merchant's own row."""
    (row,) = rows(url, "SELECT home_region, former_region FROM merchants WHERE id = %s", [merchant])
    return row


WITHOUT_HISTORY: set[str] = set()
"""Tables in which the history's merchant has no rows."""


def test_every_table_moves_or_has_a_reason_to_stay(url: str) -> None:
    """Each table with rows of a merchant moves, or has a reason to stay."""
    found = rows(
        url,
        "SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'merchant_id'",
    )

    assert {name for (name,) in found} == {table.name for table in TABLES} | STAYING.keys()


async def test_there_and_back(database: Database, merchant: Any) -> None:
    """Every row is in the new home afterwards, unchanged, and comes back with the next move."""
    url = database.url
    before = places(url, merchant)["local"]
    assert set(before) == {table.name for table in TABLES} - WITHOUT_HISTORY

    there = await rehome(database, merchant, "eu")
    assert places(url, merchant) == {"eu": before}
    assert there.rows == before | dict.fromkeys(WITHOUT_HISTORY, 0)
    assert (there.home_region, there.former_region) == ("eu", "local")
    assert home(url, merchant) == ("eu", None)
    assert await findings(url) == []

    await rehome(database, merchant, "local")
    assert places(url, merchant) == {"local": before}
    assert await findings(url) == []


async def test_a_merchant_at_home_stays(database: Database, merchant: Any) -> None:
    """A merchant that is at home in the region already is not changed."""
    before = rows(database.url, "SELECT region_version FROM merchants WHERE id = %s", [merchant])

    told = await rehome(database, merchant, "local")

    assert (told.former_region, sum(told.rows.values())) == (None, 0)
    assert before == rows(
        database.url, "SELECT region_version FROM merchants WHERE id = %s", [merchant]
    )


@pytest.mark.parametrize("calls", [1, 2, 5, 9, 14])
async def test_a_mover_that_ends_anywhere_is_followed_by_another(
    database: Database, merchant: Any, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two pages the books are in order, and the same command goes on from there."""
    monkeypatch.setattr(move, "PAGE_ROWS", 10)
    before = places(database.url, merchant)["local"]
    told: list[str] = []

    def stop(table: str, *_: int) -> None:
        told.append(table)
        if len(told) == calls:
            raise Stopped

    mover = move._Move(database, merchant, "eu", stop)
    mover._spread_s = 0.0
    with pytest.raises(Stopped):
        await mover.run()

    assert home(database.url, merchant) == ("eu", "local")
    assert rows_in_two_regions(database.url, merchant) == []
    assert await findings(database.url) == []
    await rehome(database, merchant, "eu")
    assert places(database.url, merchant) == {"eu": before}


async def test_a_move_may_be_turned_back(
    database: Database, merchant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Halfway the move may be turned back, and the mover that wanted to go on gets an error."""
    monkeypatch.setattr(move, "PAGE_ROWS", 10)
    before = places(database.url, merchant)["local"]
    mover = move._Move(database, merchant, "eu", lambda *_: None)
    mover._spread_s = 0.0
    await mover._step(await mover._look())  # announced
    await mover._step(await mover._look())  # at home in eu
    state = await mover._look()
    mover.came_from = "local"
    await mover._page(state, "local", TABLES[0], dict(TABLES[0].start))

    await rehome(database, merchant, "local")

    rows_, held = await mover._page(state, "local", TABLES[0], dict(TABLES[0].start))
    assert (rows_, held) == ((), 0)
    with pytest.raises(MoveDisturbed, match="turned it back"):
        await mover.run()
    assert places(database.url, merchant) == {"local": before}
    assert home(database.url, merchant) == ("local", None)


async def test_refusals(database: Database, merchant: Any) -> None:
    """A region of no name, no merchant, and a third region are refused by a sentence."""
    with pytest.raises(UnknownRegion):
        await rehome_properly(database, merchant, "EU")
    with pytest.raises(MerchantNotFound):
        await rehome_properly(database, ids.new(), "eu")
    execute(database.url, "UPDATE merchants SET former_region = 'us' WHERE id = %s", [merchant])
    with pytest.raises(MovesElsewhere, match="moves between us and local"):
        await rehome_properly(database, merchant, "eu")
    found = await admin.get_merchant(database, merchant)
    assert (found.home_region, found.former_region) == ("local", "us")


async def rehome_properly(database: Database, merchant: Any, region: str) -> None:
    """Move as the command does; a refusal comes before any wait."""
    await move.rehome(database, merchant, region)


async def test_two_movers_at_once(database: Database, merchant: Any) -> None:
    """Two movers to one region share the work, and both find it done."""
    import asyncio

    before = places(database.url, merchant)["local"]

    told = await asyncio.gather(*[rehome(database, merchant, "eu") for _ in range(2)])

    assert [one.home_region for one in told] == ["eu", "eu"]
    assert places(database.url, merchant) == {"eu": before}
    assert await findings(database.url) == []


@pytest.mark.chaos
@pytest.mark.parametrize(
    "point", [FaultPoint.AFTER_ANNOUNCE, FaultPoint.AFTER_FLIP, FaultPoint.BETWEEN_PAGES]
)
async def test_a_killed_mover_is_followed_by_another(
    database: Database, merchant: Any, point: FaultPoint, tmp_path: Path
) -> None:
    """SIGKILL at any named point leaves books in order and a move that goes on."""
    before = places(database.url, merchant)["local"]
    command = ("merchants", "rehome", ids.encode("merchant", merchant), "eu")
    settings = {
        "database_url": database.url,
        "request_timeout_ms": "100",
        "idle_in_transaction_timeout_ms": "100",
        "faults": f"{point}:kill:{3 if point == FaultPoint.BETWEEN_PAGES else 1}",
    }
    with Process(command, tmp_path / "mover.log", settings) as mover:
        mover.spawn()
        assert mover.wait(60) == -signal.SIGKILL, mover.log()

    assert home(database.url, merchant)[1] is not None
    assert rows_in_two_regions(database.url, merchant) == []
    assert await findings(database.url) == []
    await rehome(database, merchant, "eu")
    assert places(database.url, merchant) == {"eu": before}
    assert await findings(database.url) == []
