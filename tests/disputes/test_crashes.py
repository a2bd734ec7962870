"""Processes that die while they follow a dispute, or look at one: it is booked once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.base import ids
from tests.support import books
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api
from tests.support.databases import Server, execute, rows
from tests.support.disputes import until
from tests.support.processes import ADMIN_KEY, ApiProcess, Process, WorkerProcess, free_port
from tests.support.rails import QUICK, Rails

SHORT = QUICK | {"saga_lease_ms": "500"}
FOLLOWING = (
    "BEFORE_COMMIT:kill:1",  # the doorbell is kept
    "AFTER_COMMIT_BEFORE_ANSWER:kill:1",
    "BEFORE_EXTERNAL:kill:1",
    "BEFORE_COMMIT:kill:2",  # the dispute is opened
    "AFTER_COMMIT_BEFORE_ANSWER:kill:2",
    "AFTER_EXTERNAL:kill:1",
    "BEFORE_COMMIT:kill:3",  # the doorbell is done with
    "AFTER_COMMIT_BEFORE_ANSWER:kill:3",
)
"""Around each commit of following a doorbell, and around the look at the processor."""
LOOKING = (
    "BEFORE_EXTERNAL:kill:1",
    "AFTER_EXTERNAL:kill:1",
    "BEFORE_WRITES:kill:20",
    "AFTER_COMMIT_BEFORE_ANSWER:kill:20",
    "BEFORE_COMMIT:kill:33",
)
"""Around a look; a worker's commits are many, and most of them are leases."""
DIES_S = 60  # a busy machine takes its time to start a process


class Shop:
    """A merchant with a captured payment, and the processes around it."""

    def __init__(self, url: str, folder: Path, rails: Rails, port: int) -> None:
        self.url = url
        self.rails = rails
        self._folder = folder
        self._settings = rails.settings | SHORT
        self._port = port
        self._api: ApiProcess | None = None
        self.merchant_id = self.secret = self.payment = ""

    async def open(self) -> None:
        """Make the merchant and its payment."""
        async with Api(self.start_api().url) as api:
            merchant = await new_merchant(api.as_(ADMIN_KEY))
            self.merchant_id, self.secret = merchant.id, str(merchant.api.secret)
            self.payment = (await self.rails.pay(merchant, 1_000))["id"]

    def start_api(self, **settings: str) -> ApiProcess:
        """The api at the address that the acquirer rings, instead of the one that runs."""
        self.stop()
        given = self._settings | {"port": str(self._port)} | settings
        self._api = ApiProcess(self.url, self._folder, **given).start()
        return self._api

    def worker(self, **settings: str) -> WorkerProcess:
        """A worker, which runs from now on."""
        return WorkerProcess(self.url, self._folder, **(self._settings | settings)).start()

    def stop(self) -> None:
        """End the api, if it runs."""
        if self._api is not None and self._api.is_running:
            self._api.stop()

    async def until(self, status: str) -> str:
        """The id of the payment's only dispute, once it has this state."""
        async with Api(f"http://127.0.0.1:{self._port}", self.secret) as api:
            merchant = Merchant(self.merchant_id, "", api)
            return str((await until(merchant, self.payment, status))["id"])

    def wake(self, dispute: str) -> None:
        """Let the time of the next look at a dispute be now."""
        execute(
            self.url,
            "UPDATE sagas SET next_attempt_at = now() WHERE object_id = %s AND name = 'dispute'",
            [ids.decode("dispute", dispute)],
        )

    def facts(self) -> list[str]:
        """The types of what became true of the payment's disputes, in order."""
        found = rows(
            self.url,
            "SELECT e.type FROM events AS e JOIN disputes AS d ON d.id = e.object_id"
            " WHERE d.payment_id = %s ORDER BY e.sequence",
            [ids.decode("payment", self.payment)],
        )
        return [kind for (kind,) in found]


@pytest.fixture(scope="module")
def outdoors(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The acquirer and the vault of this file."""
    folder = tmp_path_factory.mktemp("shop")
    rails = Rails(server.new_vault_database(), folder)
    port = free_port()
    rails.notify(f"http://127.0.0.1:{port}")
    rails.start()
    yield Shop(server.new_database(), folder, rails, port)
    rails.kill()


@pytest.fixture
async def shop(outdoors: Shop) -> Shop:
    """A merchant of this test, with a payment."""
    await outdoors.open()
    return outdoors


@pytest.fixture(autouse=True)
def _stop(outdoors: Shop) -> Iterator[None]:
    yield
    outdoors.rails.acquirer.script()
    outdoors.stop()


async def died(process: Process) -> None:
    """Wait until a process has died of its fault."""
    assert await asyncio.to_thread(process.wait, DIES_S) != 0, process.log()


@pytest.mark.chaos
@pytest.mark.parametrize("point", FOLLOWING)
async def test_an_api_that_dies_following_a_doorbell(point: str, shop: Shop) -> None:
    """Killed anywhere between the doorbell and its end, the dispute is opened exactly once."""
    doomed = shop.start_api(faults=point)

    shop.rails.acquirer.open_dispute(shop.payment)
    await died(doomed)

    shop.start_api()
    with shop.worker() as worker:
        await shop.until("needs_response")
        worker.stop()
    assert shop.facts() == ["dispute.opened"]
    await books.assert_in_order(shop.url)


async def lost_in_silence(shop: Shop) -> str:
    """A dispute that is lost at the processor, which tells nobody; a look at it is due."""
    opened = shop.rails.acquirer.open_dispute(shop.payment)
    dispute = await shop.until("needs_response")
    shop.rails.acquirer.script(notifications={"paused": True})
    shop.rails.acquirer.decide_dispute(opened["id"], "lost")
    shop.wake(dispute)
    return dispute


@pytest.mark.chaos
@pytest.mark.parametrize("point", LOOKING)
async def test_a_worker_that_dies_looking(point: str, shop: Shop) -> None:
    """A look that is cut off anywhere is repeated by another worker, and booked once."""
    await lost_in_silence(shop)

    with shop.worker(faults=point) as doomed:
        await died(doomed)
    with shop.worker() as worker:
        await shop.until("lost")
        worker.stop()

    assert shop.facts() == ["dispute.opened", "dispute.lost"]
    await books.assert_in_order(shop.url)


async def test_a_decision_that_nobody_told_us_of(shop: Shop) -> None:
    """With all doorbells lost a worker finds out what became of a dispute, once."""
    await lost_in_silence(shop)

    with shop.worker() as worker:
        await shop.until("lost")
        worker.stop()
    shop.rails.acquirer.script(notifications={"copies": 3})
    await shop.until("lost")

    assert shop.facts() == ["dispute.opened", "dispute.lost"]
    await books.assert_in_order(shop.url)


async def test_doorbells_in_any_number_and_order(shop: Shop) -> None:
    """Doorbells that are doubled and overtake each other open and end a dispute once."""
    shop.rails.acquirer.script(notifications={"copies": 4, "reorder_ms": 300})

    opened = shop.rails.acquirer.open_dispute(shop.payment)
    shop.rails.acquirer.decide_dispute(opened["id"], "won")

    await shop.until("won")
    await asyncio.sleep(1)  # for the copies; if they are slower still, they come to nothing too
    assert shop.facts() == ["dispute.opened", "dispute.won"]
    await books.assert_in_order(shop.url)
