"""A dispute's fee is followed: none while a bank only asks, more of it once money is withdrawn."""

import asyncio
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from app.base import ids
from tests.disputes.support import FEE, Stall
from tests.support import books
from tests.support.databases import rows
from tests.support.engine import opened
from tests.support.tables import Row, table

PAID = {"processor_receivable": 1_000, "merchant_pending": 1_000}
"""The balances after a payment of 1,000."""


@table("""
    outcome  amount
    won           0
    lost       1000
""")
async def test_a_fee_that_comes_later_is_paid_then(row: Row, stall: Stall) -> None:
    """A dispute that was told without a fee costs it from then on, and is decided as ever."""
    payment = await stall.pay(1_000)
    dispute_id = await stall.dispute(payment, fee=0)
    assert stall.balances()["merchant_available"] == -1_000

    (dispute,) = await stall.tell(stall.state(payment))

    assert (dispute["status"], dispute["fee"]) == ("needs_response", FEE)
    assert stall.balances() == PAID | {"merchant_available": -1_000 - FEE, "disputes_held": 1_000}
    await stall.tell(stall.state(payment, row.outcome))
    assert stall.balances().get("merchant_available") == -FEE - row.amount
    assert "disputes_held" not in stall.balances()
    assert stall.events(dispute_id) == [
        "dispute.opened", "dispute.updated", f"dispute.{row.outcome}",
    ]  # fmt: skip
    ((status, *_),) = stall.flows("dispute")
    assert status == "done"


async def test_a_fee_that_comes_with_the_decision(stall: Stall) -> None:
    """Who was not told meanwhile books the fee and then the decision, with an event for each."""
    payment = await stall.pay(1_000)
    dispute_id = await stall.dispute(payment, fee=0)

    await stall.tell(stall.state(payment, "won"))

    assert stall.balances() == PAID | {"merchant_available": -FEE}
    assert stall.events(dispute_id) == ["dispute.opened", "dispute.updated", "dispute.won"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_fees_in_any_order(order: tuple[int, ...], stall: Stall) -> None:
    """Told in any order, doubled, each time alone, a dispute costs the most that was told."""
    payment = await stall.pay(1_000)
    news = [
        stall.state(payment, fee=0, inquiry=True),
        stall.state(payment, fee=700),
        stall.state(payment, "under_review", fee=1_400),
        stall.state(payment, "lost", fee=1_400),
    ]

    for n in order:
        await stall.tell(news[n])
        await stall.tell(news[n])

    assert stall.balances() == {"merchant_pending": 1_000, "merchant_available": -2_400}


async def test_a_fee_that_is_told_at_once_by_many_is_paid_once(url: str) -> None:
    """Processes that learn of a higher fee at the same time book it once."""
    async with opened(url, database_writers=4) as database:
        stall = await Stall.open(database)
        payment = await stall.pay(1_000)
        dispute_id = await stall.dispute(payment, fee=0)
        others = [Stall(database, stall.merchant_id) for _ in range(6)]

        await asyncio.gather(*[other.tell(stall.state(payment)) for other in others])

    assert stall.balances()["merchant_available"] == -1_000 - FEE
    assert stall.events(dispute_id) == ["dispute.opened", "dispute.updated"]


@table("""
    first  second  returned
        0    1500      1500
      700    1500      1500
     1500       0      1500
     1500    2000      2000
""")
async def test_all_of_it_comes_back_where_the_platform_says_so(row: Row, url: str) -> None:
    """A merchant who wins has lost nothing, and pays nothing more when the fee is told late."""
    async with opened(url, dispute_fee_returned=True) as database:
        stall = await Stall.open(database)
        payment = await stall.pay(1_000)
        await stall.dispute(payment, fee=row.first)

        (dispute,) = await stall.tell(stall.state(payment, "won", fee=row.second))
        await stall.tell(stall.state(payment, "won", fee=9_000))

    assert dispute["fee_returned"] == row.returned
    assert stall.balances() == PAID


@pytest.mark.parametrize("fee_back", [True, False])
async def test_a_later_fee_is_converted(url: str, fee_back: bool) -> None:
    """A merchant that got euros pays what the whole fee is worth, however it is told in parts."""
    async with opened(url, dispute_fee_returned=fee_back) as database:
        stall = await Stall.open(database)
        payment = await stall.pay(1_000, quote_id=await stall.quote(1_000))
        earned = stall.balances("EUR")["merchant_pending"]
        await stall.dispute(payment, fee=0)
        given = -stall.balances("EUR")["merchant_available"]
        for fee in (1, 2, 3, 333, FEE):
            (dispute,) = await stall.tell(stall.state(payment, fee=fee))

        whole = dispute["exchange"]["fee"]
        assert 0 <= whole - earned * FEE / 1_000 < 1 + FEE / 1_000
        assert stall.balances("EUR")["merchant_available"] == -given - whole

        await stall.tell(stall.state(payment, "won"))
    left = {"merchant_pending": earned}
    assert stall.balances("EUR") == left | ({} if fee_back else {"merchant_available": -whole})


async def test_each_transfer_of_a_fee_is_of_one_dispute(url: str) -> None:
    """The audit knows whose fee a transfer raised, though a payment has two alike."""
    async with opened(url) as database:
        stall = await Stall.open(database)
        payment = await stall.pay(1_000)
        both: list[dict[str, Any]] = [{"amount": 500, "reference": f"dp_{n}"} for n in range(2)]
        for one in both:
            await stall.dispute(payment, fee=0, **one)
        for one in both:
            await stall.tell(stall.state(payment, fee=700, **one))
            await stall.tell(stall.state(payment, **one))

    found = rows(
        url,
        "SELECT id, purpose FROM transfers WHERE merchant_id = %s AND purpose = 'dispute_fee'",
        [stall.merchant_id],
    )
    assert len(found) == 4
    assert len({ids.encode("transfer", transfer_id) for transfer_id, _ in found}) == 4


@pytest.fixture(scope="module", autouse=True)
def _books(url: str) -> Iterator[None]:
    """After all stories of this file the books of the whole database are in order."""
    yield
    asyncio.run(books.assert_in_order(url))
