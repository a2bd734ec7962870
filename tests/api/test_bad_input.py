"""Bad bodies: a clear problem, nothing written, and the key still usable."""

import gzip
import json
from typing import Any

import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import Api, done, refused
from tests.support.endpoints import WRITING, Prepare, transfer
from tests.support.tally import Tally

every_endpoint = pytest.mark.parametrize("prepare", WRITING.values(), ids=WRITING.keys())

NUL = "\\u0000"
UNPAIRED = ("\\ud800", "\\udc00", "a\\ud800b", "\\udfff\\ud800")
MARK = "@@"
"""Stands in a body for raw text that json.dumps would not write."""


async def assert_refused(
    merchant: Merchant, tally: Tally, body: bytes, code: str, pointer: str | None = None
) -> None:
    """A payment's body is refused by 400, writes nothing, and leaves the key to a good one."""
    with tally.unchanged(merchant.id):
        answer = await merchant.api.post("/v1/payments", body, key="k")
    problem = refused(answer, 400, code)
    assert problem["retry"] == "never"
    assert "idempotency-expires" not in answer.headers
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]], problem
    good = await merchant.send_payment(await merchant.wallet(funds=5), 5, key="k")
    done(good, 201)
    assert "idempotent-replayed" not in good.headers


@pytest.mark.parametrize(
    "amount",
    [
        *("0", "-1", "1.5", "1.0", "1e2", "1E2", "0.1e1", '"100"', "true", "null", "[]", "{}"),
        *(str(2**53), str(2**63), str(-(2**63)), str(2**64), str(10**400), "1e400"),
        *("NaN", "Infinity", "-Infinity"),
    ],
    ids=lambda amount: amount[:25],
)
async def test_amounts(merchant: Merchant, tally: Tally, amount: str) -> None:
    """An amount is a whole number of minor units from 1 to 2**53 - 1, written as one."""
    body = json.dumps(payment(await merchant.wallet(funds=100), MARK))
    body = body.replace(f'"{MARK}"', amount)

    await assert_refused(merchant, tally, body.encode(), "invalid_body", "/amount")


@pytest.mark.parametrize("amount", ["01", "+1", "0x1", ".5", "1.", "1_000", "1" * 10_000])
async def test_amounts_that_are_no_json(merchant: Merchant, tally: Tally, amount: str) -> None:
    """What is not a JSON number (or no computer's) is not read as one."""
    body = json.dumps(payment(await merchant.wallet(funds=100), MARK))

    await assert_refused(
        merchant, tally, body.replace(f'"{MARK}"', amount).encode(), "invalid_json"
    )


