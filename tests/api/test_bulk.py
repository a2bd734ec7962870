"""POST /v1/payments/bulk: many payments, each with its own key and its own result."""

import json
from typing import Any

import httpx
import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import done, refused
from tests.support.tally import Tally

PATH = "/v1/payments/bulk"


def item(account: str, key: str, amount: Any = 5, **fields: Any) -> dict[str, Any]:
    """One item of a bulk request."""
    return payment(account, amount, idempotency_key=key, **fields)


async def send(merchant: Merchant, items: Any, *, ndjson: bool = False) -> httpx.Response:
    """The answer to a bulk request, as an array or as lines."""
    if not ndjson:
        return await merchant.api.post(PATH, items, key=None)
    lines = "\n".join(json.dumps(one) for one in items)
    return await merchant.api.post(
        PATH, lines.encode(), key=None, content_type="application/x-ndjson"
    )


async def results(merchant: Merchant, items: Any, *, ndjson: bool = False) -> list[dict[str, Any]]:
    """The results of a bulk request that as a whole was accepted."""
    found = done(await send(merchant, items, ndjson=ndjson), 200)["data"]
    return list(found)


as_array_and_lines = pytest.mark.parametrize("ndjson", [False, True], ids=["array", "lines"])


@as_array_and_lines
async def test_each_item_has_its_result_in_the_order_of_the_request(
    merchant: Merchant, ndjson: bool
) -> None:
    """A thousand items become a thousand payments, each answered at its place."""
    wallet = await merchant.wallet(funds=1_000_000)
    items = [item(wallet, f"k{number}", number + 1) for number in range(1_000)]

    found = await results(merchant, items, ndjson=ndjson)

    assert {result["status"] for result in found} == {201}
    assert [result["payment"]["amount"] for result in found] == list(range(1, 1_001))
    assert len({result["payment"]["id"] for result in found}) == 1_000
    assert await merchant.available(wallet) == 1_000_000 - sum(range(1, 1_001))
    assert await merchant.read(found[500]["payment"]["id"]) == found[500]["payment"]


@as_array_and_lines
async def test_a_repeated_bulk_request_is_replayed(
    merchant: Merchant, tally: Tally, ndjson: bool
) -> None:
    """All items again give all results again, and nothing is done."""
    wallet = await merchant.wallet(funds=7)
    items = [item(wallet, "a"), item(wallet, "b"), item(wallet, "c", 2)]
    first = await results(merchant, items, ndjson=ndjson)

    with tally.unchanged(merchant.id):
        again = await results(merchant, items, ndjson=ndjson)

    assert [result["status"] for result in first] == [201, 402, 201]
    assert again == [result | {"replayed": True} for result in first]


async def test_lines_and_arrays_are_the_same_request(merchant: Merchant) -> None:
    """A key does not care in which form its item came."""
    wallet = await merchant.wallet(funds=100)
    items = [item(wallet, "a"), item(wallet, "b")]
    first = await results(merchant, items)

    again = await results(merchant, items[::-1], ndjson=True)

    assert again == [result | {"replayed": True} for result in first[::-1]]


async def test_duplicates_in_one_request_get_the_first_ones_result(merchant: Merchant) -> None:
    """The same item twice is one payment; another item under its key is refused."""
    wallet = await merchant.wallet(funds=100)
    items = [item(wallet, "a"), item(wallet, "b"), item(wallet, "a"), item(wallet, "a", 6)]

    one, two, same, other = await results(merchant, items)

    assert (one["status"], two["status"]) == (201, 201)
    assert same == one | {"replayed": True}
    assert (other["status"], other["problem"]["code"]) == (422, "idempotency_key_reused")
    assert other["problem"]["facts"] == {"differs_in": "amount"}
    assert await merchant.available(wallet) == 90


async def test_refusals_are_the_items_own(merchant: Merchant) -> None:
    """Money is given in the order of the request, and a refusal spares the others."""
    wallet, empty = await merchant.wallet(funds=100), await merchant.wallet()
    done(await merchant.api.post(f"/v1/accounts/{empty}/close"))
    items = [
        item(wallet, "a", 60),
        item(wallet, "b", 60),
        item(wallet, "c", 40, currency="EUR"),
        item(empty, "d", 1),
        item(wallet, "e", 40, capture="manual"),
        item(wallet, "f", 1),
    ]

    found = await results(merchant, items)

    assert [result["status"] for result in found] == [201, 402, 409, 409, 201, 402]
    codes = [result["problem"]["code"] for result in found if "problem" in result]
    assert codes == [
        *("insufficient_funds", "currency_mismatch", "account_closed", "insufficient_funds"),
    ]
    assert found[4]["payment"]["status"] == "authorized"
    assert await merchant.available(wallet) == 0


