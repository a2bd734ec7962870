"""A card number anywhere in a request is refused before anything is stored, and not repeated."""

import json
from typing import Any

import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import Api, done, refused
from tests.support.processes import ApiProcess
from tests.support.tally import Tally

NUMBER = "4000056655665556"
CODE = "card_number_not_allowed"


@pytest.mark.parametrize(
    "fields",
    [
        {"description": f"paid by {NUMBER}"},
        {"description": "4000 0566 5566 5556"},
        {"metadata": {"card": NUMBER}},
        {"metadata": {NUMBER: "card"}},
        {"amount": int(NUMBER)},
        {"unknown": NUMBER},
        {NUMBER: 1},
    ],
)
async def test_in_a_body(merchant: Merchant, tally: Tally, fields: dict[str, Any]) -> None:
    """In whichever field or name it stands, nothing is done and the answer does not have it."""
    good = payment(await merchant.wallet(funds=100), 5)
    with tally.unchanged(merchant.id):
        answer = await merchant.api.post("/v1/payments", good | fields, key="k")

    refused(answer, 400, CODE)
    assert NUMBER not in answer.text
    assert done(await merchant.api.post("/v1/payments", good, key="k"))


async def test_in_a_body_that_is_no_json(merchant: Merchant) -> None:
    """It is refused for what it contains before it is refused for its form."""
    answer = await merchant.api.post("/v1/payments", f"number={NUMBER}".encode())

    refused(answer, 400, CODE)


@pytest.mark.parametrize("ndjson", [False, True], ids=["array", "lines"])
async def test_in_one_item_of_many(merchant: Merchant, ndjson: bool) -> None:
    """The item is refused; its neighbours are payments."""
    wallet = await merchant.wallet(funds=100)
    items = [payment(wallet, 5, idempotency_key=f"k{number}") for number in range(3)]
    items[1]["metadata"] = {"card": NUMBER}
    text = "\n".join(map(json.dumps, items)) if ndjson else json.dumps(items)
    kind = "application/x-ndjson" if ndjson else "application/json"

    answer = await merchant.api.post(
        "/v1/payments/bulk", text.encode(), key=None, content_type=kind
    )

    found = done(answer)["data"]
    assert [result["status"] for result in found] == [201, 400, 201]
    assert found[1]["problem"]["code"] == CODE
    assert NUMBER not in answer.text


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/payments/{NUMBER}",
        f"/v1/payments/pay_{NUMBER}",
        f"/{NUMBER}",
        f"/v1/payments?customer={NUMBER}",
        f"/v1/payments?{NUMBER}=1",
        "/v1/payments?metadata[card]=4000+0566+5566+5556",
        "/v1/payments?metadata[card]=%34000056655665556",
        "/v1/payments/%34000056655665556",
    ],
)
async def test_in_a_target(merchant: Merchant, target: str) -> None:
    """A path or query with one is answered without it."""
    answer = await merchant.api.get(target)

    refused(answer, 400, CODE)
    assert NUMBER not in answer.text


@pytest.mark.parametrize("header", ["idempotency_key", "x_request_id"])
async def test_in_a_header(merchant: Merchant, tally: Tally, header: str) -> None:
    """Headers that would be stored are looked at; the request gets an id of ours."""
    body = payment(await merchant.wallet(funds=100), 5)
    headers = {"idempotency_key": "k", header: f"card:{NUMBER}"}
    with tally.unchanged(merchant.id):
        answer = await merchant.api.post("/v1/payments", body, key=None, **headers)

    problem = refused(answer, 400, CODE)
    assert NUMBER not in answer.text
    assert NUMBER not in str(answer.headers)
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "spelling",
    [
        "\\u0034000\\u00a00566\\u20095566\\ufeff5556",
        "\\uff14000\\n0566\\t5566\\r\\n5556",
        "\\ud835\\udfd2000.0566.5566.5556",
        "Visa4000056655665556",
    ],
)
async def test_in_any_spelling(merchant: Merchant, tally: Tally, spelling: str) -> None:
    """What counts is the value that a reader of the JSON would get."""
    good = payment(await merchant.wallet(funds=100), 5)
    body = json.dumps(good | {"metadata": {"a": "SPELLING"}}).replace("SPELLING", spelling)
    with tally.unchanged(merchant.id):
        answer = await merchant.api.post("/v1/payments", body.encode(), key="k")

    refused(answer, 400, CODE)


@pytest.mark.parametrize(
    "number",
    [
        *("20261201143000", "20261201143005", "353918051234560", "4915112345678"),
        *("2026-12-01 14:30:00.123456", "4006381333931", "1764594600000"),
    ],
)
async def test_an_order_number_may_be_a_time_or_a_telephone(
    merchant: Merchant, number: str
) -> None:
    """Numbers that no issuer has are what the client says they are, whatever their check digit."""
    good = payment(await merchant.wallet(funds=100), 5, metadata={"order": number, number: "a"})

    assert done(await merchant.api.post("/v1/payments", good, key=f"order-{number}"))


async def test_lengths_count_before_anything_is_looked_at(merchant: Merchant) -> None:
    """A header, path or query that is too long is refused for that, whatever it says."""
    api, long = merchant.api, NUMBER * 3_000
    told = await api.get("/healthz", x_request_id=long)
    asked = await api.get("/v1/payments", x_request_id=f"{NUMBER}-{'x' * 128}")
    keyed = await api.post("/v1/payments", {}, key=f"{NUMBER}-{'x' * 1_024}")

    assert done(told) == {"status": "up"}
    assert told.headers["x-request-id"].startswith("req_")
    refused(asked, 400, "invalid_request_id")
    refused(keyed, 400, "invalid_body")
    for target in (f"/{NUMBER}/{'x' * 1_024}", f"/v1/payments?{NUMBER}={'x' * 8_192}"):
        answer = await api.get(target)
        refused(answer, 414, "target_too_long")
        assert NUMBER not in answer.text


async def test_in_a_secret_or_a_method(api: Api, api_process: ApiProcess) -> None:
    """What is not looked at is not written anywhere."""
    refused(await api.as_(NUMBER).get("/v1/payments"), 401, "unauthorized")
    await api.request(NUMBER, "/v1/payments")
    refused(await api.get("/v1/payments", x_request_id="the last of them"), 400,
            "invalid_request_id")  # fmt: skip

    assert NUMBER not in api_process.log_path.read_text("utf-8")
