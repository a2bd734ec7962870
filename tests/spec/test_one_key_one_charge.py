"""Promise 2: one key, one effect, whoever repeats it, wherever, and whatever broke in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from app.base import ids
from app.devkit.chaos.proxy import ConnectionFault, FaultProxy
from tests.support import books
from tests.support.builders import Merchant, new_merchant, payment
from tests.support.client import Api, done, refused
from tests.support.databases import Databases, rows
from tests.support.processes import ADMIN_KEY, ApiProcess

PARALLEL = 20


def payments_of(url: str, account: str, merchant: Merchant) -> list[int]:
    """The amounts of the payments that are really in the database for a merchant."""
    found = rows(
        url,
        "SELECT amount_minor FROM payments WHERE merchant_id = %s AND account_id = %s ORDER BY id",
        [ids.decode("merchant", merchant.id), ids.decode("account", account)],
    )
    return [amount for (amount,) in found]


async def test_a_repeated_request_gets_the_same_answer(merchant: Merchant) -> None:
    """The second answer is the first one byte for byte, says so, and moves nothing."""
    wallet = await merchant.wallet(funds=1_000)

    first = await merchant.send_payment(wallet, 300, key="order-1")
    second = await merchant.send_payment(wallet, 300, key="order-1")
    quoted = await merchant.send_payment(wallet, 300, key='"order-1"')

    assert first.status_code == second.status_code == quoted.status_code == 201
    assert first.content == second.content == quoted.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == quoted.headers["idempotent-replayed"] == "true"
    assert int(first.headers["idempotency-expires"]) >= int(second.headers["idempotency-expires"])
    assert await merchant.available(wallet) == 700


async def test_a_refusal_is_repeated_too(merchant: Merchant) -> None:
    """What was refused stays refused under its key, although it would be possible by now."""
    wallet = await merchant.wallet()

    first = await merchant.send_payment(wallet, 300, key="order-1")
    await merchant.deposit(wallet, 1_000)
    second = await merchant.send_payment(wallet, 300, key="order-1")
    other = await merchant.send_payment(wallet, 300, key="order-2")

    refused(first, 402, "insufficient_funds")
    assert (second.status_code, second.content) == (402, first.content)
    assert other.status_code == 201


async def test_every_command_acts_once(merchant: Merchant) -> None:
    """Accounts, deposits, transfers, captures, cancels and refunds keep their keys as well."""
    wallet, other = await merchant.wallet(funds=1_000), await merchant.wallet()
    held, gone = await merchant.authorize(wallet, 100), await merchant.authorize(wallet, 50)
    entries = [
        {"account": wallet, "direction": "debit", "amount": 7},
        {"account": other, "direction": "credit", "amount": 7},
    ]
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/v1/accounts", {"currency": "USD"}),
        ("/v1/deposits", {"account": other, "amount": 5, "currency": "USD"}),
        ("/v1/transfers", {"currency": "USD", "entries": entries}),
        (f"/v1/payments/{held['id']}/capture", {"amount": 40}),
        (f"/v1/payments/{gone['id']}/cancel", {}),
        ("/v1/refunds", {"payment": held["id"], "amount": 10}),
    ]

    for number, (path, body) in enumerate(requests):
        answers = [await merchant.api.post(path, body, key=f"k{number}") for _ in range(3)]
        assert {answer.content for answer in answers} == {answers[0].content}, path
        assert answers[0].status_code in {200, 201}, answers[0].text
        assert [a.headers.get("idempotent-replayed") for a in answers] == [None, "true", "true"]

    assert await merchant.available(other) == 12
    assert await merchant.available(wallet) == 1_000 - 7 - 100 + 10
    assert len(await merchant.api.all("/v1/accounts", limit=1)) == 4  # and the merchant's own


async def test_parallel_requests_under_one_key_charge_once(
    merchant: Merchant, shared_database_url: str
) -> None:
    """Twenty equal requests at the same time are one payment and twenty equal answers."""
    wallet = await merchant.wallet(funds=10_000)

    answers = await asyncio.gather(
        *[merchant.send_payment(wallet, 300, key="order-1") for _ in range(PARALLEL)]
    )

    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert payments_of(shared_database_url, wallet, merchant) == [300]
    assert await merchant.available(wallet) == 9_700


async def test_parallel_requests_to_two_processes_charge_once(
    database_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """Two api processes that share a database agree on who acts, key by key."""
    one, two = start_api(database_url), start_api(database_url)
    async with Api(one.url) as first, Api(two.url) as second:
        here = await new_merchant(first.as_(ADMIN_KEY))
        there = Merchant(here.id, here.key_id, second.as_(here.api.secret))
        wallet = await here.wallet(funds=10_000)

        answers = await asyncio.gather(
            *[
                caller.send_payment(wallet, 100, key=f"order-{number}")
                for _ in range(PARALLEL // 2)
                for number in range(4)
                for caller in (here, there)
            ]
        )

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 4
        assert await here.available(wallet) == 9_600
    assert payments_of(database_url, wallet, here) == [100] * 4
    await books.assert_in_order(database_url)


async def test_a_key_used_for_another_request_is_refused(
    merchant: Merchant, shared_database_url: str
) -> None:
    """Another body under a used key is 422, names the fields, and executes nothing."""
    wallet = await merchant.wallet(funds=1_000)
    done(await merchant.send_payment(wallet, 300, key="order-1", description="a stick"))

    body = refused(
        await merchant.send_payment(wallet, 301, key="order-1", description="two sticks"),
        422,
        "idempotency_key_reused",
    )
    refund = await merchant.api.post("/v1/refunds", {"payment": "pay_" + "0" * 26}, key="order-1")

    assert body["facts"]["differs_in"] == "amount, description"
    assert "path" in refused(refund, 422, "idempotency_key_reused")["facts"]["differs_in"]
    assert payments_of(shared_database_url, wallet, merchant) == [300]


async def test_parallel_requests_with_two_bodies_under_one_key(merchant: Merchant) -> None:
    """Of two different requests racing for one key one is made, and the other one is refused."""
    wallet = await merchant.wallet(funds=10_000)

    answers = await asyncio.gather(
        *[
            merchant.send_payment(wallet, amount, key="order-1")
            for _ in range(PARALLEL // 2)
            for amount in (300, 301)
        ]
    )

    winners = [answer.json()["amount"] for answer in answers if answer.status_code == 201]
    assert winners == [winners[0]] * (PARALLEL // 2)
    assert {answer.status_code for answer in answers} == {201, 422}
    assert await merchant.available(wallet) == 10_000 - winners[0]


async def test_a_request_written_otherwise_is_the_same(merchant: Merchant) -> None:
    """The order of fields, spaces and left-out defaults make no difference."""
    wallet = await merchant.wallet(funds=1_000)
    first = await merchant.send_payment(wallet, 300, key="order-1")
    text = (
        '{ "capture":"automatic", "metadata":{}, "payment_method":{"account":"%s","type":"wallet"},'
        ' "currency":"USD", "amount":300, "description":null }'
    )

    second = await merchant.api.post("/v1/payments", (text % wallet).encode(), key="order-1")

    assert (second.status_code, second.content) == (201, first.content)


async def test_equal_requests_with_keys_of_their_own_are_two(merchant: Merchant) -> None:
    """Nobody guesses from a request's content that it is a repetition."""
    wallet = await merchant.wallet(funds=1_000)

    first, second = await merchant.pay(wallet, 300), await merchant.pay(wallet, 300)

    assert first["id"] != second["id"]
    assert await merchant.available(wallet) == 400


