"""Payouts of a merchant that moves: each step brings home what it needs, wherever that is."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.base import clock, ids
from app.domains.payouts import steps
from app.domains.payouts.bookings import book_payouts
from app.domains.payouts.commands import ApprovePayout, CancelPayout, ReturnPayout
from app.engine.saga import Booking
from app.processors import Verdict
from tests.payouts.support import VIEWS, Moving
from tests.rehoming.support import places, rows_in_two_regions
from tests.support import books
from tests.support.engine import opened


@pytest_asyncio.fixture
async def moving(database_url: str) -> AsyncIterator[Moving]:
    """A merchant that moves."""
    async with opened(database_url) as database:
        made = Moving(database)
        await made.begin()
        yield made
        await made.group.close(1)


@pytest.mark.parametrize("first", [0, 1])
async def test_every_step_finds_its_rows(moving: Moving, first: int) -> None:
    """Processes that disagree about the home make, approve, book, stop and return payouts."""
    url = moving.database.url

    moving.view = VIEWS[first]
    paid, large, stopped = [await moving.open(amount) for amount in (700, 1_000_001, 5)]
    moving.view = VIEWS[1 - first]
    approval = ApprovePayout(**moving.common(), payout_id=large, key_id=ids.new())
    assert (await moving.run(steps.approve_payouts, approval)).status == 200
    moving.view = VIEWS[first]
    for payout_id in (paid, large, stopped):
        await moving.hear(payout_id, Verdict("pending"))
    moving.view = VIEWS[1 - first]
    await moving.hear(paid, Verdict("approved"))
    await moving.hear(large, Verdict("declined", code="account_closed"))
    recall = await moving.run(
        steps.cancel_payouts, CancelPayout(**moving.common(), payout_id=stopped)
    )
    assert recall.flow is not None
    moving.view = VIEWS[first]
    home, former = moving.view
    recall.flow.region, recall.flow.former_region = home, former
    assert recall.flow.lease_until > clock.now()
    canceled = await moving.run(book_payouts, Booking(recall.flow, Verdict("approved")))
    moving.view = VIEWS[1 - first]
    returned = await moving.run(
        steps.return_payouts, ReturnPayout(**moving.common(), payout_id=paid)
    )

    assert '"status":"canceled"' in canceled.body
    assert '"failure_code":"returned"' in returned.body
    assert rows_in_two_regions(url, moving.merchant_id) == []
    found = places(url, moving.merchant_id)
    assert sum(found.get(region, {}).get("payouts", 0) for region in ("us", "eu")) == 3
    await books.assert_in_order(url)
