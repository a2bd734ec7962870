"""CockroachDB's own injection of 40001, on every kind of command."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from app.base import clock, ids
from app.domains.ledger import CloseAccount, EntrySpec, MakeDeposit, MakeTransfer, OpenAccount
from app.domains.ledger import steps as ledger_steps
from app.domains.payments.commands import CapturePayment, RefundPayment, ReleasePayment
from app.domains.payments.steps import (
    capture_payments,
    open_payments,
    refund_payments,
    release_payments,
)
from app.engine.database import Step, Tx, step
from app.engine.idempotency import Answer
from tests.support import books
from tests.support.engine import query
from tests.support.stall import Stall

INJECTED = 3
EACH = 4
"""Commands in the batch that is run again."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


async def paid(stall: Stall, capture: str) -> UUID:
    """The id of a payment of 10."""
    command = stall.pay(await stall.wallet(100), 10, capture)
    await stall.run(open_payments, command)
    return command.payment_id


async def open_account(stall: Stall) -> OpenAccount:
    return OpenAccount(*stall.head(), ids.new(), "USD")


async def close_account(stall: Stall) -> CloseAccount:
    opened_ = await open_account(stall)
    await stall.run(ledger_steps.open_accounts, opened_)
    return CloseAccount(*stall.head(), opened_.account_id)


async def deposit(stall: Stall) -> MakeDeposit:
    return MakeDeposit(*stall.head(), ids.new(), await stall.wallet(1), "USD", 10)


async def transfer(stall: Stall) -> MakeTransfer:
    source, target = await stall.wallet(10), await stall.wallet(1)
    entries = [EntrySpec(source, "debit", 10), EntrySpec(target, "credit", 10)]
    return MakeTransfer(*stall.head(), ids.new(), "USD", entries)


async def pay(stall: Stall) -> Any:
    return stall.pay(await stall.wallet(10), 10)


async def capture(stall: Stall) -> CapturePayment:
    payment_id = await paid(stall, "manual")
    return CapturePayment(*stall.head(), payment_id, ids.new(), 4, final=False)


async def release(stall: Stall) -> ReleasePayment:
    return ReleasePayment(*stall.head(), await paid(stall, "manual"), ids.new())


async def refund(stall: Stall) -> RefundPayment:
    payment_id = await paid(stall, "automatic")
    return RefundPayment(*stall.head(), payment_id, ids.new(), ids.new(), 4, None, {})


KINDS: list[tuple[Step[Any, Any], Callable[[Stall], Awaitable[Any]]]] = [
    (ledger_steps.open_accounts, open_account),
    (ledger_steps.close_accounts, close_account),
    (ledger_steps.make_deposits, deposit),
    (ledger_steps.make_transfers, transfer),
    (open_payments, pay),
    (capture_payments, capture),
    (release_payments, release),
    (refund_payments, refund),
]


@pytest.mark.parametrize(("kind", "make"), KINDS, ids=[kind.name for kind, _ in KINDS])
async def test_a_batch_of_commands_rides_out_injected_retries(
    stall: Stall,
    cockroach_url: str,
    kind: Step[Any, Answer],
    make: Callable[[Stall], Awaitable[Any]],
) -> None:
    """With the cluster's own 40001 in the first runs, each command is answered and acts once."""
    commands = [await make(stall) for _ in range(EACH)]
    attempts: list[int] = []

    @step
    async def disturbed(tx: Tx, commands: Sequence[Any]) -> Sequence[Answer]:
        attempts.append(tx.attempt)
        if tx.attempt <= INJECTED:
            await tx.execute(query("SET LOCAL inject_retry_errors_enabled = true"), {})
        return await kind(tx, commands)

    receipt = await stall.group.submit(
        disturbed, "local", commands, deadline=clock.monotonic() + 60
    )
    answers = [outcome for outcome in receipt.outcomes if isinstance(outcome, Answer)]
    repeated = await stall.run(kind, *commands)

    assert attempts == list(range(1, INJECTED + 2))
    assert {answer.status // 100 for answer in answers} == {2}
    assert [(a.status, a.body) for a in repeated] == [(a.status, a.body) for a in answers]
    assert all(answer.replayed for answer in repeated)
    await books.assert_in_order(cockroach_url)
