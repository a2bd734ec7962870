"""Looking rows up: whoever asks at the same time shares a look-up, and gets their own."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from app.base.queries import parse
from app.engine.database import Database, LookUps, lookups
from app.engine.database.errors import DatabaseUnreachable
from tests.support.engine import opened

(SQUARES,) = parse(
    "-- name: squares\nSELECT d.n, d.n * d.n FROM unnest(CAST(:ns AS INT8[])) AS d (n)"
    " WHERE d.n >= 0"
)


@pytest_asyncio.fixture
async def database(shared_database_url: str) -> AsyncIterator[Database]:
    """A database to ask."""
    async with opened(shared_database_url) as database:
        yield database


class Squares:
    """Asks the database for squares, and remembers what it was asked for at a time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[Sequence[int]] = []

    async def find(self, keys: Sequence[int]) -> dict[int, int]:
        self.asked.append(keys)
        return dict(await self.database.read(SQUARES, {"ns": list(keys)}))


async def test_everybody_gets_their_own(database: Database) -> None:
    """Rows that are there, rows that are not, and the same row twice, all at once."""
    squares = Squares(database)
    reader = LookUps(squares.find)

    found = await asyncio.gather(*map(reader.find, [3, -1, 4, 3, -2]))

    assert found == [9, None, 16, 9, None]
    assert squares.asked == [[3, -1, 4, -2]]


async def test_who_asks_meanwhile_is_of_the_next_look_up(database: Database) -> None:
    """What was asked before somebody asked is not what they asked for."""
    squares = Squares(database)
    reader = LookUps(squares.find)
    first = asyncio.ensure_future(reader.find(1))
    while not squares.asked:
        await asyncio.sleep(0)

    found = await asyncio.gather(reader.find(1), reader.find(2))

    assert (await first, *found) == (1, 1, 4)
    assert squares.asked == [[1], [1, 2]]


async def test_more_than_fit_into_one_look_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look-up takes what is left."""
    monkeypatch.setattr(lookups, "KEYS_MAX", 2)
    squares = Squares(database)
    reader = LookUps(squares.find)

    found = await asyncio.gather(*map(reader.find, range(5)))

    assert found == [0, 1, 4, 9, 16]
    assert squares.asked == [[0, 1], [2, 3], [4]]


async def test_who_goes_away_takes_no_answer_along(database: Database) -> None:
    """A cancelled question leaves the others theirs."""
    reader = LookUps(Squares(database).find)
    first, second = (asyncio.ensure_future(reader.find(7)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    assert await second == 49


async def test_who_is_stuck_holds_up_nobody_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside a look-up that hangs on a silent connection others are made, and not too many."""
    monkeypatch.setattr(lookups, "STUCK_S", 0.0)
    squares, silence = Squares(database), asyncio.Event()

    async def find(keys: Sequence[int]) -> dict[int, int]:
        if 0 in keys or 100 in keys:
            await silence.wait()
        return await squares.find(keys)

    reader = LookUps(find)
    stuck = []
    for key in (0, 100):
        stuck.append(asyncio.ensure_future(reader.find(key)))
        await asyncio.sleep(0.01)

    assert await reader.find(5) == 25
    assert not any(each.done() for each in stuck)
    silence.set()
    assert await asyncio.gather(*stuck) == [0, 10_000]


async def test_a_loop_that_ends_leaves_nobody_waiting(database: Database) -> None:
    """Whoever waits for a look-up that is cancelled is cancelled, and the next one is made."""
    reader = LookUps(Squares(database).find)
    asked = asyncio.ensure_future(reader.find(6))
    await asyncio.sleep(0)
    (runner,) = reader._runners
    await asyncio.sleep(0)
    runner.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await reader.find(6) == 36


async def test_an_unreachable_database_is_told_to_all(shared_database_url: str) -> None:
    """Nobody waits for ever, and the next question is asked anew."""
    nowhere = shared_database_url.replace("port=5432", "port=1")
    async with opened(nowhere) as database:
        reader = LookUps(Squares(database).find)

        found = await asyncio.gather(*(reader.find(n) for n in range(3)), return_exceptions=True)

        assert [type(error) for error in found] == [DatabaseUnreachable] * 3
        with pytest.raises(DatabaseUnreachable):
            await reader.find(1)
