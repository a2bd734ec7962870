"""GET /v1/payments: filters, alone and together, kept across pages and in both directions."""

import json
from typing import Any

import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import done


@pytest.fixture
async def payments(merchant: Merchant) -> list[dict[str, Any]]:
    """Payments of two customers in several states and sizes, newest first."""
    ada = await merchant.wallet(funds=10_000, customer="ada")
    bola = await merchant.wallet(funds=10_000, customer="bola")
    for number, wallet in enumerate((ada, bola) * 4):
        label = {"order": str(number % 3), "even": str(number % 2 == 0)}
        await merchant.pay(wallet, 100 * (number + 1), metadata=label)
    held = [await merchant.authorize(wallet, 50, metadata={"order": "0"}) for wallet in (ada, bola)]
    await merchant.cancel(held[0]["id"])
    part = await merchant.authorize(ada, 60)
    await merchant.capture(part["id"], amount=1)
    return await merchant.api.all("/v1/payments")


@pytest.mark.parametrize(
    "params",
    [
        {"status": "captured"},
        {"status": "authorized"},
        {"status": "canceled"},
        {"status": "partially_captured"},
        {"status": "expired"},
        {"customer": "ada"},
        {"customer": "nobody"},
        {"amount[gte]": 300},
        {"amount[lte]": 300},
        {"amount[gte]": 300, "amount[lte]": 500},
        {"amount[gte]": 500, "amount[lte]": 300},
        {"metadata[order]": "0"},
        {"metadata[order]": "0", "metadata[even]": "True"},
        {"metadata[order]": ""},
        {"metadata[nothing]": "0"},
        {"customer": "bola", "status": "captured"},
        {"customer": "bola", "metadata[order]": "0", "amount[gte]": 100},
        {"status": "captured", "metadata[even]": "True", "amount[lte]": 400, "customer": "ada"},
    ],
    ids=str,
)
@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_filters(
    merchant: Merchant, payments: list[dict[str, Any]], params: dict[str, Any], limit: int
) -> None:
    """A filtered list has exactly what matches, whatever the size of a page, also backwards."""
    expected = [p["id"] for p in payments if _admits(p, params)]

    forward = await merchant.api.all("/v1/payments", limit=limit, **params)

    assert [p["id"] for p in forward] == expected
    back: list[str] = []
    cursor, more = payments[-1]["id"], True
    while more:
        asked = params | {"limit": limit, "ending_before": cursor}
        page = done(await merchant.api.get("/v1/payments", asked))
        back = [p["id"] for p in page["data"]] + back
        more = page["has_more"]
        cursor = page.get("next_cursor") or (back[0] if back else cursor)
    assert back == [p for p in expected if p != payments[-1]["id"]]


async def test_a_payment_moves_between_lists(merchant: Merchant) -> None:
    """A list by status follows the status."""
    held = await merchant.authorize(await merchant.wallet(funds=100), 100)

    before = await merchant.api.all("/v1/payments", status="authorized")
    captured = await merchant.capture(held["id"])

    assert before == [held]
    assert await merchant.api.all("/v1/payments", status="authorized") == []
    assert await merchant.api.all("/v1/payments", status="captured") == [captured]


async def test_names_of_any_kind(merchant: Merchant) -> None:
    """Customers and metadata in any script, with any punctuation, are found again."""
    names = ["Ada Ọbí 🍢", "a&b=c", "100%", "[x]", "' OR 1=1 --", "a+b", '\t\\"']
    for name in names:
        wallet = await merchant.wallet(funds=10, customer=name)
        await merchant.pay(wallet, 10, metadata={name: name})

    for name in names:
        (by_customer,) = await merchant.api.all("/v1/payments", customer=name)
        (by_label,) = await merchant.api.all("/v1/payments", **{f"metadata[{name}]": name})
        assert by_customer == by_label
        assert by_customer["metadata"] == {name: name}


@pytest.mark.slow
async def test_a_rare_match_far_back_is_reached(merchant: Merchant) -> None:
    """A page over many payments that do not match ends early and says where to go on."""
    wallet = await merchant.wallet(funds=1_000_000)
    rare = [(await merchant.pay(wallet, 777))["id"] for _ in range(2)]
    items = [payment(wallet, 1, idempotency_key=f"k{number}") for number in range(10_000)]
    bulk = await merchant.api.post("/v1/payments/bulk", json.dumps(items).encode(), key=None)
    assert {item["status"] for item in done(bulk, 200)["data"]} == {201}

    first = done(await merchant.api.get("/v1/payments", {"amount[gte]": 777}))

    assert (first["data"], first["has_more"]) == ([], True)
    assert first["next_cursor"].startswith("pay_")
    found = await merchant.api.all("/v1/payments", **{"amount[gte]": 777})
    assert [p["id"] for p in found] == rare[::-1]
    asked = {"amount[gte]": 777, "ending_before": rare[0]}
    newer = done(await merchant.api.get("/v1/payments", asked))
    assert [p["id"] for p in newer["data"]] == [rare[1]]


def _admits(paid: dict[str, Any], params: dict[str, Any]) -> bool:
    labels = {n[9:-1]: v for n, v in params.items() if n.startswith("metadata[")}
    return (
        paid["status"] == params.get("status", paid["status"])
        and paid["customer"] == params.get("customer", paid["customer"])
        and params.get("amount[gte]", 0) <= paid["amount"] <= params.get("amount[lte]", 2**53)
        and all(paid["metadata"].get(name) == value for name, value in labels.items())
    )
