"""Promise 4, for holds: posted, voided or expired, exactly one of them and only once."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from app.base import ids
from app.domains.payments.commands import ReleasePayment
from app.domains.payments.steps import release_payments
from app.engine.database import GroupCommit
from app.engine.database.faults import FaultPoint
from app.processes.flows import open_world
from app.processes.worker import Worker
from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import refused
from tests.support.databases import execute, rows
from tests.support.engine import opened
from tests.support.processes import WorkerProcess

ENDS = ("capture", "cancel", "expire")


def make_due(url: str, payment_ids: list[str]) -> None:
    """Let the holds of some payments have expired a moment ago, and no worker be at them."""
    execute(url, "DELETE FROM leases")
    uuids = [ids.decode("payment", payment_id) for payment_id in payment_ids]
    execute(
        url,
        "UPDATE holds SET expires_at = now() - INTERVAL '1 second' WHERE payment_id = ANY(%s)",
        [uuids],
    )


def ends(url: str, payment_ids: list[str]) -> Counter[tuple[str, ...]]:
    """How often which sequence of transfers ended the holds of some payments."""
    uuids = [ids.decode("payment", payment_id) for payment_id in payment_ids]
    found: dict[UUID, list[str]] = {uuid: [] for uuid in uuids}
    for payment_id, kind in rows(
        url,
        "SELECT payment_id, kind FROM transfers WHERE payment_id = ANY(%s) AND kind <> 'pending'"
        " ORDER BY id",
        [uuids],
    ):
        found[payment_id].append(kind)
    return Counter(map(tuple, found.values()))


async def expire(url: str, merchant: Merchant, payment_id: str) -> int:
    """What the worker does with one hold, at once; the status of its answer."""
    async with opened(url) as database:
        command = ReleasePayment(
            region="local",
            merchant_id=ids.decode("merchant", merchant.id),
            intent=None,
            correlation_id="req_expiry",
            former_region=None,
            payment_id=ids.decode("payment", payment_id),
            transfer_id=ids.new(),
            expired=True,
        )
        receipt = await GroupCommit(database).submit(release_payments, "local", [command])
        return receipt.only().status


async def end(url: str, merchant: Merchant, payment_id: str, how: str) -> int:
    """End a hold; the status of the answer."""
    if how == "expire":
        return await expire(url, merchant, payment_id)
    return (await merchant.api.post(f"/v1/payments/{payment_id}/{how}")).status_code


@pytest.mark.parametrize("second", ENDS)
@pytest.mark.parametrize("first", ENDS)
async def test_an_end_is_the_end(
    merchant: Merchant, shared_database_url: str, first: str, second: str
) -> None:
    """After a hold was posted, voided or expired, each further end is refused."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 400)

    statuses = [
        await end(shared_database_url, merchant, held["id"], how) for how in (first, second)
    ]

    kind = {"capture": "post", "cancel": "void", "expire": "expire"}[first]
    state = {"capture": "captured", "cancel": "canceled", "expire": "expired"}[first]
    assert statuses == [200, 409]
    assert (await merchant.read(held["id"]))["status"] == state
    assert ends(shared_database_url, [held["id"]]) == {(kind,): 1}
    balance = await merchant.balance(wallet)
    assert (balance["pending"], balance["available"]) == (0, 600 if first == "capture" else 1_000)


async def test_all_ends_at_once(merchant: Merchant, shared_database_url: str) -> None:
    """Of capture, cancel and expiry racing for one hold, from two processes, one wins."""
    wallet = await merchant.wallet(funds=1_000)
    held = [(await merchant.authorize(wallet, 50))["id"] for _ in range(8)]

    async def race(payment_id: str) -> list[int]:
        racing = [end(shared_database_url, merchant, payment_id, how) for how in ENDS]
        return sorted(await asyncio.gather(*racing))

    assert await asyncio.gather(*map(race, held)) == [[200, 409, 409]] * 8
    found = ends(shared_database_url, held)
    assert set(found) <= {("post",), ("void",), ("expire",)}
    assert found.total() == 8
    assert await merchant.available(wallet) == 1_000 - 50 * found["post",]


async def test_parts_and_then_the_end(merchant: Merchant, shared_database_url: str) -> None:
    """A hold captured in parts ends once as well, and the rest goes back."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 400)
    await merchant.capture(held["id"], amount=100)
    await merchant.capture(held["id"], amount=150)

    assert await expire(shared_database_url, merchant, held["id"]) == 200
    late = await merchant.api.post(f"/v1/payments/{held['id']}/capture", {"amount": 1})

    refused(late, 409, "payment_not_capturable")
    assert ends(shared_database_url, [held["id"]]) == {("post", "post", "expire"): 1}
    assert (await merchant.read(held["id"]))["status"] == "captured"
    assert await merchant.available(wallet) == 750


@pytest.fixture
def start_worker(
    shared_database_url: str, tmp_path: Path
) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers on the shared database."""
    started: list[WorkerProcess] = []

    def start(**settings: str) -> WorkerProcess:
        process = WorkerProcess(shared_database_url, tmp_path, sweep_interval_ms="100", **settings)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.kill()


async def test_the_worker_expires_what_is_due_and_nothing_else(
    merchant: Merchant, shared_database_url: str
) -> None:
    """Holds whose time has come are given back by a round of the worker; others stay."""
    wallet = await merchant.wallet(funds=1_000)
    held = [(await merchant.authorize(wallet, 100))["id"] for _ in range(4)]
    make_due(shared_database_url, held[:3])

    async with opened(shared_database_url) as database, open_world(database) as world:
        worker = Worker(world)
        await worker.expire_holds()
        await worker.expire_holds()

    states = [(await merchant.read(payment_id))["status"] for payment_id in held]
    assert states == ["expired", "expired", "expired", "authorized"]
    assert await merchant.available(wallet) == 900
    types = [event["type"] for event in await merchant.api.all("/v1/events", object=held[0])]
    assert types == ["payment.expired", "payment.authorized"]


@pytest.mark.chaos
@pytest.mark.parametrize("point", [FaultPoint.BEFORE_SWEEP, FaultPoint.AFTER_SWEEP])
async def test_a_worker_killed_while_expiring_expires_once(
    merchant: Merchant,
    shared_database_url: str,
    start_worker: Callable[..., WorkerProcess],
    point: FaultPoint,
) -> None:
    """What a worker that died has left, the next one expires; what it had done stays done."""
    wallet = await merchant.wallet(funds=1_000)
    held = [(await merchant.authorize(wallet, 10))["id"] for _ in range(20)]
    make_due(shared_database_url, held)

    first = start_worker(faults=f"{point}:kill:2")
    await asyncio.to_thread(first.wait, 60)
    execute(shared_database_url, "DELETE FROM leases")
    async with opened(shared_database_url) as database, open_world(database) as world:
        await Worker(world).expire_holds()

    assert ends(shared_database_url, held) == {("expire",): 20}
    assert await merchant.available(wallet) == 1_000
    await books.assert_in_order(shared_database_url)