async def test_merchants_keys_do_not_meet(
    new_merchant: Callable[..., Any],
) -> None:
    """The same key of two merchants names two intents."""
    one, two = await new_merchant(), await new_merchant()
    wallets = [await merchant.wallet(funds=1_000) for merchant in (one, two)]

    answers = [
        await merchant.send_payment(wallet, 300, key="order-1")
        for merchant, wallet in zip((one, two), wallets, strict=True)
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


async def test_a_malformed_request_leaves_its_key_usable(merchant: Merchant) -> None:
    """What never was a request is not stored under its key."""
    wallet = await merchant.wallet(funds=1_000)

    for wrong in (0, -5, "300", 3.5, 2**53):
        answer = await merchant.api.post("/v1/payments", payment(wallet, wrong), key="order-1")
        refused(answer, 400, "invalid_body")

    assert (await merchant.send_payment(wallet, 300, key="order-1")).status_code == 201


async def test_a_bulk_request_and_a_single_one_share_their_keys(merchant: Merchant) -> None:
    """A doubled item gets the first one's outcome, and single requests may retry an item."""
    wallet = await merchant.wallet(funds=1_000)
    item = payment(wallet, 300) | {"idempotency_key": "order-1"}
    other = payment(wallet, 301) | {"idempotency_key": "order-1"}

    answer = done(await merchant.api.post("/v1/payments/bulk", [item, item, other], key=None))
    single = await merchant.send_payment(wallet, 300, key="order-1")
    again = done(await merchant.api.post("/v1/payments/bulk", [item], key=None))

    first, second, third = answer["data"]
    assert (first["status"], second["status"], third["status"]) == (201, 201, 422)
    assert first["payment"] == second["payment"] == single.json() == again["data"][0]["payment"]
    assert single.headers["idempotent-replayed"] == "true"
    assert await merchant.available(wallet) == 700


@pytest.fixture(scope="module")
def proxied(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FaultProxy, ApiProcess, str]]:
    """An api whose connections to the database can be broken."""
    url = databases.new_database()
    folder: Path = tmp_path_factory.mktemp("proxied")
    with FaultProxy(url) as proxy, ApiProcess(proxy.url, folder) as process:
        yield proxy, process.start(), url


