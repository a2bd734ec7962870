"""One key, one effect, one answer: on every endpoint that writes."""

import asyncio
import json

import pytest

from tests.conftest import NewMerchant
from tests.support.builders import Merchant, payment
from tests.support.client import done, refused
from tests.support.endpoints import WRITING, Prepare
from tests.support.tally import Tally

every_endpoint = pytest.mark.parametrize("prepare", WRITING.values(), ids=WRITING.keys())
KEPT_S = 30 * 86_400


@every_endpoint
async def test_a_repeated_request_is_answered_by_the_same_bytes(
    merchant: Merchant, tally: Tally, prepare: Prepare
) -> None:
    """The second time nothing is done; status and body are the first ones, and it is told."""
    ready = await prepare(merchant)

    first = await merchant.api.post(ready.path, ready.body, key="k")
    with tally.unchanged(merchant.id):
        again = await merchant.api.post(ready.path, ready.body, key="k")

    assert (first.status_code, again.status_code) == (ready.status, ready.status)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert int(first.headers["idempotency-expires"]) == KEPT_S
    assert 0 < int(again.headers["idempotency-expires"]) <= KEPT_S


@every_endpoint
async def test_parallel_requests_act_once(
    merchant: Merchant, tally: Tally, prepare: Prepare
) -> None:
    """Many at once under one key get one answer, and exactly one of them acted."""
    ready = await prepare(merchant)

    answers = await asyncio.gather(
        *[merchant.api.post(ready.path, ready.body, key="k") for _ in range(12)]
    )

    assert {answer.content for answer in answers} == {answers[0].content}
    assert {answer.status_code for answer in answers} == {ready.status}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    with tally.unchanged(merchant.id):
        await merchant.api.post(ready.path, ready.body, key="k")


@every_endpoint
async def test_another_request_under_the_same_key_is_refused(
    merchant: Merchant, tally: Tally, prepare: Prepare
) -> None:
    """A key names one request: another body or path is refused, never executed."""
    ready = await prepare(merchant)
    wallet = await merchant.wallet()
    done(await merchant.api.post(ready.path, ready.body, key="k"))

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(f"/v1/accounts/{wallet}/close", key="k")

    problem = refused(answer, 422, "idempotency_key_reused")
    assert problem["retry"] == "never"
    assert "path" in problem["facts"]["differs_in"]
    replayed = await merchant.api.post(ready.path, ready.body, key="k")
    assert replayed.status_code == ready.status


async def test_what_differs_is_named(merchant: Merchant) -> None:
    """The refusal names the fields, and does not repeat their values."""
    wallet = await merchant.wallet(funds=5_000)
    done(await merchant.api.post("/v1/payments", payment(wallet, 5, description="a"), key="k"))

    other = payment(wallet, 6, metadata={"secret": "hunter2"}, description="a")
    answer = await merchant.api.post("/v1/payments", other, key="k")

    problem = refused(answer, 422, "idempotency_key_reused")
    assert problem["facts"] == {"differs_in": "amount, metadata"}
    assert "hunter2" not in answer.text


async def test_the_same_request_may_be_written_differently(merchant: Merchant) -> None:
    """Spaces, the order of fields and defaults written out are no other request."""
    wallet = await merchant.wallet(funds=5_000)
    plain = payment(wallet, 5, metadata={"a": "1", "b": "2"})
    first = await merchant.api.post("/v1/payments", plain, key="k")

    other = dict(reversed((plain | {"capture": "automatic", "description": None}).items()))
    other["metadata"] = {"b": "2", "a": "1"}
    again = await merchant.api.post("/v1/payments", json.dumps(other, indent=3).encode(), key="k")

    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


async def test_refusals_are_replayed_too(merchant: Merchant) -> None:
    """What was refused stays refused under its key, even when it would succeed by now."""
    wallet = await merchant.wallet()
    first = await merchant.send_payment(wallet, 5, key="k")
    await merchant.deposit(wallet, 5)

    again = await merchant.send_payment(wallet, 5, key="k")

    refused(again, 402, "insufficient_funds")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert 0 < int(again.headers["idempotency-expires"]) <= KEPT_S
    assert (await merchant.send_payment(wallet, 5, key="k2")).status_code == 201


@pytest.mark.parametrize(
    "same",
    [
        ("order-1", '"order-1"'),
        ('"a \\"b\\" c"', 'a "b" c'),
        ("~" * 255, f'"{"~" * 255}"'),
        ("a b", '"a b"'),
    ],
)
async def test_a_key_may_be_quoted(merchant: Merchant, same: tuple[str, str]) -> None:
    """Bare and as a structured-field string it is the same key."""
    wallet = await merchant.wallet(funds=5_000)

    bare, quoted = [await merchant.send_payment(wallet, 5, key=key) for key in same]

    assert bare.status_code == 201
    assert quoted.content == bare.content
    assert quoted.headers["idempotent-replayed"] == "true"


async def test_keys_are_case_sensitive(merchant: Merchant) -> None:
    """`a` and `A` name two intents."""
    wallet = await merchant.wallet(funds=5_000)

    answers = [await merchant.send_payment(wallet, 5, key=key) for key in ("a", "A")]

    assert len({done(answer)["id"] for answer in answers}) == 2


async def test_two_merchants_share_no_keys(new_merchant: NewMerchant) -> None:
    """The same key of another merchant is another key."""
    paid = []
    for merchant in (await new_merchant(), await new_merchant()):
        answer = await merchant.send_payment(await merchant.wallet(funds=5), 5, key="order-1")
        assert "idempotent-replayed" not in answer.headers
        paid.append(done(answer, 201)["id"])

    assert len(set(paid)) == 2


async def test_bulk_and_single_requests_share_keys(merchant: Merchant) -> None:
    """Either may retry the other, and gets the same payment."""
    wallet = await merchant.wallet(funds=5_000)
    single = await merchant.send_payment(wallet, 5, key="a")
    items = [payment(wallet, 5, idempotency_key=key) for key in ("a", "b")]

    bulk = done(await merchant.api.post("/v1/payments/bulk", items, key=None))
    after = await merchant.send_payment(wallet, 5, key="b")

    assert bulk["data"][0] == {"status": 201, "payment": single.json(), "replayed": True}
    assert bulk["data"][1] == {"status": 201, "payment": after.json()}
    assert after.headers["idempotent-replayed"] == "true"
    assert single.content in (await merchant.api.post("/v1/payments/bulk", items, key=None)).content
    assert await merchant.available(wallet) == 5_000 - 10


async def test_a_request_without_a_body_has_a_key_too(merchant: Merchant) -> None:
    """An empty body and an empty object are the same cancellation."""
    held = await merchant.authorize(await merchant.wallet(funds=5_000))
    path = f"/v1/payments/{held['id']}/cancel"

    first = await merchant.api.post(path, b"", key="k")
    again = await merchant.api.post(path, {}, key="k")

    assert done(first)["status"] == "canceled"
    assert again.content == first.content
