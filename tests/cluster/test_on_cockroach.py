"""The same promises on CockroachDB: the main flows, contention, injected retries, and the books."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from app import clock, idempotency, ids
from app.chaos.proxy import Fault, FaultProxy
from app.database import Database, GroupCommit, Tx
from app.idempotency import Answer, Intent
from app.ledger import EntrySpec, MakeDeposit, MakeTransfer, OpenAccount, reads
from app.ledger import saga as ledger_saga
from app.merchants import admin
from app.payments.commands import open_payments
from app.payments.inputs import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.payments.saga import CAPTURE, PAYMENT, REFUND, RELEASE
from app.saga import Saga
from tests.support import books
from tests.support.engine import opened, query

INJECTED = 3

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


class Stall:
    """A merchant without fees, driven through the product's own flows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.group = GroupCommit(database)
        self.merchant = ids.NIL

    async def open(self) -> "Stall":
        """Record the merchant."""
        self.merchant = (
            await admin.create_merchant(self.database, name="stall", home_region="local")
        ).id
        return self

    def head(self, key: str | None = None) -> tuple[str, UUID, Intent, str]:
        """What every command begins with."""
        intent = idempotency.intent(key or str(uuid4()), "POST", "/", "{}")
        return "local", self.merchant, intent, "req_1"

    async def run(self, flow: Saga[Any], *commands: Any) -> list[Answer]:
        """The answers to some commands."""
        receipt = await flow.run(self.group, "local", commands, deadline=clock.monotonic() + 60)
        answers = [outcome for outcome in receipt.outcomes if isinstance(outcome, Answer)]
        assert len(answers) == len(commands), receipt.outcomes
        return answers

    async def wallet(self, funds: int) -> UUID:
        """A wallet with money in it."""
        wallet = ids.new()
        await self.run(ledger_saga.ACCOUNT, OpenAccount(*self.head(), wallet, "USD"))
        deposit = MakeDeposit(*self.head(), ids.new(), wallet, "USD", funds)
        await self.run(ledger_saga.DEPOSIT, deposit)
        return wallet

    def pay(
        self, wallet: UUID, amount: int, capture: str = "automatic", key: str | None = None
    ) -> OpenPayment:
        """A payment's command."""
        return OpenPayment(
            *self.head(key), ids.new(), ids.new(), wallet, amount, "USD", capture, None,
            {"table": "7"}, 0, 0,
        )  # fmt: skip

    async def available(self, wallet: UUID) -> int:
        """What can be spent."""
        row = await reads.find_account(self.database, "local", self.merchant, wallet)
        assert row is not None
        return row.account.available_minor


@pytest_asyncio.fixture
async def stall(cockroach_url: str) -> AsyncIterator[Stall]:
    """A merchant on the cluster."""
    async with opened(cockroach_url) as database:
        yield await Stall(database).open()


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


async def test_the_main_flows(stall: Stall, cockroach_url: str) -> None:
    """Open, capture in parts, cancel, refund and move money, with every refusal on the way."""
    wallet, other = await stall.wallet(1_000), await stall.wallet(1)
    paid, held, gone = (
        stall.pay(wallet, 100),
        stall.pay(wallet, 300, "manual"),
        stall.pay(wallet, 200, "manual"),
    )
    assert statuses(await stall.run(PAYMENT, paid, held, gone, stall.pay(wallet, 401))) == {
        201: 3,
        402: 1,
    }

    def capture(amount: int | None) -> CapturePayment:
        return CapturePayment(*stall.head(), held.payment_id, ids.new(), amount, final=False)

    def refund(amount: int) -> RefundPayment:
        return RefundPayment(*stall.head(), paid.payment_id, ids.new(), ids.new(), amount, None, {})

    captures = await stall.run(CAPTURE, capture(100), capture(201), capture(None), capture(1))
    assert [answer.status for answer in captures] == [200, 409, 200, 409]
    release = [ReleasePayment(*stall.head(), gone.payment_id, ids.new()) for _ in range(2)]
    assert [answer.status for answer in await stall.run(RELEASE, *release)] == [200, 409]
    refunds = await stall.run(REFUND, refund(60), refund(60), refund(40))
    assert [answer.status for answer in refunds] == [201, 409, 201]
    entries = [EntrySpec(wallet, "debit", 50), EntrySpec(other, "credit", 50)]
    move = MakeTransfer(*stall.head(), ids.new(), "USD", entries)
    assert [answer.status for answer in await stall.run(ledger_saga.TRANSFER, move)] == [201]

    assert await stall.available(wallet) == 1_000 - 300 - 50
    assert await stall.available(other) == 51
    await books.assert_in_order(cockroach_url)


