"""X-Request-Id: accepted or made, returned, and stored on everything the request caused."""

import asyncio
from typing import Any

import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import Api, done, refused
from tests.support.endpoints import WRITING, Prepare


@pytest.mark.parametrize("prepare", WRITING.values(), ids=WRITING.keys())
async def test_it_is_stored_on_everything(merchant: Merchant, prepare: Prepare) -> None:
    """The events and transfers of a request carry its id; the answer has it in its header."""
    ready = await prepare(merchant)
    before = await _marked(merchant)

    answer = await merchant.api.post(ready.path, ready.body, x_request_id="till-7/order.1")

    made = done(answer, ready.status)
    assert answer.headers["x-request-id"] == "till-7/order.1"
    if made["object"] in {"transfer", "refund"} or ready.path == "/v1/payments":
        assert made["correlation_id"] == "till-7/order.1"
    fresh = [o for o in await _marked(merchant) if o["id"] not in {b["id"] for b in before}]
    assert any(o["object"] == "event" for o in fresh)
    if made["object"] in {"payment", "transfer", "refund"}:
        assert any(o["object"] == "transfer" for o in fresh)
    assert {o["correlation_id"] for o in fresh} == {"till-7/order.1"}


async def test_a_payment_keeps_the_id_of_its_first_request(merchant: Merchant) -> None:
    """Later changes have ids of their own, on their own events and transfers."""
    wallet = await merchant.wallet(funds=1_000)
    body = payment(wallet, 100, capture="manual")
    held = done(await merchant.api.post("/v1/payments", body, x_request_id="one"))
    path = f"/v1/payments/{held['id']}/capture"

    captured = done(await merchant.api.post(path, {}, x_request_id="two"))

    assert captured["correlation_id"] == "one"
    events = await merchant.api.all("/v1/events", object=held["id"])
    assert [event["correlation_id"] for event in events] == ["two", "one"]


async def test_a_replay_has_its_own_id_in_the_header_only(merchant: Merchant) -> None:
    """The body is the first request's, byte for byte; the header is this request's."""
    wallet = await merchant.wallet(funds=1_000)
    for name in ("one", "two"):
        answer = await merchant.api.post(
            "/v1/payments", payment(wallet, 5), key="k", x_request_id=name
        )
        assert answer.headers["x-request-id"] == name
        assert done(answer)["correlation_id"] == "one"


async def test_in_bulk_all_items_have_the_same_id(merchant: Merchant) -> None:
    """A bulk request is one request."""
    wallet = await merchant.wallet(funds=1_000)
    items = [payment(wallet, 5, idempotency_key=str(number)) for number in range(3)]

    answer = await merchant.api.post("/v1/payments/bulk", items, key=None, x_request_id="many")

    assert {item["payment"]["correlation_id"] for item in done(answer)["data"]} == {"many"}


async def test_requests_of_one_batch_keep_their_own_ids(merchant: Merchant) -> None:
    """Requests that share a commit do not share their ids."""
    wallet = await merchant.wallet(funds=1_000)

    answers = await asyncio.gather(
        *[
            merchant.api.post("/v1/payments", payment(wallet, 1), x_request_id=f"r{number}")
            for number in range(30)
        ]
    )

    for number, answer in enumerate(answers):
        assert answer.headers["x-request-id"] == f"r{number}"
        paid = done(answer)
        assert paid["correlation_id"] == f"r{number}"
        (event,) = await merchant.api.all("/v1/events", object=paid["id"])
        assert event["correlation_id"] == f"r{number}"


async def test_one_is_made_where_none_is_given(merchant: Merchant) -> None:
    """Without the header the answer brings a fresh id, another one each time."""
    answers = [await merchant.api.get("/v1/payments") for _ in range(3)]

    made = {answer.headers["x-request-id"] for answer in answers}
    assert len(made) == 3
    assert all(name.startswith("req_") for name in made)


@pytest.mark.parametrize("good", ["a", "x" * 128, "0b7e/=+:.~!", "00-4bf92f3577b34da6-00"])
async def test_any_printable_word_is_accepted(merchant: Merchant, good: str) -> None:
    """Ids of any tracing system fit."""
    answer = await merchant.api.get("/v1/payments", x_request_id=good)

    assert done(answer)
    assert answer.headers["x-request-id"] == good


@pytest.mark.parametrize("bad", ["", "x" * 129, "a b", "é", "a\tb"])
async def test_anything_else_is_refused(merchant: Merchant, bad: str) -> None:
    """A bad id is refused, not cut or replaced in silence; the problem has an id of ours."""
    wallet = await merchant.wallet(funds=100)
    for answer in (
        await merchant.api.get("/v1/payments", x_request_id=bad),
        await merchant.api.post(
            "/v1/payments",
            payment(wallet, 5),
            x_request_id=bad,
        ),
    ):
        problem = refused(answer, 400, "invalid_request_id")
        assert problem["request_id"] == answer.headers["x-request-id"] != bad
    assert await merchant.available(wallet) == 100


async def test_problems_have_it_too(api: Api) -> None:
    """Without a key, without a route, with a wrong method: the id is in header and body."""
    for method, path in (("GET", "/v1/payments"), ("GET", "/nope"), ("PUT", "/v1/payments")):
        answer = await api.request(method, path, x_request_id="mine")
        assert answer.headers["x-request-id"] == "mine"
        assert answer.json()["request_id"] == "mine"
        assert answer.json()["instance"] == path


async def _marked(merchant: Merchant) -> list[dict[str, Any]]:
    """What carries a correlation id."""
    return await merchant.api.all("/v1/events") + await merchant.api.all("/v1/transfers")
