"""Promise 5, second half: nobody decides in place of a processor that does not answer."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import pytest

from app.base import ids
from tests.support.builders import Merchant
from tests.support.client import done
from tests.support.databases import execute, rows
from tests.support.flows import Start, finish
from tests.support.processes import WorkerProcess
from tests.support.rails import Rails

WAIT_S = 40  # a few hundred times what it takes
FAULTS = ("timeout_before", "timeout_after", "500_before", "500_after", "drop_before", "drop_after")
"""The request or its answer is lost; the api cannot tell which."""


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to be true."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not await what():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)


async def until_status(merchant: Merchant, payment_id: str, *statuses: str) -> str:
    """The status of a payment, once it is one of these."""

    async def is_there() -> bool:
        return (await merchant.read(payment_id))["status"] in statuses

    await until(is_there)
    return str((await merchant.read(payment_id))["status"])


async def owed(merchant: Merchant) -> tuple[int, int]:
    """(posted, pending) of what the processor owes a merchant."""
    found = await merchant.balance(await merchant.own_account("processor_receivable"))
    return found["posted"], found["pending"]


def facts(url: str, payment_id: str) -> list[str]:
    """What happened to a payment, in order."""
    found = rows(
        url,
        "SELECT type FROM events WHERE object_id = %s ORDER BY sequence",
        [ids.decode("payment", payment_id)],
    )
    return [row[0] for row in found]


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_authorization_ends_as_the_processor_has_it(
    fault: str,
    rails: Rails,
    rails_worker: WorkerProcess,
    merchant: Merchant,
    shared_database_url: str,
) -> None:
    """Whatever of a charge is lost, it is made once, and never told as declined on the way."""
    answer = await rails.send(merchant, 900, fault=fault, prefer="respond-async")
    payment = done(answer, 202)["id"]

    assert await until_status(merchant, payment, "captured", "declined", "failed") == "captured"

    assert facts(shared_database_url, payment) == ["payment.processing", "payment.captured"]
    (there,) = rails.acquirer.records("authorizations", merchant=merchant.id)
    assert (there["reference"], there["captured_amount"]) == (payment, 900)
    assert await owed(merchant) == (900, 0)


@pytest.mark.parametrize("fault", ["timeout_after", "500_before", "drop_after"])
@pytest.mark.parametrize("operation", ["capture", "refund", "reversal"])
async def test_an_operation_ends_as_the_processor_has_it(
    operation: str, fault: str, rails: Rails, rails_worker: WorkerProcess, merchant: Merchant
) -> None:
    """A capture, refund or cancellation whose answer was lost is made once, there and here."""
    capture = "automatic" if operation == "refund" else "manual"
    payment = (await rails.pay(merchant, 900, capture=capture))["id"]
    start = {
        "capture": Start(f"/v1/payments/{payment}/capture", {"amount": 300}),
        "refund": Start("/v1/refunds", {"payment": payment, "amount": 300}),
        "reversal": Start(f"/v1/payments/{payment}/cancel", {}),
    }[operation]

    rails.acquirer.fail_next(fault, operation=operation)
    await finish(merchant, start, "the-key")

    there = rails.acquirer.authorization(payment)
    expected = {"capture": (300, 0), "refund": (900, 300), "reversal": (0, 0)}[operation]
    assert (there["captured_amount"], there["refunded_amount"]) == expected
    here = await merchant.read(payment)
    assert (here["amount_captured"], here["amount_refunded"]) == expected
    assert (there["status"] == "voided") == (here["status"] == "canceled")
    posted = expected[0] - expected[1]
    assert await owed(merchant) == (posted, 600 if operation == "capture" else 0)


async def test_the_next_operation_asks_at_once(
    rails: Rails, rails_worker: WorkerProcess, merchant: Merchant
) -> None:
    """A capture of what nobody knows yet finds out, and needs no second request."""
    answer = await rails.send(
        merchant, 900, fault="timeout_after", prefer="respond-async", capture="manual"
    )
    payment = done(answer, 202)["id"]

    captured = await merchant.capture(payment, amount=200, final=True)

    assert (captured["status"], captured["amount_captured"]) == ("captured", 200)
    assert rails.acquirer.authorization(payment)["captured_amount"] == 200


async def test_the_money_is_held_while_nobody_knows(
    rails: Rails, rails_worker: WorkerProcess, merchant: Merchant
) -> None:
    """As long as a processor is silent nothing is given back; a cancellation is kept for later."""
    rails.card(merchant)
    rails.acquirer.send(signal.SIGSTOP)
    try:
        payment = done(await rails.send(merchant, 900, prefer="respond-async"), 202)["id"]
        path = f"/v1/payments/{payment}/cancel"
        answer = await merchant.api.post(path, key="the-key", prefer="wait=6")
        silent = (await merchant.read(payment))["status"], await owed(merchant)
    finally:
        rails.acquirer.send(signal.SIGCONT)

    assert answer.status_code == 202
    assert silent == ("processing", (0, 900))
    await finish(merchant, Start(path, None), "the-key")
    assert (await merchant.read(payment))["status"] == "canceled"
    there = rails.acquirer.authorization(payment)
    assert there["captured_amount"] == there["refunded_amount"]
    assert await owed(merchant) == (0, 0)


@pytest.mark.parametrize(("part", "status"), [(0, "expired"), (300, "captured")])
async def test_an_authorization_expires(
    part: int,
    status: str,
    rails: Rails,
    rails_worker: WorkerProcess,
    merchant: Merchant,
    shared_database_url: str,
) -> None:
    """What is not captured in time is void there too; what was captured stays."""
    payment = (await rails.pay(merchant, 900, capture="manual"))["id"]
    if part:
        await merchant.capture(payment, amount=part)
    execute(
        shared_database_url,
        "UPDATE holds SET expires_at = now() - INTERVAL '1 second' WHERE payment_id = %s",
        [ids.decode("payment", payment)],
    )

    assert await until_status(merchant, payment, "expired", "captured") == status

    assert await owed(merchant) == (part, 0)
    there = rails.acquirer.authorization(payment)
    assert there["captured_amount"] == part
    assert there["status"] == ("voided" if part == 0 else there["status"])
    refused = rails.acquirer.client.post(
        f"/v1/authorizations/{payment}/captures",
        json={"reference": f"cap_{payment}", "amount": 1, "final": False},
    )
    assert refused.status_code != 200 or refused.json()["status"] == "declined"
