"""Promise 4: no over-capture, no over-refund, no overdraft, whatever runs at the same time.

The races are mistakes that other systems made; each is named where it was told.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support import books
from tests.support.builders import Merchant, payment
from tests.support.client import done, refused


@pytest_asyncio.fixture
async def free(new_merchant: Callable[..., Awaitable[Merchant]]) -> Merchant:
    """A merchant who pays no fees, so that the sums are easy to read."""
    return await new_merchant(fee_bps=0, fee_fixed=0)


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="session")
async def _books(shared_database_url: str) -> AsyncIterator[None]:
    """After all races of this file the books are in order."""
    yield
    await books.assert_in_order(shared_database_url)


async def statuses(requests: Iterable[Awaitable[httpx.Response]]) -> Counter[int]:
    """How many of some parallel requests got which status."""
    return Counter(answer.status_code for answer in await asyncio.gather(*requests))


async def test_two_parallel_refunds_of_60_on_a_capture_of_100(free: Merchant) -> None:
    """One of two refunds of 60 is accepted and the other one refused [hyperswitch #13182]."""
    wallet = await free.wallet(funds=100)
    paid = await free.pay(wallet, 100)
    body = {"payment": paid["id"], "amount": 60}

    found = await statuses(free.api.post("/v1/refunds", body) for _ in range(2))

    assert found == {201: 1, 409: 1}
    assert (await free.read(paid["id"]))["amount_refunded"] == 60
    assert await free.available(wallet) == 60


async def test_many_parallel_refunds_never_pass_the_capture(free: Merchant) -> None:
    """Of thirty refunds of 10 on a capture of 100 ten are accepted [killbill #334]."""
    wallet = await free.wallet(funds=500)
    paid = await free.authorize(wallet, 500)
    await free.capture(paid["id"], amount=100, final=True)
    body = {"payment": paid["id"], "amount": 10}

    found = await statuses(free.api.post("/v1/refunds", body) for _ in range(30))

    assert found == {201: 10, 409: 20}
    assert (await free.read(paid["id"]))["amount_refunded"] == 100
    assert await free.available(wallet) == 500


@pytest.mark.parametrize("amount", [-60, 0, -1])
async def test_a_refund_of_nothing_or_less_is_refused(merchant: Merchant, amount: int) -> None:
    """A negative refund does not charge the payer again [hyperswitch #11491]."""
    wallet = await merchant.wallet(funds=100)
    paid = await merchant.pay(wallet, 100)

    answer = await merchant.api.post("/v1/refunds", {"payment": paid["id"], "amount": amount})

    assert refused(answer, 400, "invalid_body")["errors"][0]["pointer"] == "/amount"
    assert await merchant.available(wallet) == 0


async def test_parallel_captures_never_pass_the_hold(free: Merchant) -> None:
    """Of twenty captures of 30 on a hold of 100 three are accepted [medusa #16012]."""
    wallet = await free.wallet(funds=100)
    held = await free.authorize(wallet, 100)

    found = await statuses(
        free.api.post(f"/v1/payments/{held['id']}/capture", {"amount": 30}) for _ in range(20)
    )

    assert found == {200: 3, 409: 17}
    assert (await free.read(held["id"]))["amount_captured"] == 90
    balance = await free.balance(wallet)
    assert (balance["posted"], balance["pending"], balance["available"]) == (10, -10, 0)


async def test_a_hold_is_not_posted_twice(free: Merchant) -> None:
    """Of ten parallel captures of a whole hold one posts it [midaz #1519]."""
    wallet = await free.wallet(funds=1_000)
    held = await free.authorize(wallet, 100)

    found = await statuses(free.api.post(f"/v1/payments/{held['id']}/capture") for _ in range(10))

    assert found == {200: 1, 409: 9}
    assert await free.available(wallet) == 900
    assert await free.available(await free.own_account()) == 100


async def test_a_capture_racing_a_cancel(free: Merchant) -> None:
    """Either the capture or the cancel wins, for each of twenty payments, and never both."""
    wallet = await free.wallet(funds=2_000)
    held = [(await free.authorize(wallet, 100))["id"] for _ in range(20)]

    async def race(payment_id: str) -> int:
        path = f"/v1/payments/{payment_id}"
        found = await statuses(free.api.post(f"{path}/{what}") for what in ("capture", "cancel"))
        assert found == {200: 1, 409: 1}
        state = (await free.read(payment_id))["status"]
        assert state in {"captured", "canceled"}
        return 100 if state == "captured" else 0

    captured = sum(await asyncio.gather(*map(race, held)))

    assert await free.available(wallet) == 2_000 - captured
    assert (await free.balance(wallet))["pending"] == 0


async def test_payments_racing_for_a_wallet_that_can_pay_ten(free: Merchant) -> None:
    """Of fifty payments of 100 from a wallet with 1,000 ten are made and forty declined."""
    wallet = await free.wallet(funds=1_000)

    answers = await asyncio.gather(*[free.send_payment(wallet, 100) for _ in range(50)])

    assert Counter(answer.status_code for answer in answers) == {201: 10, 402: 40}
    for answer in answers:
        if answer.status_code == 402:
            refused(answer, 402, "insufficient_funds")
    assert await free.available(wallet) == 0


async def test_every_way_out_of_a_wallet_races_for_the_same_money(free: Merchant) -> None:
    """Payments, holds and transfers together take no more than there is."""
    wallet, other = await free.wallet(funds=1_000), await free.wallet()
    entries = [
        {"account": wallet, "direction": "debit", "amount": 100},
        {"account": other, "direction": "credit", "amount": 100},
    ]
    requests = [
        request
        for _ in range(10)
        for request in (
            free.send_payment(wallet, 100),
            free.send_payment(wallet, 100, capture="manual"),
            free.api.post("/v1/transfers", {"currency": "USD", "entries": entries}),
        )
    ]

    found = await statuses(requests)

    assert found == {201: 10, 402: 20}
    assert await free.available(wallet) == 0


async def test_held_money_cannot_be_spent(free: Merchant) -> None:
    """A hold counts against the balance before it is captured [blnk #181]."""
    wallet = await free.wallet(funds=100)
    held = await free.authorize(wallet, 70)

    too_much = await free.send_payment(wallet, 31)
    fits = await free.send_payment(wallet, 30)
    await free.cancel(held["id"])

    assert refused(too_much, 402, "insufficient_funds")["facts"]["available"] == 30
    assert fits.status_code == 201
    assert await free.available(wallet) == 70


async def test_a_refused_hold_holds_nothing(free: Merchant) -> None:
    """An authorization that was declined leaves no trace on the balance [blnk #182]."""
    wallet = await free.wallet(funds=100)

    answer = await free.send_payment(wallet, 101, capture="manual")

    refused(answer, 402, "insufficient_funds")
    balance = await free.balance(wallet)
    assert (balance["posted"], balance["pending"], balance["available"]) == (100, 0, 100)
    assert balance["version"] == 1
    assert await free.api.all("/v1/payments") == []


async def test_a_retry_does_not_apply_balances_twice(free: Merchant) -> None:
    """Requests repeated in parallel, under their keys, move money once each [midaz PR #2485]."""
    wallet = await free.wallet(funds=10_000)

    found = await statuses(
        free.send_payment(wallet, 100, key=f"order-{n}") for _ in range(5) for n in range(10)
    )

    assert found == {201: 50}
    balance = await free.balance(wallet)
    assert (balance["available"], balance["version"]) == (9_000, 11)


@pytest.mark.parametrize(
    ("currency", "amount", "fee"),
    [("JPY", 1_000, 59), ("BHD", 1_000, 59), ("CLF", 10_000, 320), ("USD", 1, 1)],
)
async def test_minor_units_are_the_currencys_own(
    merchant: Merchant, currency: str, amount: int, fee: int
) -> None:
    """An amount means minor units of its currency: yen have none, dinars 1,000 [killbill #1082]."""
    wallet = await merchant.wallet(currency, funds=amount)

    paid = await merchant.pay(wallet, amount, currency=currency)

    assert (paid["amount"], paid["currency"], paid["fee"]) == (amount, currency, fee)
    assert await merchant.available(wallet) == 0


async def test_a_busy_account_takes_two_hundred_parallel_payments(free: Merchant) -> None:
    """On one hot wallet all are answered, none by contention [killbill #1555, formance #770]."""
    wallet = await free.wallet(funds=200 * 50)

    found = await statuses(free.send_payment(wallet, 50) for _ in range(200))

    assert found == {201: 200}
    assert await free.available(wallet) == 0
    entries = await free.api.all(f"/v1/accounts/{wallet}/entries")
    assert [entry["version"] for entry in entries] == list(range(201, 0, -1))


async def test_transfers_in_both_directions_do_not_deadlock(free: Merchant) -> None:
    """Transfers that touch the same wallets in opposite order are all made."""
    one, two = await free.wallet(funds=1_000), await free.wallet(funds=1_000)

    def move(source: str, target: str) -> Awaitable[httpx.Response]:
        entries = [
            {"account": source, "direction": "debit", "amount": 10},
            {"account": target, "direction": "credit", "amount": 10},
        ]
        return free.api.post("/v1/transfers", {"currency": "USD", "entries": entries})

    found = await statuses(move(*pair) for _ in range(20) for pair in ((one, two), (two, one)))

    assert found == {201: 40}
    assert [await free.available(wallet) for wallet in (one, two)] == [1_000, 1_000]


async def test_a_bulk_request_cannot_overdraw_either(free: Merchant) -> None:
    """Items of one request are decided one after the other against what is left."""
    wallet = await free.wallet(funds=250)
    items = [payment(wallet, 100) | {"idempotency_key": f"item-{n}"} for n in range(5)]

    answer = done(await free.api.post("/v1/payments/bulk", items, key=None))

    assert [item["status"] for item in answer["data"]] == [201, 201, 402, 402, 402]
    assert await free.available(wallet) == 50


async def test_lists_keep_their_filters_across_pages(free: Merchant) -> None:
    """Following the cursor of a filtered list meets its payments and no others [formance #43]."""
    wallet = await free.wallet(funds=10_000, customer="ada")
    made = []
    for n in range(12):
        capture = "manual" if n % 3 == 0 else "automatic"
        made.append(await free.pay(wallet, 10 + n, capture=capture, metadata={"kind": "ab"[n % 2]}))
    filters: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
        ({"status": "authorized"}, lambda p: p["status"] == "authorized"),
        ({"status": "captured"}, lambda p: p["status"] == "captured"),
        ({"customer": "ada", "amount[gte]": 15}, lambda p: p["amount"] >= 15),
        ({"metadata[kind]": "a"}, lambda p: p["metadata"]["kind"] == "a"),
        (
            {"metadata[kind]": "b", "status": "captured", "amount[lte]": 19},
            lambda p: (
                p["metadata"]["kind"] == "b" and p["status"] == "captured" and p["amount"] <= 19
            ),
        ),
    ]

    for params, admits in filters:
        found = await free.api.all("/v1/payments", limit=2, **params)
        assert [p["id"] for p in found] == [p["id"] for p in reversed(made) if admits(p)], params
