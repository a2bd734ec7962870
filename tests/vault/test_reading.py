"""Reading cards: whoever asks at the same time shares a look-up, and gets their own."""

import asyncio

import pytest

from app import ids
from app.database.errors import DatabaseUnreachable
from app.vault import reading
from app.vault.reading import CardReader
from tests.support.engine import opened
from tests.support.vault import VaultProcess


async def test_everybody_gets_their_own(vault: VaultProcess, merchant_id: str) -> None:
    """Cards that are there, cards that are not, and the same card twice, all at once."""
    tokens = [vault.tokenize("4242424242424242", merchant_id)["id"] for _ in range(5)]
    there = [ids.decode("payment_method", token) for token in tokens]
    asked = [*there, ids.new(), *there, ids.new()]
    async with opened(vault.database_url) as database:
        reader = CardReader(database)

        found = await asyncio.gather(*map(reader.find, asked))

    assert [row and row.id for row in found] == [*there, None, *there, None]


async def test_more_than_fit_into_one_look_up(
    vault: VaultProcess, merchant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look-up takes what is left."""
    monkeypatch.setattr(reading, "CARDS_MAX", 2)
    tokens = [vault.tokenize("4242424242424242", merchant_id)["id"] for _ in range(5)]
    asked = [ids.decode("payment_method", token) for token in tokens]
    async with opened(vault.database_url) as database:
        reader = CardReader(database)

        found = await asyncio.gather(*map(reader.find, asked))

        assert [row and row.id for row in found] == asked
        assert await reader.find(asked[0])


async def test_who_goes_away_takes_no_answer_along(vault: VaultProcess, merchant_id: str) -> None:
    """A cancelled question leaves the others theirs."""
    card = ids.decode("payment_method", vault.tokenize("4242424242424242", merchant_id)["id"])
    async with opened(vault.database_url) as database:
        reader = CardReader(database)
        first, second = (asyncio.ensure_future(reader.find(card)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()

        row = await second

    assert row is not None
    assert row.id == card


async def test_an_unreachable_database_is_told_to_all(vault: VaultProcess) -> None:
    """Nobody waits for ever, and the next question is asked anew."""
    nowhere = vault.database_url.replace("port=5432", "port=1")
    async with opened(nowhere) as database:
        reader = CardReader(database)

        found = await asyncio.gather(
            *(reader.find(ids.new()) for _ in range(3)), return_exceptions=True
        )

        assert [type(error) for error in found] == [DatabaseUnreachable] * 3
        with pytest.raises(DatabaseUnreachable):
            await reader.find(ids.new())
