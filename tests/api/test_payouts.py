"""POST and GET /v1/payouts, and their approval; what banks make of them is in tests/payouts."""

import asyncio
from collections import Counter
from typing import Any

import pytest_asyncio

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import Api, done, refused
from tests.support.payouts import (
    LIMIT,
    available,
    bank_account,
    earn,
    in_transit,
    order,
    pay_out,
    second_key,
)
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "po_01j9x6f9k2e6s8v3b7d5m4n1qz"
NO_ACCOUNT = "ba_01j9x6f9k2e6s8v3b7d5m4n1qz"


@pytest_asyncio.fixture
async def stall(new_merchant: NewMerchant) -> Merchant:
    """A merchant without fees, and 1,000.00 available."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=0)
    await earn(merchant, 100_000)
    return merchant


async def test_one_is_made(stall: Merchant) -> None:
    """A payout is answered at once, and its money is not available any more."""
    to = await bank_account(stall)
    body = order(60_000, to, description="January", metadata={"month": "1"})

    answer = await stall.api.post("/v1/payouts", body)

    made = done(answer, 201)
    told = {
        "status": "pending",
        "amount": 60_000,
        "currency": "EUR",
        "bank_account": to,
        "failure_code": None,
        "created_by": stall.key_id,
        "approved_by": None,
        "description": "January",
        "metadata": {"month": "1"},
        "correlation_id": answer.headers["x-request-id"],
        "object": "payout",
    }
    assert {name: made[name] for name in told} == told
    assert (await available(stall), await in_transit(stall)) == (40_000, 60_000)
    read = done(await stall.api.get(f"/v1/payouts/{made['id']}"))
    assert (read["id"], read["amount"]) == (made["id"], 60_000)
    # The oldest: where a bank answers, the payout is on its way by now.
    (*_, event) = [e for e in await stall.api.all("/v1/events") if e["type"].startswith("payout")]
    assert (event["type"], event["data"]) == ("payout.created", made)


async def test_a_repeated_request_pays_out_once(stall: Merchant) -> None:
    """The same key gets the same answer, byte for byte."""
    to = await bank_account(stall)

    answers = await asyncio.gather(
        *[stall.api.post("/v1/payouts", order(10_000, to), key="once") for _ in range(4)]
    )

    assert len({answer.text for answer in answers}) == 1
    assert await available(stall) == 90_000


async def test_two_of_the_same_money(stall: Merchant) -> None:
    """Of payouts that ask for the same money at once, as many are made as there is money for."""
    to = await bank_account(stall)

    answers = await asyncio.gather(
        *[stall.api.post("/v1/payouts", order(60_000, to)) for _ in range(6)]
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 402: 5}
    assert (await available(stall), await in_transit(stall)) == (40_000, 60_000)


@table("""
    account  amount  currency  status  code
    none     999999       EUR     404  bank_account_not_found   -- before the money
    other     10000       EUR     404  bank_account_not_found
    own      100001       EUR     402  insufficient_funds
    own           1       USD     402  insufficient_funds       -- it has euros
    own      100000       EUR     201  -
""")
async def test_refusals(stall: Merchant, new_merchant: NewMerchant, tally: Tally, row: Row) -> None:
    """A refusal is the first that applies, and moves nothing."""
    to = NO_ACCOUNT
    if row.account != "none":
        to = await bank_account(stall if row.account == "own" else await new_merchant())
    before = tally.of(stall.id)

    answer = await stall.api.post("/v1/payouts", order(row.amount, to, currency=row.currency))

    if row.code is None:
        done(answer, row.status)
    else:
        refused(answer, row.status, row.code)
        before["idempotency_keys"] += 1
        assert tally.of(stall.id) == before


@table("""
    field         value
    amount        0
    amount        -1
    currency      EURO
    bank_account  acct_1
    iban          DE89370400440532013000
""")
async def test_malformed_requests_are_refused(stall: Merchant, row: Row) -> None:
    """What no payout can be asks for nothing."""
    body = order(100, NO_ACCOUNT) | {row.field: row.value}

    problem = refused(await stall.api.post("/v1/payouts", body), 400, "invalid_body")

    assert [fault["pointer"] for fault in problem["errors"]] == [f"/{row.field}"]


@pytest_asyncio.fixture
async def large(new_merchant: NewMerchant) -> tuple[Merchant, dict[str, Any]]:
    """A merchant, and a payout of its that requires approval."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=0)
    await earn(merchant, LIMIT + 1)
    return merchant, await pay_out(merchant, LIMIT + 1, await bank_account(merchant))


