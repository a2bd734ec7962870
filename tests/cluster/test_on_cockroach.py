"""The same promises on CockroachDB: the main flows, contention, lost commits, and the books."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from app.base import ids
from app.devkit.chaos.proxy import ConnectionFault, FaultProxy
from app.domains.ledger import EntrySpec, MakeTransfer
from app.domains.ledger import steps as ledger_steps
from app.domains.payments.commands import CapturePayment, RefundPayment, ReleasePayment
from app.domains.payments.steps import (
    capture_payments,
    open_payments,
    refund_payments,
    release_payments,
)
from app.engine.database import Step
from app.engine.idempotency import Answer
from tests.support import books
from tests.support.engine import opened
from tests.support.stall import Stall

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


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
    assert statuses(await stall.run(open_payments, paid, held, gone, stall.pay(wallet, 401))) == {
        201: 3,
        402: 1,
    }

    def capture(amount: int | None) -> CapturePayment:
        return CapturePayment(*stall.head(), held.payment_id, ids.new(), amount, final=False)

    def refund(amount: int) -> RefundPayment:
        return RefundPayment(*stall.head(), paid.payment_id, ids.new(), ids.new(), amount, None, {})

    captures = await stall.run(
        capture_payments, capture(100), capture(201), capture(None), capture(1)
    )
    assert [answer.status for answer in captures] == [200, 409, 200, 409]
    release = [ReleasePayment(*stall.head(), gone.payment_id, ids.new()) for _ in range(2)]
    assert [answer.status for answer in await stall.run(release_payments, *release)] == [200, 409]
    refunds = await stall.run(refund_payments, refund(60), refund(60), refund(40))
    assert [answer.status for answer in refunds] == [201, 409, 201]
    entries = [EntrySpec(wallet, "debit", 50), EntrySpec(other, "credit", 50)]
    move = MakeTransfer(*stall.head(), ids.new(), "USD", entries)
    assert [answer.status for answer in await stall.run(ledger_steps.make_transfers, move)] == [201]

    assert await stall.available(wallet) == 1_000 - 300 - 50
    assert await stall.available(other) == 51
    await books.assert_in_order(cockroach_url)


async def test_repeated_commands_act_once(stall: Stall) -> None:
    """The same command again, later or at the same time, gets the first one's answer."""
    wallet = await stall.wallet(1_000)
    command, another = stall.pay(wallet, 100, key="order-1"), stall.pay(wallet, 100, key="order-1")

    first = await stall.run(open_payments, command)
    parallel = await asyncio.gather(*[stall.run(open_payments, command) for _ in range(8)])
    other = await stall.run(open_payments, another)

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
                where.run(open_payments, stall.pay(wallet, 100))
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
    await stall.run(open_payments, *held)

    async def race(payment_id: UUID) -> Counter[int]:
        ends: list[tuple[Step[Any, Any], Any]] = [
            (
                capture_payments,
                CapturePayment(*stall.head(), payment_id, ids.new(), None, final=True),
            ),
            (release_payments, ReleasePayment(*stall.head(), payment_id, ids.new())),
            (release_payments, ReleasePayment(*stall.head(), payment_id, ids.new(), expired=True)),
        ]
        found = await asyncio.gather(*[stall.run(flow, command) for flow, command in ends])
        return statuses([answer for [answer] in found])

    found = await asyncio.gather(*[race(command.payment_id) for command in held])

    assert found == [{200: 1, 409: 2}] * 8
    await books.assert_in_order(cockroach_url)


@pytest.mark.parametrize(
    "fault", [ConnectionFault.LOST_REQUEST, ConnectionFault.LOST_REPLY, ConnectionFault.OVERTAKEN]
)
async def test_a_lost_commit_is_found_out_and_not_guessed(
    cockroach_url: str, fault: ConnectionFault
) -> None:
    """However a COMMIT is lost on the way, every payment is answered and is there once."""
    with FaultProxy(cockroach_url) as proxy:
        async with opened(proxy.url) as database:
            stall = await Stall(database).open()
            wallet = await stall.wallet(1_000)
            commands = [stall.pay(wallet, 10) for _ in range(20)]
            proxy.arm(fault)
            found = await asyncio.gather(
                *[stall.run(open_payments, command) for command in commands]
            )
            assert statuses([answer for [answer] in found]) == {201: 20}
            assert await stall.available(wallet) == 800
    await books.assert_in_order(cockroach_url)