@pytest_asyncio.fixture
async def behind(proxied: tuple[FaultProxy, ApiProcess, str]) -> AsyncIterator[Merchant]:
    """A merchant of that api."""
    async with Api(proxied[1].url) as api:
        yield await new_merchant(api.as_(ADMIN_KEY))


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    "fault", [ConnectionFault.LOST_REQUEST, ConnectionFault.LOST_REPLY, ConnectionFault.OVERTAKEN]
)
async def test_a_lost_commit_is_found_out_and_not_guessed(
    proxied: tuple[FaultProxy, ApiProcess, str],
    behind: Merchant,
    fault: ConnectionFault,
    times: int,
) -> None:
    """However a COMMIT is lost, every payment is answered once and is there once."""
    proxy, _, url = proxied
    wallet = await behind.wallet(funds=100_000)
    struck = proxy.struck

    proxy.arm(fault, times=times)
    answers: list[httpx.Response] = await asyncio.gather(
        *[behind.send_payment(wallet, 100 + n, key=f"order-{n}") for n in range(PARALLEL)]
    )
    repeated = await asyncio.gather(
        *[behind.send_payment(wallet, 100 + n, key=f"order-{n}") for n in range(PARALLEL)]
    )

    assert proxy.struck == struck + times
    assert {answer.status_code for answer in answers} == {201}
    assert [a.content for a in repeated] == [a.content for a in answers]
    assert sorted(payments_of(url, wallet, behind)) == [100 + n for n in range(PARALLEL)]
    await books.assert_in_order(url)


@pytest.mark.slow
async def test_a_commit_nobody_answers_is_told_as_unknown_and_found_out_later(
    database_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """A client whose COMMIT fell silent hears 503 and 'same key', and its retry charges nothing."""
    with FaultProxy(database_url) as proxy:
        process = start_api(proxy.url, request_timeout_ms="1000")
        async with Api(process.url) as api:
            merchant = await new_merchant(api.as_(ADMIN_KEY))
            wallet = await merchant.wallet(funds=1_000)
            proxy.arm(ConnectionFault.SILENCE)

            silent = await merchant.send_payment(wallet, 300, key="order-1")
            while (again := await merchant.send_payment(wallet, 300, key="order-1")).is_error:
                assert again.status_code == 503

            problem = refused(silent, 503, "commit_unknown")
            assert (problem["retry"], silent.headers["retry-after"]) == ("same_key", "1")
            assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
            assert await merchant.available(wallet) == 700
    assert payments_of(database_url, wallet, merchant) == [300]
    await books.assert_in_order(database_url)
