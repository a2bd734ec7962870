"""Processes whose own clocks are wrong: one key has one effect, time is the database's.

The clock of a process is shifted by Debian's `faketime`; its monotonic clock stays right.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.base import clock
from app.devkit.stack import SuyaCommand
from tests.support import builders
from tests.support.balancer import program
from tests.support.builders import Merchant, payment
from tests.support.client import Api, done
from tests.support.databases import rows
from tests.support.processes import ADMIN_KEY, ApiProcess

StartOff = Callable[[str, int], ApiProcess]

HOUR_S, DAY_S = 3_600, 86_400
SECONDS = timedelta(seconds=5)


@pytest.fixture
def start_off(tmp_path: Path) -> Iterator[StartOff]:
    """Starts api processes whose clock is off: `start_off(url, 3_600)`."""
    started: list[ApiProcess] = []

    def start(url: str, off_s: int) -> ApiProcess:
        program("faketime", "faketime")
        process = ApiProcess(url, tmp_path)
        started.append(process)
        return process.start(partial(SuyaCommand, clock_off_s=off_s))

    yield start
    for process in started:
        process.kill()


async def test_a_key_that_is_kept_acts_once_whatever_a_process_takes_for_the_time(
    database_url: str, start_api: Callable[..., ApiProcess], start_off: StartOff
) -> None:
    """A process 32 days ahead replays what was paid today, and captures what is held today."""
    right, off = start_api(database_url), start_off(database_url, 32 * DAY_S)
    async with Api(right.url, ADMIN_KEY) as admin, Api(off.url) as wrong:
        merchant = await builders.new_merchant(admin)
        there = Merchant(merchant.id, merchant.key_id, wrong.as_(merchant.api.secret))
        wallet = await merchant.wallet(funds=10_000)
        paid = await merchant.send_payment(wallet, 1_000, key="order-1")
        held = await merchant.authorize(wallet, 500)
        quote = await merchant.quote("USD", "EUR", source_amount=1_000)

        again = await there.send_payment(wallet, 1_000, key="order-1")
        captured = await there.capture(held["id"])
        promised = done(await there.api.get(f"/v1/fx/quotes/{quote['id']}"))
        late = await there.send_payment(wallet, 700, key="order-2")
        replayed = await merchant.send_payment(wallet, 700, key="order-2")

        assert (again.content, again.headers["idempotent-replayed"]) == (paid.content, "true")
        assert captured["status"] == "captured"
        assert promised["status"] == "open"
        assert late.content == replayed.content
        assert await merchant.available(wallet) == 10_000 - 1_000 - 500 - 700


async def test_a_wrong_clock_is_not_ready_and_is_named(
    database_url: str, start_off: StartOff
) -> None:
    """It answers, says what is wrong, and gets no traffic."""
    off = start_off(database_url, HOUR_S)
    async with Api(off.url) as api:
        answer = await api.get("/readyz")

    assert answer.status_code == 503
    assert "clock is 3600" in answer.json()["detail"]
    assert "ahead of the database's" in answer.json()["detail"]


async def test_a_wrong_clock_is_not_contagious(
    database_url: str, start_api: Callable[..., ApiProcess], start_off: StartOff
) -> None:
    """What an api books that is an hour ahead is dated by the database; and so is all else."""
    right, off = start_api(database_url), start_off(database_url, HOUR_S)
    async with Api(off.url, ADMIN_KEY) as admin, Api(right.url) as api:
        one = await builders.new_merchant(admin)
        other = await builders.new_merchant(admin.as_(ADMIN_KEY))
        neighbour = Merchant(other.id, other.key_id, api.as_(other.api.secret))
        wallets = [await one.wallet(funds=1_000), await neighbour.wallet(funds=1_000)]
        paid = [await one.pay(wallets[0], 100), await neighbour.pay(wallets[1], 100)]
        assert {await one.available(wallets[0]), await neighbour.available(wallets[1])} == {900}

    [(now,)] = rows(database_url, "SELECT clock_timestamp()")
    dated = rows(
        database_url,
        "SELECT booked_at FROM entries UNION SELECT created_at FROM events"
        " UNION SELECT booked_at FROM accounts UNION SELECT updated_at FROM payments",
    )
    assert all(now - timedelta(minutes=5) < at <= now + SECONDS for (at,) in dated)
    for each in paid:
        assert abs(datetime.fromisoformat(each["created_at"]) - now) < timedelta(minutes=5)


async def follow(api: Api, is_over: Callable[[], bool]) -> list[str]:
    """The ids of all events that a follower of the list sees, in the order in which it does."""
    seen: list[str] = []
    while True:
        # Read after the last commit, the empty page is the end.
        last = is_over()
        params: dict[str, Any] = {"limit": 100}
        if seen:
            params["ending_before"] = seen[-1]
        else:
            params["created[gte]"] = "2020-01-01T00:00:00Z"
            params["ending_before"] = "evt_" + "0" * 26
        page = done(await api.get("/v1/events", params))["data"]
        seen += [event["id"] for event in reversed(page)]
        if last and not page:
            return seen


@pytest.mark.parametrize("off_s", [3, -3])
async def test_a_follower_sees_every_event_once(
    database_url: str, start_api: Callable[..., ApiProcess], start_off: StartOff, off_s: int
) -> None:
    """Beside two writers whose clocks differ by seconds, and in the order of each object."""
    right, off = start_api(database_url), start_off(database_url, off_s)
    async with Api(right.url, ADMIN_KEY) as admin, Api(off.url) as wrong:
        merchant = await builders.new_merchant(admin)
        there = wrong.as_(merchant.api.secret)
        wallets = [await merchant.wallet(funds=10**9) for _ in range(8)]
        numbers = itertools.count()

        async def write(api: Api) -> None:
            for _ in range(12):
                wallet = wallets[next(numbers) % len(wallets)]
                many = [
                    payment(wallet, 100, capture="manual", idempotency_key=f"k{next(numbers)}")
                    for _ in range(4)
                ]
                made = done(await api.post("/v1/payments/bulk", many))["data"]
                # A busy cluster may put single ones off.
                for held in [result["payment"] for result in made if "payment" in result][:1]:
                    await api.post(f"/v1/payments/{held['id']}/capture")

        writing = asyncio.gather(*[write(api) for api in (merchant.api, there) for _ in range(4)])
        following = [follow(api, writing.done) for api in (merchant.api, there)]
        ended = await asyncio.gather(writing, *following)
        events = await merchant.api.all("/v1/events")

    everything = [event["id"] for event in reversed(events)]
    assert len(everything) > 300
    for seen in ended[1:]:
        assert seen == everything
    told: dict[str, int] = {}
    for event in reversed(events):
        thing = event["data"]["id"]
        assert event["sequence"] == told.get(thing, 0) + 1
        told[thing] = event["sequence"]


async def test_a_past_balance_never_changes(
    database_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """Whatever was answered as of an instant is answered for it ever after."""
    apis = [start_api(database_url), start_api(database_url)]
    async with Api(apis[0].url, ADMIN_KEY) as admin, Api(apis[1].url) as second:
        merchant = await builders.new_merchant(admin)
        wallet = await merchant.wallet(funds=10**9)
        path = f"/v1/accounts/{wallet}/balance"
        callers = [merchant.api, second.as_(merchant.api.secret)]

        async def pay(api: Api) -> None:
            for number in range(40):
                done(await api.post("/v1/payments", payment(wallet, 100 + number)))

        writing = asyncio.gather(*[pay(api) for api in callers for _ in range(3)])
        answers = []
        while not writing.done():
            for api in callers:
                near = (clock.now() + timedelta(milliseconds=1)).isoformat()
                answers += [done(await api.get(path, {"as_of": near})), done(await api.get(path))]
        await writing
        assert len(answers) > 20
        for answer in answers:
            assert done(await callers[1].get(path, {"as_of": answer["as_of"]})) == answer