async def test_repeated_commands_act_once(stall: Stall) -> None:
    """The same command again, later or at the same time, gets the first one's answer."""
    wallet = await stall.wallet(1_000)
    command, another = stall.pay(wallet, 100, key="order-1"), stall.pay(wallet, 100, key="order-1")

    first = await stall.run(PAYMENT, command)
    parallel = await asyncio.gather(*[stall.run(PAYMENT, command) for _ in range(8)])
    other = await stall.run(PAYMENT, another)

    answers = [answer for [answer] in [*parallel, other]]
    assert {(a.status, a.body, a.replayed) for a in answers} == {(201, first[0].body, True)}
    assert await stall.available(wallet) == 900


async def test_sixty_four_payments_race_for_one_wallet(stall: Stall, cockroach_url: str) -> None:
    """From two processes at once as many are paid as there is money for, and none is lost."""
    wallet = await stall.wallet(32 * 100)

    async with opened(cockroach_url) as second:
        beside = Stall(second)
        beside.merchant = stall.merchant
        found = await asyncio.gather(
            *[
                where.run(PAYMENT, stall.pay(wallet, 100))
                for _ in range(32)
                for where in (stall, beside)
            ]
        )

    assert statuses([answer for [answer] in found]) == {201: 32, 402: 32}
    assert await stall.available(wallet) == 0
    await books.assert_in_order(cockroach_url)


async def test_holds_race_for_their_end(stall: Stall, cockroach_url: str) -> None:
    """Of capture, cancel and expiry at the same time one ends each hold."""
    wallet = await stall.wallet(1_000)
    held = [stall.pay(wallet, 100, "manual") for _ in range(8)]
    await stall.run(PAYMENT, *held)

    async def race(payment_id: UUID) -> Counter[int]:
        ends: list[tuple[Saga[Any], Any]] = [
            (CAPTURE, CapturePayment(*stall.head(), payment_id, ids.new(), None, final=True)),
            (RELEASE, ReleasePayment(*stall.head(), payment_id, ids.new())),
            (RELEASE, ReleasePayment(*stall.head(), payment_id, ids.new(), expired=True)),
        ]
        found = await asyncio.gather(*[stall.run(flow, command) for flow, command in ends])
        return statuses([answer for [answer] in found])

    found = await asyncio.gather(*[race(command.payment_id) for command in held])

    assert found == [{200: 1, 409: 2}] * 8
    await books.assert_in_order(cockroach_url)


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_REPLY, Fault.OVERTAKEN])
async def test_a_lost_commit_is_found_out_and_not_guessed(cockroach_url: str, fault: Fault) -> None:
    """However a COMMIT is lost on the way, every payment is answered and is there once."""
    with FaultProxy(cockroach_url) as proxy:
        async with opened(proxy.url) as database:
            stall = await Stall(database).open()
            wallet = await stall.wallet(1_000)
            commands = [stall.pay(wallet, 10) for _ in range(20)]
            proxy.arm(fault)
            found = await asyncio.gather(*[stall.run(PAYMENT, command) for command in commands])
            assert statuses([answer for [answer] in found]) == {201: 20}
            assert await stall.available(wallet) == 800
    await books.assert_in_order(cockroach_url)


async def test_injected_retry_errors_are_ridden_out(stall: Stall, cockroach_url: str) -> None:
    """With the cluster's own injection of 40001 on, work runs again until it commits."""
    wallet = await stall.wallet(1_000)
    attempts: list[int] = []

    async def step(tx: Tx, commands: Sequence[OpenPayment]) -> list[Answer]:
        attempts.append(tx.attempt)
        if tx.attempt <= INJECTED:
            await tx.execute(query("SET LOCAL inject_retry_errors_enabled = true"), {})
        return await open_payments(tx, commands)

    commands = [stall.pay(wallet, 10) for _ in range(10)]
    receipt = await stall.group.submit(step, "local", commands, deadline=clock.monotonic() + 60)

    assert statuses([o for o in receipt.outcomes if isinstance(o, Answer)]) == {201: 10}
    assert attempts == list(range(1, INJECTED + 2))
    assert await stall.available(wallet) == 900
    await books.assert_in_order(cockroach_url)
