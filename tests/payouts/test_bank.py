"""Payouts at the bank: paid, refused, stopped, returned, and whatever a bank says or does not."""

import asyncio
from collections.abc import Callable

import pytest

from app.operate.trace import trace
from tests.conftest import NewMerchant
from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import Api, done, refused
from tests.support.payouts import (
    FUNDS,
    IBAN,
    LIMIT,
    assert_at_rest,
    available,
    bank_account,
    becomes,
    earn,
    in_transit,
    order,
    pay_out,
    second_key,
    story,
)
from tests.support.processes import ApiProcess
from tests.support.rails import QUICK, Rails
from tests.support.tables import Row, table


@pytest.fixture(autouse=True)
def _bank(bank: Rails) -> None:
    """Each test needs one."""


async def sent(stall: Merchant, amount: int = 40_000) -> str:
    """A payout that the bank has."""
    made = await pay_out(stall, amount, await bank_account(stall))
    await becomes(stall, made["id"], "in_transit")
    return str(made["id"])


async def test_it_is_paid(stall: Merchant, rails: Rails, shared_database_url: str) -> None:
    """The bank gets one order under the payout's own name, and its word ends the payout."""
    name = await sent(stall)
    assert (await available(stall), await in_transit(stall)) == (FUNDS - 40_000, 40_000)
    (there,) = rails.acquirer.records("payouts", merchant=stall.id)
    assert {key: there[key] for key in ("reference", "amount", "currency", "iban", "name")} == {
        "reference": name,
        "amount": 40_000,
        "currency": "EUR",
        "iban": IBAN,
        "name": "Ada Obi",
    }

    rails.acquirer.settle_payout(name, "pay")

    await becomes(stall, name, "paid")
    assert await story(stall, name) == ["created", "in_transit", "paid"]
    await assert_at_rest(stall, left=FUNDS - 40_000, url=shared_database_url)