@pytest.mark.parametrize("amount", [0, -1, -60, 1.5, "60", 2**53, True])
@pytest.mark.parametrize("path", ["refund", "capture", "deposit", "transfer"])
async def test_amounts_elsewhere(merchant: Merchant, tally: Tally, path: str, amount: Any) -> None:
    """A refund, capture, deposit or entry of nothing, less or half a unit is no such thing."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 100)
    await merchant.capture(held["id"], amount=50)
    entries = [{"account": wallet, "direction": "debit", "amount": amount}] * 2
    address, body = {
        "refund": ("/v1/refunds", {"payment": held["id"], "amount": amount}),
        "capture": (f"/v1/payments/{held['id']}/capture", {"amount": amount}),
        "deposit": ("/v1/deposits", {"account": wallet, "amount": amount, "currency": "USD"}),
        "transfer": ("/v1/transfers", {"currency": "USD", "entries": entries}),
    }[path]

    with tally.unchanged(merchant.id):
        refused(await merchant.api.post(address, body), 400, "invalid_body")


@pytest.mark.parametrize(
    "currency",
    [
        "usd",
        "Usd",
        "XXX",
        "XYZ",
        "",
        "US",
        "USDD",
        " USD",
        "$",
        "\uff35\uff33\uff24",
        None,
        840,
        [],
    ],
)
async def test_currencies(merchant: Merchant, tally: Tally, currency: Any) -> None:
    """A currency is an ISO 4217 code in capitals."""
    body = payment(await merchant.wallet(funds=100), 5, currency=currency)

    await assert_refused(merchant, tally, json.dumps(body).encode(), "invalid_body", "/currency")


@pytest.mark.parametrize(
    ("metadata", "pointer"),
    [
        ({str(number): "" for number in range(51)}, "/metadata"),
        ({"": "a"}, "/metadata"),
        ({"n" * 41: "a"}, "/metadata"),
        ({"a": "v" * 501}, "/metadata"),
        ({"a": 1}, "/metadata/a"),
        ({"a": None}, "/metadata/a"),
        ({"a": {"b": "c"}}, "/metadata/a"),
        ({"a/b~c": 1}, "/metadata/a~1b~0c"),
        ([["a", "b"]], "/metadata"),
        ("a=b", "/metadata"),
        (None, "/metadata"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_metadata(merchant: Merchant, tally: Tally, metadata: Any, pointer: str) -> None:
    """Metadata has at most 50 pairs of texts, with names of 1 to 40 and values of 0 to 500."""
    body = payment(await merchant.wallet(funds=100), 5, metadata=metadata)

    await assert_refused(merchant, tally, json.dumps(body).encode(), "invalid_body", pointer)


async def test_the_most_that_is_allowed(merchant: Merchant) -> None:
    """At its limits everything is kept, counted in characters and not in bytes."""
    metadata = {f"{number:02}" + "🍢" * 38: "ọ" * 500 for number in range(50)}
    wallet = await merchant.wallet(funds=100, customer="🍢" * 255)

    paid = await merchant.pay(wallet, 5, metadata=metadata, description="🍢" * 1_000)

    assert (paid["metadata"], paid["description"]) == (metadata, "🍢" * 1_000)
    assert paid["customer"] == "🍢" * 255
    assert await merchant.read(paid["id"]) == paid


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"a/b": 1}, "/a~1b"),
        ({"idempotency_key": "k"}, "/idempotency_key"),
        ({"capture": "later"}, "/capture"),
        ({"capture": None}, "/capture"),
        ({"description": "d" * 1_001}, "/description"),
        ({"description": 5}, "/description"),
        ({"payment_method": None}, "/payment_method"),
        ({"payment_method": "wallet"}, "/payment_method"),
        ({"payment_method": {"type": "wallet"}}, "/payment_method/account"),
        ({"payment_method": {"type": "cash", "account": "a"}}, "/payment_method"),
        ({"payment_method": {"type": "card", "account": "a"}}, "/payment_method/account"),
        ({"payment_method": {"type": "card", "id": "4242"}}, "/payment_method/id"),
        ({"payment_method": {"type": "wallet", "account": "a", "b": 1}}, "/payment_method/b"),
        ({"payment_method": {"type": "wallet", "account": 1}}, "/payment_method/account"),
        *(
            ({"payment_method": {"type": "wallet", "account": account}}, "/payment_method/account")
            for account in (
                "",
                "acct_",
                "acct_01j9x6f9k2e6s8v3b7d5m4n1q",
                "acct_81j9x6f9k2e6s8v3b7d5m4n1qz",
                "acct_01J9X6F9K2E6S8V3B7D5M4N1QZ",
                "acct_01j9x6f9k2e6s8v3b7d5m4n1ql",
                "pay_01j9x6f9k2e6s8v3b7d5m4n1qz",
                "01j9x6f9k2e6s8v3b7d5m4n1qz",
                "0192fa67-a662-71b2-8d8d-3c6a9a26e3f7",
                "a" * 100_000,
            )
        ),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_fields(
    merchant: Merchant, tally: Tally, change: dict[str, Any], pointer: str
) -> None:
    """Unknown fields, wrong types and malformed ids are refused, each named by a pointer."""
    body = payment(await merchant.wallet(funds=100), 5) | change

    await assert_refused(merchant, tally, json.dumps(body).encode(), "invalid_body", pointer)


@pytest.mark.parametrize("name", ["amount", "currency", "payment_method"])
async def test_missing_fields(merchant: Merchant, tally: Tally, name: str) -> None:
    """What is required is named when it is missing."""
    body = payment(await merchant.wallet(funds=100), 5)
    del body[name]

    await assert_refused(merchant, tally, json.dumps(body).encode(), "invalid_body", f"/{name}")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_body"),
        (b"{}", "invalid_body"),
        (b"[]", "invalid_body"),
        (b'[{"amount": 5}]', "invalid_body"),
        (b"null", "invalid_body"),
        (b"5", "invalid_body"),
        (b'"text"', "invalid_body"),
        (b"{", "invalid_json"),
        (b'{"amount": 5', "invalid_json"),
        (b'{"amount": 5,}', "invalid_json"),
        (b"{'amount': 5}", "invalid_json"),
        (b'{"amount": 5} {}', "invalid_json"),
        (b"amount=5", "invalid_json"),
        (b" ", "invalid_json"),
        (b"\x00", "invalid_json"),
        (b"\xef\xbb\xbf{}", "invalid_json"),
        (b'{"description": "\xff"}', "invalid_json"),
        (b'{"description": "\xed\xa0\x80"}', "invalid_json"),
        (b'{"description": "\xc0\x80"}', "invalid_json"),
        ('{"amount": 5}'.encode("utf-16"), "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[" * 100_000 + b"]" * 100_000, "invalid_json"),
        (b'{"metadata":' * 20_000, "invalid_json"),
        (b"\x1f\x8b\x08\x00", "invalid_json"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value,
)
async def test_bodies(merchant: Merchant, tally: Tally, body: bytes, code: str) -> None:
    """What is no JSON, or no object, is refused before anything is looked at."""
    await assert_refused(merchant, tally, body, code)


async def test_a_million_faults_are_told_in_a_few(merchant: Merchant, tally: Tally) -> None:
    """The answer to a body of nothing but mistakes stays small."""
    body = json.dumps({f"{number}{'n' * 20}": 1 for number in range(5_000)}).encode()

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post("/v1/payments", body)

    refused(answer, 400, "invalid_body")
    assert len(answer.content) < 100_000


@every_endpoint
async def test_a_name_that_stands_twice_is_refused(
    merchant: Merchant, tally: Tally, prepare: Prepare
) -> None:
    """Readers disagree which of two counts, so neither does; nor if one of them is escaped."""
    ready = await prepare(merchant)
    body = json.dumps(ready.body)[1:-1]
    if not body:
        return
    name = next(iter(ready.body))
    value = json.dumps(ready.body[name])
    escaped = f"\\u{ord(name[0]):04x}{name[1:]}"

    for again in (name, escaped):
        text = f'{{{body}, "{again}": {value}}}'.encode()
        with tally.unchanged(merchant.id):
            answer = await merchant.api.post(ready.path, text, key="k")
        assert "stands twice" in refused(answer, 400, "invalid_json")["detail"]


@pytest.mark.parametrize("rest", [', "metadata": {"a": "1", "a": "2"}}', ', "amount": 900}'])
async def test_a_name_deep_inside_stands_once_too(
    merchant: Merchant, tally: Tally, rest: str
) -> None:
    """Metadata of one name and two values, and the second of two amounts, were taken."""
    wallet = await merchant.wallet(funds=1_000)
    method = f'{{"type": "wallet", "account": "{wallet}"}}'
    head = f'{{"amount": 100, "currency": "USD", "payment_method": {method}'

    await assert_refused(merchant, tally, (head + rest).encode(), "invalid_json")


async def test_a_bulk_item_with_a_name_twice_spares_the_others(merchant: Merchant) -> None:
    """The item is refused, and its neighbours are taken."""
    wallet = await merchant.wallet(funds=1_000)
    method = f'"payment_method": {{"type": "wallet", "account": "{wallet}"}}'
    item = f'{{"idempotency_key": "%s", "amount": 100, "currency": "USD", {method}%s}}'
    items = [item % ("a", ""), item % ("b", ', "amount": 900')]
    body = f"[{', '.join(items)}]".encode()

    answer = done(await merchant.api.post("/v1/payments/bulk", body))

    assert [result["status"] for result in answer["data"]] == [201, 400]
    assert await merchant.available(wallet) == 900


@every_endpoint
async def test_a_compressed_body_is_refused(
    merchant: Merchant, tally: Tally, prepare: Prepare
) -> None:
    """Nobody can make much of little: bodies are read as they come."""
    ready = await prepare(merchant)
    body = gzip.compress(json.dumps(ready.body).encode())

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(ready.path, body, key="k", content_encoding="gzip")

    refused(answer, 415, "unsupported_encoding")


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key", "X-Request-Id"])
async def test_a_header_that_stands_twice_is_refused(
    merchant: Merchant, tally: Tally, name: str
) -> None:
    """It is not guessed which of two keys is meant, nor who asks."""
    wallet = await merchant.wallet(funds=1_000)
    body = {
        "amount": 100,
        "currency": "USD",
        "payment_method": {"type": "wallet", "account": wallet},
    }
    headers = [
        ("Authorization", f"Bearer {merchant.api.secret}"),
        ("Idempotency-Key", "one"),
        ("X-Request-Id", "req_1"),
    ]
    again = [(name, dict(headers)[name] + "2")]

    with tally.unchanged(merchant.id):
        answer = await merchant.api.client.post("/v1/payments", json=body, headers=headers + again)

    assert refused(answer, 400, "repeated_header")["facts"]["header"] == name.lower()


@every_endpoint
async def test_every_endpoint_refuses_what_it_does_not_know(
    merchant: Merchant, tally: Tally, prepare: Prepare
) -> None:
    """An unknown field is refused everywhere, and the key is free for the request without it."""
    ready = await prepare(merchant)

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(ready.path, ready.body | {"colour": "red"}, key="k")
        array = await merchant.api.post(ready.path, [ready.body], key="k")
        broken = await merchant.api.post(ready.path, b"{", key="k")

    problem = refused(answer, 400, "invalid_body")
    assert [error["pointer"] for error in problem["errors"]] == ["/colour"]
    assert refused(array, 400, "invalid_body")["errors"][0]["pointer"] == ""
    refused(broken, 400, "invalid_json")
    good = await merchant.api.post(ready.path, ready.body, key="k")
    done(good, ready.status)
    assert "idempotent-replayed" not in good.headers


@every_endpoint
@pytest.mark.parametrize(
    "media_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"),
        *("application/xml", "application/jsonx", "application/x-ndjson"),
    ],
)
async def test_content_types(
    merchant: Merchant, tally: Tally, prepare: Prepare, media_type: str
) -> None:
    """Only JSON is read as JSON; whoever sends something else is told, and keeps the key."""
    ready = await prepare(merchant)

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(ready.path, ready.body, key="k", content_type=media_type)

    problem = refused(answer, 415, "unsupported_media_type")
    assert "application/json" in problem["detail"]
    good = await merchant.api.post(
        ready.path, ready.body, key="k", content_type="Application/JSON; charset=utf-8"
    )
    done(good, ready.status)


@pytest.mark.parametrize("entries", [[], [("wallet", 5)], [("wallet", 1)] * 101])
async def test_transfers_have_2_to_100_entries(
    merchant: Merchant, tally: Tally, entries: list[tuple[str, int]]
) -> None:
    """Less is no transfer, and more would hold too many locks."""
    wallet = await merchant.wallet(funds=100)

    with tally.unchanged(merchant.id):
        answer = await merchant.api.post(
            "/v1/transfers", transfer(*[(wallet, amount) for _, amount in entries])
        )

    refused(answer, 400, "invalid_body")


_METHOD = {"type": "wallet", "account": "acct_01j9x6f9k2e6s8v3b7d5m4n1qz"}
_TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "payment description": ("/v1/payments", {"description": MARK}),
    "payment name": ("/v1/payments", {"metadata": {MARK: "a"}}),
    "payment value": ("/v1/payments", {"metadata": {"a": MARK}}),
    "payment currency": ("/v1/payments", {"currency": MARK}),
    "payment capture": ("/v1/payments", {"capture": MARK}),
    "payment type": ("/v1/payments", {"payment_method": _METHOD | {"type": MARK}}),
    "payment account": ("/v1/payments", {"payment_method": _METHOD | {"account": MARK}}),
    "payment unknown": ("/v1/payments", {MARK: "a"}),
    "account customer": ("/v1/accounts", {"currency": "USD", "customer": MARK}),
    "account description": ("/v1/accounts", {"currency": "USD", "description": MARK}),
    "account value": ("/v1/accounts", {"currency": "USD", "metadata": {"a": MARK}}),
    "refund payment": ("/v1/refunds", {"payment": MARK}),
    "refund description": ("/v1/refunds", {"payment": "@pay", "description": MARK}),
    "deposit account": ("/v1/deposits", {"account": MARK, "amount": 1, "currency": "USD"}),
    "deposit description": (
        "/v1/deposits",
        {"account": "@acct", "amount": 1, "currency": "USD", "description": MARK},
    ),
    "transfer direction": (
        "/v1/transfers",
        {"currency": "USD", "entries": [_METHOD | {"direction": MARK, "amount": 1}] * 2},
    ),
    "transfer description": ("/v1/transfers", {"description": MARK}),
    "merchant name": ("/v1/merchants", {"name": MARK}),
    "merchant region": ("/v1/merchants", {"name": "a", "home_region": MARK}),
    "key name": ("/v1/api_keys", {"merchant": "@mer", "name": MARK}),
    "key scope": ("/v1/api_keys", {"merchant": "@mer", "scopes": [MARK]}),
}


@pytest.mark.parametrize("text", [NUL, f"a{NUL}b", *UNPAIRED])
@pytest.mark.parametrize("field", _TEXTS)
async def test_texts_without_a_meaning(
    admin: Api, merchant: Merchant, tally: Tally, field: str, text: str
) -> None:
    """NUL and unpaired surrogates are refused in every text: no database keeps them as they are."""
    path, given = _TEXTS[field]
    wallet = await merchant.wallet(funds=100)
    paid = await merchant.pay(wallet, 5)
    base: dict[str, Any] = {}
    if path == "/v1/payments":
        base = payment(wallet, 5)
    if field == "transfer description":
        base = transfer((wallet, -5), (await merchant.wallet(), 5))
    body = json.dumps(base | given).replace(MARK, text)
    for name, value in {"@pay": paid["id"], "@acct": wallet, "@mer": merchant.id}.items():
        body = body.replace(f'"{name}"', f'"{value}"')
    caller = admin if path in {"/v1/merchants", "/v1/api_keys"} else merchant.api

    with tally.unchanged(merchant.id):
        answer = await caller.post(path, body.encode())

    assert answer.status_code == 400, answer.text
    refused(answer, 400, "invalid_body" if NUL in text else "invalid_json")


async def test_texts_of_any_script_are_kept(merchant: Merchant) -> None:
    """Pairs of surrogates are one character, and everything but NUL comes back as it was sent."""
    text = "🍢 ọ \u202e \ufeff \ufffe \x7f \x01 \n \u0301 " + chr(0x10FFFF)
    wallet = await merchant.wallet(funds=100)
    body = payment(wallet, 5, description=text, metadata={text: text})

    paid = done(await merchant.api.post("/v1/payments", json.dumps(body).encode()))

    assert (paid["description"], paid["metadata"]) == (text, {text: text})
    assert await merchant.read(paid["id"]) == paid
