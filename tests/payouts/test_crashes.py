"""Payouts whose processes die: wherever that happens, the bank pays once and it is booked once."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.support import books
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api, done
from tests.support.payouts import (
    FUNDS,
    available,
    bank_account,
    becomes,
    earn,
    in_transit,
    order,
    pay_out,
)
from tests.support.processes import ADMIN_KEY, ApiProcess, WorkerProcess
from tests.support.rails import QUICK, Rails

POINTS = (
    "BEFORE_COMMIT:kill:1",
    "AFTER_COMMIT_BEFORE_ANSWER:kill:1",
    "BEFORE_EXTERNAL:kill:1",
    "AFTER_EXTERNAL:kill:1",
    "BEFORE_COMMIT:kill:2",
    "AFTER_COMMIT_BEFORE_ANSWER:kill:2",
)
"""Around the commit that opens it, the bank's effect, and the commit that books that."""


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
async def test_an_api_dies_while_it_pays_out(
    point: str,
    stall: Merchant,
    rails: Rails,
    rails_worker: WorkerProcess,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """A worker goes on where the api died; the same request again is the same payout."""
    body = order(30_000, await bank_account(stall))
    settings = rails.settings | QUICK | {"saga_lease_ms": "500"}
    process = start_api(shared_database_url, faults=point, **settings)

    async with Api(process.url, stall.api.secret) as doomed:
        try:
            # What the client is told does not wait for the bank, so it may be told in time.
            told = (await doomed.post("/v1/payouts", body, key="the-key")).text
        except httpx.TransportError:
            told = ""
    assert process.wait() != 0

    answer = await stall.api.post("/v1/payouts", body, key="the-key")
    name = done(answer, 201)["id"]
    assert told in {"", answer.text}
    await becomes(stall, name, "in_transit")
    assert len(rails.acquirer.records("payouts", merchant=stall.id)) == 1
    rails.acquirer.settle_payout(name)
    await becomes(stall, name, "paid")
    assert (await available(stall), await in_transit(stall)) == (FUNDS - 30_000, 0)
    await books.assert_in_order(shared_database_url)


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
async def test_an_api_dies_while_it_stops_a_payout(
    point: str,
    stall: Merchant,
    rails: Rails,
    rails_worker: WorkerProcess,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """The bank is asked to stop it until it has said so, and the key's answer tells."""
    made = await pay_out(stall, 30_000, await bank_account(stall))
    await becomes(stall, made["id"], "in_transit")
    settings = rails.settings | QUICK | {"saga_lease_ms": "500"}
    process = start_api(shared_database_url, faults=point, **settings)
    path = f"/v1/payouts/{made['id']}/cancel"

    async with Api(process.url, stall.api.secret) as doomed:
        with pytest.raises(httpx.TransportError):
            await doomed.post(path, {}, key="the-key")
    assert process.wait() != 0

    answer = await stall.api.post(path, {}, key="the-key")
    assert answer.status_code in {200, 202}
    canceled = await becomes(stall, made["id"], "canceled")
    final = done(await stall.api.post(path, {}, key="the-key"), 200)
    assert final == canceled
    (there,) = rails.acquirer.records("payouts", merchant=stall.id)
    assert there["status"] == "canceled"
    assert (await available(stall), await in_transit(stall)) == (FUNDS, 0)
    await books.assert_in_order(shared_database_url)


@pytest.mark.chaos
@pytest.mark.parametrize(
    "point",
    [
        "BEFORE_EXTERNAL:kill:1",
        "AFTER_EXTERNAL:kill:1",
        "BEFORE_COMMIT:kill:2",
        "AFTER_COMMIT_BEFORE_ANSWER:kill:2",
    ],
)
async def test_a_worker_dies_while_it_pays_out(
    point: str,
    rails: Rails,
    database_url: str,
    start_api: Callable[..., ApiProcess],
    tmp_path: Path,
) -> None:
    """Another worker goes on where the first one died, around the bank's effect or a commit."""
    # An api that cannot reach the bank leaves all of it to the workers.
    process = start_api(database_url, **QUICK)
    settings = rails.settings | QUICK | {"saga_lease_ms": "500", "payout_check_ms": "200"}
    async with Api(process.url) as api:
        merchant = await new_merchant(api.as_(ADMIN_KEY), fee_bps=0, fee_fixed=0)
        await earn(merchant, FUNDS)
        made = await pay_out(merchant, 30_000, await bank_account(merchant))

        with WorkerProcess(database_url, tmp_path, faults=point, **settings).start() as doomed:
            assert doomed.wait(60) != 0
        with WorkerProcess(database_url, tmp_path, **settings).start():
            await becomes(merchant, made["id"], "in_transit")
            assert len(rails.acquirer.records("payouts", merchant=merchant.id)) == 1
            rails.acquirer.settle_payout(made["id"])
            await becomes(merchant, made["id"], "paid")
        assert (await available(merchant), await in_transit(merchant)) == (FUNDS - 30_000, 0)
    await books.assert_in_order(database_url)