async def test_its_journey_is_traced(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """A request's trace tells what became of its payout, and what moved."""
    name = await sent(stall)
    rails.acquirer.settle_payout(name)
    paid = await becomes(stall, name, "paid")

    steps = await trace(shared_database_url, paid["correlation_id"])

    told = [step.what for step in steps if step.object == name]
    assert told == ["payout.created", "payout.in_transit", "payout.paid"]
    moved = [step.detail.split(",")[0] for step in steps if step.what == "transfer posted"]
    assert moved == ["payout", "payout_paid"]


async def test_what_needed_approval_is_paid_as_well(
    new_merchant: NewMerchant, admin: Api, rails: Rails, shared_database_url: str
) -> None:
    """The bank hears of a large payout when another key has approved it, and not before."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=0)
    await earn(merchant, LIMIT + 1)
    made = await pay_out(merchant, LIMIT + 1, await bank_account(merchant))
    assert rails.acquirer.records("payouts", merchant=merchant.id) == []

    other = await second_key(merchant, admin)
    done(await other.api.post(f"/v1/payouts/{made['id']}/approve", {}), 200)
    await becomes(merchant, made["id"], "in_transit")
    rails.acquirer.settle_payout(made["id"])

    await becomes(merchant, made["id"], "paid")
    assert await story(merchant, made["id"]) == ["created", "approved", "in_transit", "paid"]
    await assert_at_rest(merchant, left=0, url=shared_database_url)


async def test_the_bank_refuses_at_once(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """What the bank does not take is available again, with the bank's reason."""
    rails.acquirer.fail_next("decline:blocked_account", operation="payout")

    made = await pay_out(stall, 40_000, await bank_account(stall))

    failed = await becomes(stall, made["id"], "failed")
    assert failed["failure_code"] == "blocked_account"
    assert await story(stall, made["id"]) == ["created", "failed"]
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


@pytest.mark.parametrize(
    "wrong", [{"acquirer_key": "the-key-of-another-bank"}, {"acquirer_url": "http://127.0.0.1:1"}]
)
async def test_our_own_trouble_is_no_refusal(
    wrong: dict[str, str],
    stall: Merchant,
    rails: Rails,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """Where the bank cannot be asked, or does not know us, the order is given again later."""
    process = start_api(shared_database_url, **rails.settings | QUICK | wrong)
    body = order(40_000, await bank_account(stall))
    async with Api(process.url, stall.api.secret) as astray:
        made = done(await astray.post("/v1/payouts", body), 201)

    await becomes(stall, made["id"], "in_transit")

    rails.acquirer.settle_payout(made["id"])
    await becomes(stall, made["id"], "paid")
    assert await story(stall, made["id"]) == ["created", "in_transit", "paid"]
    await assert_at_rest(stall, left=FUNDS - 40_000, url=shared_database_url)


async def test_the_bank_refuses_later(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """What was on its way and did not arrive is available again."""
    name = await sent(stall)

    rails.acquirer.settle_payout(name, "fail")

    failed = await becomes(stall, name, "failed")
    assert failed["failure_code"] == "account_closed"
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_it_comes_back_after_it_was_paid(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """Money that the bank returns days later is available again, once, however often it is told."""
    name = await sent(stall)
    rails.acquirer.settle_payout(name, "pay")
    await becomes(stall, name, "paid")
    rails.acquirer.script(notifications={"copies": 2})

    rails.acquirer.settle_payout(name, "return")

    failed = await becomes(stall, name, "failed")
    assert failed["failure_code"] == "returned"
    assert await story(stall, name) == ["created", "in_transit", "paid", "returned"]
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_it_is_paid_and_returned_before_anybody_looked(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """Where the bank is asked only after both, both are booked."""
    name = await sent(stall)
    rails.acquirer.script(notifications={"paused": True})
    rails.acquirer.settle_payout(name, "pay")
    rails.acquirer.settle_payout(name, "return")

    rails.acquirer.script()

    failed = await becomes(stall, name, "failed")
    assert failed["failure_code"] == "returned"
    assert await story(stall, name) == ["created", "in_transit", "paid", "returned"]
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_notifications_may_come_twice_late_and_in_any_order(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """A notification is a doorbell: what is booked is what the bank says when it is asked."""
    rails.acquirer.script(notifications={"copies": 2, "reorder_ms": 300})
    names = [await sent(stall, 1_000 + n) for n in range(4)]

    for name in names:
        rails.acquirer.settle_payout(name, "pay")
    for name in names[::2]:
        rails.acquirer.settle_payout(name, "return")

    for name in names[::2]:
        await becomes(stall, name, "failed")
        assert await story(stall, name) == ["created", "in_transit", "paid", "returned"]
    for name in names[1::2]:
        await becomes(stall, name, "paid")
        assert await story(stall, name) == ["created", "in_transit", "paid"]
    await assert_at_rest(stall, left=FUNDS - 1_001 - 1_003, url=shared_database_url)


async def test_it_is_stopped(stall: Merchant, rails: Rails, shared_database_url: str) -> None:
    """What the bank has and has not executed is canceled by its word."""
    name = await sent(stall)

    answer = await stall.api.post(f"/v1/payouts/{name}/cancel", {}, key="stop")
    again = await stall.api.post(f"/v1/payouts/{name}/cancel", {}, key="stop")

    assert done(answer, 200)["status"] == "canceled"
    assert again.text == answer.text
    (there,) = rails.acquirer.records("payouts", merchant=stall.id)
    assert there["status"] == "canceled"
    assert await story(stall, name) == ["created", "in_transit", "canceled"]
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_it_is_too_late_to_stop_it(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """What the bank has executed is not canceled, and is found to be paid then."""
    name = await sent(stall)
    rails.acquirer.script(notifications={"paused": True})
    rails.acquirer.settle_payout(name, "pay")

    answer = await stall.api.post(f"/v1/payouts/{name}/cancel", {}, key="stop")

    refused(answer, 409, "payout_not_stopped")
    await becomes(stall, name, "paid")
    again = await stall.api.post(f"/v1/payouts/{name}/cancel", {}, key="stop")
    assert again.text == answer.text
    refused(await stall.api.post(f"/v1/payouts/{name}/cancel", {}), 409, "payout_not_cancelable")
    await assert_at_rest(stall, left=FUNDS - 40_000, url=shared_database_url)


async def test_paying_and_stopping_at_once(
    stall: Merchant, rails: Rails, shared_database_url: str
) -> None:
    """Whichever comes first at the bank, the payout ends as it did there."""
    names = [await sent(stall, 100 + n) for n in range(4)]

    answers = await asyncio.gather(
        *[stall.api.post(f"/v1/payouts/{name}/cancel", {}) for name in names for _ in range(2)],
        *[
            asyncio.to_thread(rails.acquirer.client.request, "POST", f"/sandbox/payouts/{name}/pay")
            for name in names
        ],
    )

    assert {answer.status_code for answer in answers} <= {200, 202, 409}
    left = FUNDS
    for name in names:
        ended = await becomes(stall, name, "paid", "canceled")
        (there,) = [
            found
            for found in rails.acquirer.records("payouts", merchant=stall.id)
            if found["reference"] == name
        ]
        assert there["status"] == {"paid": "approved", "canceled": "canceled"}[ended["status"]]
        left -= ended["amount"] if ended["status"] == "paid" else 0
    await assert_at_rest(stall, left=left, url=shared_database_url)


@table("""
    fault
    timeout_before
    timeout_after
    500_before
    500_after
    drop_before
    drop_after
""")
async def test_nobody_knows_whether_the_bank_has_it(
    stall: Merchant, rails: Rails, shared_database_url: str, row: Row
) -> None:
    """Where the order's answer is lost the bank is asked, and has the order once in the end."""
    rails.acquirer.fail_next(row.fault, operation="payout")

    name = await sent(stall)
    rails.acquirer.settle_payout(name, "pay")

    await becomes(stall, name, "paid")
    assert len(rails.acquirer.records("payouts", merchant=stall.id)) == 1
    assert await story(stall, name) == ["created", "in_transit", "paid"]
    await assert_at_rest(stall, left=FUNDS - 40_000, url=shared_database_url)


@table("""
    fault
    timeout_after
    500_before
    drop_after
""")
async def test_nobody_knows_whether_it_was_stopped(
    stall: Merchant, rails: Rails, shared_database_url: str, row: Row
) -> None:
    """Where the answer to a cancellation is lost, the bank is asked again until it is known."""
    name = await sent(stall)
    rails.acquirer.fail_next(row.fault, operation="payout")

    answer = await stall.api.post(f"/v1/payouts/{name}/cancel", {})

    assert answer.status_code in {200, 202}
    await becomes(stall, name, "canceled")
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_the_bank_is_away(stall: Merchant, rails: Rails, shared_database_url: str) -> None:
    """While the bank cannot be asked the money stays on its way, and nobody decides for it."""
    rails.acquirer.script(down=True)
    made = await pay_out(stall, 40_000, await bank_account(stall))
    path = f"/v1/payouts/{made['id']}"

    undecided = await stall.api.post(f"{path}/cancel", {}, key="stop")

    refused(undecided, 503, "payout_undecided")
    assert (await available(stall), await in_transit(stall)) == (FUNDS - 40_000, 40_000)
    rails.acquirer.script()
    await becomes(stall, made["id"], "in_transit")
    canceled = done(await stall.api.post(f"{path}/cancel", {}, key="stop"), 200)
    assert canceled["status"] == "canceled"
    await assert_at_rest(stall, left=FUNDS, url=shared_database_url)


async def test_other_currencies_are_paid_out_too(
    new_merchant: NewMerchant, rails: Rails, shared_database_url: str
) -> None:
    """A payout is of its own currency's money, and goes its own way."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=0)
    await earn(merchant, 700, "JPY")
    to = await bank_account(merchant, "GB33BUKB20201555555555")

    answer = await merchant.api.post("/v1/payouts", order(700, to, currency="JPY"))

    name = done(answer, 201)["id"]
    await becomes(merchant, name, "in_transit")
    rails.acquirer.settle_payout(name)
    await becomes(merchant, name, "paid")
    assert await available(merchant, "JPY") == 0
    await books.assert_in_order(shared_database_url)