@as_array_and_lines
@pytest.mark.parametrize(
    "bad",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 1.5},
        {"amount": 1e300},
        {"amount": "5"},
        {"amount": 2**53},
        {"amount": 10**400},
        {"amount": None},
        {"currency": "usd"},
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 256},
        {"idempotency_key": "ü"},
        {"idempotency_key": "a\u0000"},
        {"idempotency_key": None},
        {"colour": "red"},
        {"description": "\u0000"},
        {"payment_method": {"type": "wallet", "account": "acct_1"}},
        {"payment_method": {"type": "card", "account": "acct_1"}},
        {"metadata": {"a": 1}},
        *(None, 1, "text", [], [[]], {}),
    ],
    ids=lambda bad: repr(bad)[:40],
)
async def test_a_bad_item_in_the_middle_spares_the_others(
    merchant: Merchant, bad: Any, ndjson: bool
) -> None:
    """Its result is a problem, the others are paid, and its key can still be used."""
    wallet = await merchant.wallet(funds=100)
    middle = item(wallet, "middle") | bad if isinstance(bad, dict) and bad else bad
    items = [item(wallet, "first"), middle, item(wallet, "last")]

    found = await results(merchant, items, ndjson=ndjson)

    assert [result["status"] for result in found] == [201, 400, 201]
    problem = found[1]["problem"]
    assert problem["code"] in {"invalid_body", "invalid_json", "idempotency_key_malformed"}
    assert problem["retry"] == "never"
    assert await merchant.available(wallet) == 90
    good = await results(merchant, [item(wallet, "middle")])
    assert good[0]["status"] == 201
    assert "replayed" not in good[0]


async def test_a_line_that_is_not_json_spares_the_others(merchant: Merchant) -> None:
    """Lines are read one by one, so even broken ones have their result; empty ones are skipped."""
    wallet = await merchant.wallet(funds=100)
    lines = [
        json.dumps(item(wallet, "a")).encode(),
        b"",
        b'{"amount": 5, "description": "\\ud800"}',
        b"{",
        b'"\xff"',
        b"[" * 100_000,
        b"  \r",
        json.dumps(item(wallet, "b")).encode() + b"\r",
    ]

    answer = await merchant.api.post(
        PATH, b"\n".join(lines) + b"\n", key=None, content_type="application/x-ndjson"
    )

    found = done(answer, 200)["data"]
    assert [result["status"] for result in found] == [201, 400, 400, 400, 400, 201]
    assert {r["problem"]["code"] for r in found[1:5]} == {"invalid_json"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "bulk_size"),
        (b"[" + b"{}," * 10_000 + b"{}]", "bulk_size"),
        (b"", "invalid_json"),
        (b"{}", "invalid_json"),
        (b"null", "invalid_json"),
        (b"[{}", "invalid_json"),
        (b"[{},]", "invalid_json"),
        (b"[{}] []", "invalid_json"),
        (b'[{"amount": NaN}]', "invalid_json"),
        (b'["\xff', "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
        (b'[{"a":' * 50_000, "invalid_json"),
        (b"\xef\xbb\xbf[]", "invalid_json"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value,
)
async def test_what_is_no_bulk_request_is_refused_whole(
    merchant: Merchant, tally: Tally, body: bytes, code: str
) -> None:
    """Nothing, too much, or no array of JSON: one problem for all, and nothing is written."""
    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(PATH, body, key=None)

    refused(answer, 400, code)


@pytest.mark.parametrize("body", [b"", b"\n\n  \n", b"{}\n" * 10_001])
async def test_lines_have_the_same_limits(merchant: Merchant, body: bytes) -> None:
    """No line and 10,001 lines are refused whole."""
    answer = await merchant.api.post(PATH, body, key=None, content_type="application/x-ndjson")

    problem = refused(answer, 400, "bulk_size")
    assert problem["facts"] == {"limit": 10_000}


async def test_ten_thousand_bad_items_have_ten_thousand_results(merchant: Merchant) -> None:
    """The largest request may be all wrong."""
    found = await results(merchant, [{}] * 10_000)

    assert len(found) == 10_000
    assert {result["status"] for result in found} == {400}


async def test_other_content_types_are_refused(merchant: Merchant) -> None:
    """Only JSON and NDJSON are taken, and the problem says so."""
    answer = await merchant.api.post(PATH, b"[]", key=None, content_type="text/csv")

    problem = refused(answer, 415, "unsupported_media_type")
    assert "application/x-ndjson" in problem["detail"]
