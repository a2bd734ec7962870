"""Disputes of a merchant on its way to another region, at processes that disagree about it."""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from app.engine.database import Database, Step
from app.engine.idempotency import Answer
from app.engine.saga import Flow
from app.operate.rehoming import TABLES, move
from tests.disputes.support import Stall
from tests.disputes.test_any_history import STEPS, Run
from tests.rehoming.support import rows_in_two_regions
from tests.support import books
from tests.support.databases import execute
from tests.support.engine import opened

VIEWS = (("eu", "us"), ("us", "eu"))
"""(home, former region), as one process or another has it just then."""


class MovingStall(Stall):
    """A merchant that moves for ever: each batch comes from a process of either view."""

    random: Random

    @classmethod
    async def set_out(cls, database: Database, seed: int) -> "MovingStall":
        """A fresh merchant that moves from `us` to `eu`."""
        made = await Stall.open(database, region="us")
        stall = cls(database, made.merchant_id)
        stall.random = Random(seed)
        execute(
            database.url,
            "UPDATE merchants SET home_region = 'eu', former_region = 'us' WHERE id = %s",
            [stall.merchant_id],
        )
        return stall

    async def run(self, step: Step[Any, Any], *commands: Any) -> list[Answer]:
        """As ever, in a view, with a page moved before it now and then."""
        await self.move_a_page()
        home, former = self.random.choice(VIEWS)
        seen = [msgspec.structs.replace(c, region=home, former_region=former) for c in commands]
        return await super().run(step, *seen)

    async def book(self, step: Any, *results: tuple[Flow, Any]) -> list[Answer]:
        """As `run`."""
        await self.move_a_page()
        home, former = self.random.choice(VIEWS)
        seen = [
            (msgspec.structs.replace(flow, region=home, former_region=former), result)
            for flow, result in results
        ]
        return await super().book(step, *seen)

    async def move_a_page(self) -> None:
        """What a mover does, of one table."""
        if self.random.random() < 0.5:
            return
        mover = move._Move(self.database, self.merchant_id, "eu", lambda *_: None)
        table = self.random.choice(TABLES)
        await mover._page(await mover._look(), "us", table, dict(table.start))


@pytest.mark.parametrize("seed", range(8))
async def test_a_history_on_the_way_ends_as_the_model_says(url: str, seed: int) -> None:
    """Whichever view each batch is decided in, outcomes, states and balances are the model's."""
    async with opened(url) as database:
        stall = await MovingStall.set_out(database, seed)
        run = Run(stall, seed)
        await run.begin()
        for _ in range(STEPS):
            await run.step()
        run.assert_same()

    assert rows_in_two_regions(url, stall.merchant_id) == []


@pytest.fixture(scope="module", autouse=True)
def _books(url: str) -> Iterator[None]:
    """After all histories of this file the books of the whole database are in order."""
    yield
    asyncio.run(books.assert_in_order(url))
