"""A merchant sees only its own: another merchant's id is answered exactly as a missing one."""

import re
from typing import Any

import pytest

from tests.conftest import NewMerchant
from tests.support.builders import Merchant, payment
from tests.support.client import done
from tests.support.endpoints import transfer
from tests.support.tally import Tally

MISSING = {
    "account": "acct_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "payment": "pay_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "refund": "re_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "transfer": "tr_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "event": "evt_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "fx_quote": "fxq_01j9x6f9k2e6s8v3b7d5m4n1qz",
    "customer": "cus_01j9x6f9k2e6s8v3b7d5m4n1qz",
}
NOBODY = "acct_01j9x6f9k2e6s8v3b7d5m4n1r0"
_ID = re.compile(r"\b(acct|cus|fxq|pay|re|tr|evt|req)_[0-9a-z]{26}\b")


@pytest.fixture
async def theirs(new_merchant: NewMerchant) -> dict[str, str]:
    """Ids of every kind, of another merchant; the payment could be captured and refunded."""
    other = await new_merchant()
    wallet = await other.wallet(funds=5_000)
    held = await other.authorize(wallet, 1_000)
    await other.capture(held["id"], amount=500)
    refund = await other.refund(held["id"], amount=100)
    (deposit, *_) = (await other.api.all("/v1/transfers"))[::-1]
    events = await other.api.all("/v1/events")
    return {
        "merchant": other.id,
        "account": wallet,
        "payment": held["id"],
        "refund": refund["id"],
        "transfer": deposit["id"],
        "event": events[0]["id"],
        "customer": await other.customer(name="Ada"),
        "fx_quote": (await other.quote("USD", "EUR", source_amount=1_000))["id"],
    }


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("payment", "/v1/payments/{}"),
        ("refund", "/v1/refunds/{}"),
        ("account", "/v1/accounts/{}"),
        ("account", "/v1/accounts/{}/balance"),
        ("account", "/v1/accounts/{}/balance?as_of=2026-01-31T12:00:00Z"),
        ("account", "/v1/accounts/{}/entries"),
        ("transfer", "/v1/transfers/{}"),
        ("event", "/v1/events/{}"),
        ("fx_quote", "/v1/fx/quotes/{}"),
        ("customer", "/v1/customers/{}"),
    ],
)
async def test_reading(merchant: Merchant, theirs: dict[str, str], kind: str, path: str) -> None:
    """Whatever is read, it is not there."""
    missing = await merchant.api.get(path.format(MISSING[kind]))
    other = await merchant.api.get(path.format(theirs[kind]))

    assert missing.status_code == other.status_code == 404
    assert _shape(other.text) == _shape(missing.text)
    assert sorted(other.headers) == sorted(missing.headers)


@pytest.mark.parametrize(
    ("kind", "path", "body"),
    [
        ("payment", "/v1/payments/{}/capture", {"amount": 1}),
        ("payment", "/v1/payments/{}/cancel", {}),
        ("account", "/v1/accounts/{}/close", {}),
        ("customer", "/v1/customers/{}", {"name": "Eve"}),
        ("customer", "/v1/customers/{}/delete", {}),
        ("payment", "/v1/refunds", {"payment": "{}", "amount": 1}),
        ("account", "/v1/deposits", {"account": "{}", "amount": 1, "currency": "USD"}),
        ("account", "/v1/payments", payment("{}", 1)),
        ("account", "/v1/payments", payment("{}", 1, capture="manual")),
        ("account", "/v1/payments", payment("{}", 1, currency="EUR")),
        ("account", "/v1/transfers", transfer(("{}", -1), (NOBODY, 1))),
        ("account", "/v1/transfers", transfer((NOBODY, -1), ("{}", 1))),
    ],
)
async def test_writing(
    merchant: Merchant,
    tally: Tally,
    theirs: dict[str, str],
    kind: str,
    path: str,
    body: dict[str, Any],
) -> None:
    """Whatever is tried on it, it is not there, and its owner's rows do not change."""
    missing = await merchant.api.post(path.format(MISSING[kind]), _fill(body, MISSING[kind]))
    with tally.unchanged(theirs["merchant"]):
        other = await merchant.api.post(path.format(theirs[kind]), _fill(body, theirs[kind]))

    assert missing.status_code == other.status_code == 404
    assert _shape(other.text) == _shape(missing.text)
    assert sorted(other.headers) == sorted(missing.headers)


async def test_writing_in_bulk(merchant: Merchant, theirs: dict[str, str]) -> None:
    """An item that pays from another merchant's wallet is refused like one from no wallet."""
    items = [
        payment(account, 1, idempotency_key=account)
        for account in (theirs["account"], MISSING["account"])
    ]

    other, missing = done(await merchant.api.post("/v1/payments/bulk", items))["data"]

    assert (other["status"], other["problem"]["code"]) == (404, "account_not_found")
    assert _shape(str(other)) == _shape(str(missing))


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("/v1/refunds", "payment", "payment"),
        ("/v1/events", "object", "payment"),
        ("/v1/events", "object", "account"),
        ("/v1/payments", "starting_after", "payment"),
        ("/v1/payments", "ending_before", "payment"),
    ],
)
async def test_lists(
    merchant: Merchant, theirs: dict[str, str], path: str, name: str, kind: str
) -> None:
    """Another merchant's id as a filter or cursor shows nothing of theirs."""
    page = done(await merchant.api.get(path, {name: theirs[kind]}))

    assert page == {"data": [], "has_more": False}


async def test_everything_else_is_empty(merchant: Merchant, theirs: dict[str, str]) -> None:
    """A fresh merchant's lists are empty beside another's full ones."""
    for path in (
        "payments",
        "refunds",
        "accounts",
        "transfers",
        "events",
        "fx/quotes",
        "customers",
    ):
        assert await merchant.api.all(f"/v1/{path}") == []


def _fill(body: Any, name: str) -> Any:
    if isinstance(body, dict):
        return {field: _fill(value, name) for field, value in body.items()}
    if isinstance(body, list):
        return [_fill(item, name) for item in body]
    return name if body == "{}" else body


def _shape(text: str) -> str:
    """A problem without the ids in it."""
    return _ID.sub("<id>", text)
