"""Sound books have no findings, however they are read and while they grow."""

import asyncio

import pytest

from app.domains.merchants import admin
from app.domains.payments import steps as payments
from app.engine.database import GroupCommit
from app.operate.verify import store, verify
from tests.support.engine import opened
from tests.verify.conftest import Books
from tests.verify.history import Writer


async def test_sound_books_have_no_findings(books: Books) -> None:
    """A history made by the product's own steps is in order."""
    assert await books.findings() == []


async def test_an_empty_database_is_in_order(database_url: str) -> None:
    """An empty database has no findings."""
    assert await verify(database_url, lambda *_: None) == []


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
async def test_pages_end_anywhere(books: Books, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """The size of pages makes no difference."""
    monkeypatch.setattr(store, "PAGE_ROWS", rows)

    assert await books.findings() == []


@pytest.mark.parametrize("rows", [1, 3])
async def test_what_is_off_is_found_on_small_pages(
    books: Books, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Small pages hide no finding."""
    books.change("DELETE FROM payments WHERE id = %(paid_2)s")
    whole = await books.findings()
    monkeypatch.setattr(store, "PAGE_ROWS", rows)

    assert whole
    assert await books.findings() == whole


async def test_progress_comes_to_its_end(books: Books) -> None:
    """The progress of each check is reported from its beginning to its end."""
    told: dict[str, list[tuple[int, int]]] = {}

    await verify(
        books.url, lambda what, done, total: told.setdefault(what, []).append((done, total))
    )

    assert len(told) == 10
    for steps in told.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1] > 0


async def test_the_books_are_checked_while_payments_go_on(books: Books) -> None:
    """A snapshot is consistent, whatever commits meanwhile."""
    async with opened(books.url) as database:
        merchant = await admin.get_merchant(database, books.history.names["merchant_2"])
        writer = Writer(GroupCommit(database), merchant, books.history)
        stop = asyncio.Event()

        async def pay() -> int:
            count = 0
            while not stop.is_set():
                batch = [writer.payment("more", "ada", 1) for _ in range(20)]
                count += len(await writer.run(payments.open_payments, *batch))
            return count

        paying = asyncio.create_task(pay())
        found = [await books.findings() for _ in range(3)]
        stop.set()

        assert await paying > 0
        assert found == [[], [], []]