async def test_a_large_one_waits_for_another_key(
    large: tuple[Merchant, dict[str, Any]], admin: Api
) -> None:
    """Above the limit the money is set aside, and goes when another key says so."""
    merchant, made = large
    other = await second_key(merchant, admin)
    assert made["status"] == "requires_approval"
    assert (await available(merchant), await in_transit(merchant)) == (0, LIMIT + 1)

    answer = await other.api.post(f"/v1/payouts/{made['id']}/approve", {})

    approved = done(answer, 200)
    assert approved["status"] == "pending"
    assert (approved["created_by"], approved["approved_by"]) == (merchant.key_id, other.key_id)
    (event, *_) = [e for e in await merchant.api.all("/v1/events") if e["data"] == approved]
    assert event["type"] == "payout.approved"


async def test_the_same_key_does_not_approve(
    large: tuple[Merchant, dict[str, Any]], admin: Api
) -> None:
    """Whoever asked cannot approve, before nor after another key has."""
    merchant, made = large
    path = f"/v1/payouts/{made['id']}/approve"

    refused(await merchant.api.post(path, {}), 409, "approval_by_same_key")
    other = await second_key(merchant, admin)
    done(await other.api.post(path, {}), 200)

    refused(await merchant.api.post(path, {}), 409, "payout_not_approvable")
    refused(await other.api.post(path, {}), 409, "payout_not_approvable")


async def test_two_approvals_at_once(large: tuple[Merchant, dict[str, Any]], admin: Api) -> None:
    """Of approvals by two keys at once one lets the payout go."""
    merchant, made = large
    keys = [await second_key(merchant, admin) for _ in range(2)]

    answers = await asyncio.gather(
        *[key.api.post(f"/v1/payouts/{made['id']}/approve", {}) for key in keys]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_what_waits_for_approval_is_canceled_at_once(
    large: tuple[Merchant, dict[str, Any]], admin: Api
) -> None:
    """The bank has nothing of it, so the money is available again, and nobody approves it."""
    merchant, made = large
    path = f"/v1/payouts/{made['id']}"

    canceled = done(await merchant.api.post(f"{path}/cancel", {}), 200)

    assert canceled["status"] == "canceled"
    assert (await available(merchant), await in_transit(merchant)) == (LIMIT + 1, 0)
    other = await second_key(merchant, admin)
    refused(await other.api.post(f"{path}/approve", {}), 409, "payout_not_approvable")
    refused(await merchant.api.post(f"{path}/cancel", {}), 409, "payout_not_cancelable")


async def test_approval_and_cancellation_at_once(
    large: tuple[Merchant, dict[str, Any]], admin: Api
) -> None:
    """One of the two comes first, and the money is where its payout says."""
    merchant, made = large
    other = await second_key(merchant, admin)
    path = f"/v1/payouts/{made['id']}"

    approval, cancellation = await asyncio.gather(
        other.api.post(f"{path}/approve", {}),
        merchant.api.post(f"{path}/cancel", {}),
    )

    status = done(await merchant.api.get(path))["status"]
    if (approval.status_code, cancellation.status_code) == (200, 200):
        # The bank had it, and stopped it.
        assert status == "canceled"
        assert await available(merchant) == LIMIT + 1
    elif approval.status_code == 200:
        # Whether the bank had it was not known then.
        assert cancellation.status_code in {409, 503}
        assert status not in {"requires_approval", "canceled"}
        assert await available(merchant) == 0
    else:
        assert (cancellation.status_code, status) == (200, "canceled")
        assert await available(merchant) == LIMIT + 1


@table("""
    command
    approve
    cancel
""")
async def test_commands_on_what_is_not_there(
    merchant: Merchant, large: tuple[Merchant, dict[str, Any]], row: Row
) -> None:
    """A payout that does not exist, or is another merchant's, is not found."""
    _, foreign = large
    for name in (UNKNOWN, foreign["id"]):
        path = f"/v1/payouts/{name}/{row.command}"
        refused(await merchant.api.post(path, {}), 404, "payout_not_found")
    refused(await merchant.api.get(f"/v1/payouts/{foreign['id']}"), 404, "payout_not_found")


async def test_lists(stall: Merchant) -> None:
    """Payouts are listed newest first, all of them or those in one state."""
    to = await bank_account(stall)
    await earn(stall, 2 * LIMIT)
    large = [await pay_out(stall, LIMIT + n, to) for n in (1, 2)]
    small = await pay_out(stall, 1, to)
    canceled = done(await stall.api.post(f"/v1/payouts/{large[0]['id']}/cancel", {}), 200)

    every = await stall.api.all("/v1/payouts")
    waiting = await stall.api.all("/v1/payouts", status="requires_approval")
    paid = await stall.api.all("/v1/payouts", status="paid")

    assert [payout["id"] for payout in every] == [p["id"] for p in (small, large[1], large[0])]
    assert waiting == [large[1]]
    assert await stall.api.all("/v1/payouts", status="canceled") == [canceled]
    assert paid == []
    refused(await stall.api.get("/v1/payouts", {"status": "lost"}), 400, "invalid_parameter")
