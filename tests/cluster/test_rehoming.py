"""A merchant moves on CockroachDB while payments go on."""

import asyncio
from typing import Any

import msgspec
import pytest

from app.base import clock, ids
from app.domains.ledger import MakeDeposit, OpenAccount
from app.domains.ledger import steps as ledger_steps
from app.domains.merchants.admin import create_merchant, get_merchant
from app.domains.payments.commands import CapturePayment, OpenPayment
from app.domains.payments.steps import capture_payments, open_payments
from app.engine.database import GroupCommit, Step
from app.engine.idempotency import Answer, intent
from app.operate.rehoming import TABLES, move
from tests.rehoming.support import places, rows_in_two_regions
from tests.support import books
from tests.support.engine import opened
from tests.verify.history import make_history

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

PAYMENTS = 40
DEADLINE_S = 15.0  # of a payment; nobody may act on an old home for longer than the spread


async def test_every_table_moves(cockroach_url: str) -> None:
    """A history of everything goes there and back, and the books are in order at each end."""
    history = await make_history(cockroach_url)
    merchant = history.names["merchant_2"]
    before = places(cockroach_url, merchant)["local"]
    assert set(before) == {table.name for table in TABLES}

    async with opened(cockroach_url) as database:
        for region in ("eu", "local"):
            mover = move._Move(database, merchant, region, lambda *_: None)
            mover._spread_s = 0.0
            assert (await mover.run()).rows == before
            assert places(cockroach_url, merchant) == {region: before}
            await books.assert_in_order(cockroach_url)


async def test_a_move_under_load(cockroach_url: str) -> None:
    """Payments of processes that learn of the move at other times act once, and none is lost."""
    async with opened(cockroach_url) as database:
        merchant = await create_merchant(database, name="stall", home_region="us", fee_bps=0)
        groups = [GroupCommit(database) for _ in range(2)]
        seen = [merchant, merchant]

        async def ask(process: int, step: Step[Any, Answer], key: str, command: Any) -> Answer:
            known = seen[process]
            command = msgspec.structs.replace(
                command, region=known.home_region, former_region=known.former_region,
                intent=intent(key, "POST", "/", "{}"),
            )  # fmt: skip
            deadline = clock.monotonic() + DEADLINE_S
            receipt = await groups[process].submit(
                step, command.region, [command], deadline=deadline
            )
            return receipt.only()

        async def learn(process: int, stop: asyncio.Event) -> None:
            while not stop.is_set():
                seen[process] = await get_merchant(database, merchant.id)
                await asyncio.sleep(0.3 + process)  # the second is always late

        head = ("", merchant.id, None, "req_1", None)
        wallet = ids.new()
        await ask(0, ledger_steps.open_accounts, "w", OpenAccount(*head, wallet, "USD"))
        await ask(
            0, ledger_steps.make_deposits, "d", MakeDeposit(*head, ids.new(), wallet, "USD", 10_000)
        )

        async def life(number: int) -> tuple[int, int, bool]:
            payment = OpenPayment(
                *head, ids.new(), ids.new(), wallet, 10, "USD", "manual", None, {"n": "x"}, 0, 0
            )
            process = number % 2
            held = await ask(process, open_payments, f"hold-{number}", payment)
            await asyncio.sleep(0.05 * number)
            capture = CapturePayment(*head, payment.payment_id, ids.new(), None, final=True)
            taken = await ask(1 - process, capture_payments, f"take-{number}", capture)
            again = await ask(process, capture_payments, f"take-{number}", capture)
            return held.status, taken.status, again.replayed and again.body == taken.body

        stop = asyncio.Event()
        learners = [asyncio.create_task(learn(process, stop)) for process in range(2)]
        lives = asyncio.gather(*[life(number) for number in range(PAYMENTS)])
        mover = move._Move(database, merchant.id, "eu", lambda *_: None)
        mover._spread_s = DEADLINE_S + 5.0  # and what the late one needs to learn
        await mover.run()
        told = await lives
        stop.set()
        await asyncio.gather(*learners)

    assert told == [(201, 200, True)] * PAYMENTS
    assert set(places(cockroach_url, merchant.id)) == {"eu"}
    assert rows_in_two_regions(cockroach_url, merchant.id) == []
    await books.assert_in_order(cockroach_url)
