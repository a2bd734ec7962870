"""A merchant moves to another region while its payments go on without an error."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.base import ids
from app.operate.verify import verify
from tests.rehoming.support import QUICK, places, rows_in_two_regions
from tests.support import books
from tests.support.builders import Merchant, new_merchant, payment
from tests.support.client import Api
from tests.support.load import Load
from tests.support.processes import ADMIN_KEY, ApiProcess, Process

FUNDS = 10_000_000
SETTINGS = {name: str(value) for name, value in QUICK.items()} | {"request_timeout_ms": "4000"}
MOVE_S = 100  # two waits of 9.5 s, and what a busy machine adds
TRIES_MAX = 200
REPLAYS_AT_ONCE = 16
PAUSE_S = 0.05  # the books are verified all the while, which costs as much as there are payments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Lives:
    """Payments that are held, captured in two parts and refunded, each step at either process."""

    def __init__(self, at: list[Merchant], wallet: str) -> None:
        self.at = at
        self.wallet = wallet
        self.told: dict[str, tuple[str, Any, str]] = {}
        """Key -> (path, body, answer)."""
        self.finished = 0

    async def post(self, turn: int, path: str, body: Any, key: str) -> dict[str, Any]:
        """POST at the process whose turn it is, repeated until it is decided.

        Returns the answer.
        """
        for attempt in range(TRIES_MAX):
            api = self.at[(turn + attempt) % len(self.at)].api
            try:
                answer = await api.post(path, body, key=key)
            except httpx.TransportError:
                continue
            if answer.status_code == 503:
                assert answer.json()["retry"] == "same_key"
                await asyncio.sleep(0.05)
                continue
            assert answer.status_code in {200, 201}, f"{path}: {answer.text}"
            self.told[key] = (path, body, answer.text)
            return dict(answer.json())
        raise AssertionError(f"{path} is never answered")

    async def live(self, number: int) -> None:
        """One payment's life."""
        body = payment(self.wallet, 100, capture="manual", metadata={"n": str(number)})
        held = (await self.post(number, "/v1/payments", body, f"hold-{number}"))["id"]
        await asyncio.sleep(number % 5)  # so that a move gets in between
        path = f"/v1/payments/{held}"
        await self.post(number + 1, f"{path}/capture", {"amount": 40}, f"capture-{number}")
        await self.post(number, f"{path}/capture", {}, f"rest-{number}")
        refund = {"payment": held, "amount": 10}
        await self.post(number + 1, "/v1/refunds", refund, f"refund-{number}")
        self.finished += 1

    async def replay(self) -> None:
        """Every answer once more, from each process, under its key."""
        gate = asyncio.Semaphore(REPLAYS_AT_ONCE)
        await asyncio.gather(
            *[
                self._replay(gate, merchant, *each)
                for each in self.told.items()
                for merchant in self.at
            ]
        )

    async def _replay(
        self, gate: asyncio.Semaphore, merchant: Merchant, key: str, told: tuple[str, Any, str]
    ) -> None:
        path, body, answer = told
        async with gate:
            again = await merchant.api.post(path, body, key=key)
        assert again.text == answer
        assert again.headers["idempotent-replayed"] == "true"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Lives, one after the other in four places, for as long as the block takes."""
        stop = asyncio.Event()

        async def client(first: int) -> None:
            number = first
            while not stop.is_set():
                await self.live(number)
                number += 4

        tasks = [asyncio.create_task(client(n)) for n in range(4)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)


async def move(url: str, merchant: Merchant, region: str, folder: Path) -> int:
    """Run the command to its end, verifying the books all the while; returns how often."""
    command = ("merchants", "rehome", merchant.id, region, "--no-verify", "--json")
    times = 0
    with Process(command, folder / f"{region}.log", {"database_url": url} | SETTINGS) as mover:
        mover.spawn()
        while mover.is_running:
            findings = await verify(url, lambda *_: None)
            assert [(f.check, f.object, f.detail) for f in findings] == []
            times += 1
            await asyncio.sleep(0.5)
        assert mover.wait(MOVE_S) == 0, mover.log()
    return times


async def test_no_request_fails_during_a_move(
    database_url: str, start_api: Callable[..., ApiProcess], tmp_path: Path
) -> None:
    """Two processes under load, there and back: every request is answered, and acts once."""
    first, second = [start_api(database_url, **SETTINGS) for _ in range(2)]
    async with Api(first.url) as one, Api(second.url) as two:
        merchant = await new_merchant(one.as_(ADMIN_KEY), home_region="us", fee_bps=0)
        other = Merchant(merchant.id, merchant.key_id, two.as_(merchant.api.secret))
        merchant_id = ids.decode("merchant", merchant.id)
        wallets = [await merchant.wallet(funds=FUNDS) for _ in range(3)]
        load = Load(merchant, wallets[:2], clients=3, pause_s=PAUSE_S)
        lives = Lives([merchant, other], wallets[2])

        async with load.running(), lives.running():
            await load.until_acknowledged(30)
            verified = await move(database_url, merchant, "eu", tmp_path)
            assert set(places(database_url, merchant_id)) == {"eu"}
            await load.until_acknowledged(10)
            verified += await move(database_url, merchant, "us", tmp_path)
            load.merchant = other
            await load.until_acknowledged(10)
        await load.finish(merchant)
        await lives.replay()

        assert verified > 4
        assert lives.finished > 10
        assert set(places(database_url, merchant_id)) == {"us"}
        assert rows_in_two_regions(database_url, merchant_id) == []
        load.assert_kept(database_url)
        await load.assert_balances(FUNDS)
        assert await merchant.available(wallets[2]) == FUNDS - 90 * lives.finished
    await books.assert_in_order(database_url)
