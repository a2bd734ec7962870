"""Merchants with money to pay out, and bank accounts for it."""

import asyncio
import time
from typing import Any

from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import Api, done

IBAN = "DE89370400440532013000"
"""The example of the standard; its check digits are right."""
FUNDS = 1_000_000
LIMIT = 1_000_000
"""Above it payouts need a second key, unless a setting says otherwise (minor units of EUR)."""

PATIENCE_S = 60
"""What is resolved within seconds takes longer on a busy machine; more means it hangs."""


async def earn(merchant: Merchant, amount: int, currency: str = "EUR") -> None:
    """Make `amount` available to a merchant that pays no fees."""
    await merchant.pay(await merchant.wallet(currency, amount), amount, currency=currency)


async def bank_account(merchant: Merchant, iban: str = IBAN, **fields: Any) -> str:
    """The id of a new bank account."""
    body = {"iban": iban, "name": "Ada Obi"} | fields
    return str(done(await merchant.api.post("/v1/bank_accounts", body), 201)["id"])


async def pay_out(merchant: Merchant, amount: int, to: str, **fields: Any) -> dict[str, Any]:
    """A payout that must be accepted."""
    return done(await merchant.api.post("/v1/payouts", order(amount, to, **fields)), 201)


def order(amount: Any, to: str, **fields: Any) -> dict[str, Any]:
    """The body of a payout."""
    return {"amount": amount, "currency": "EUR", "bank_account": to} | fields


async def second_key(merchant: Merchant, admin: Api) -> Merchant:
    """The same merchant with another key."""
    key = done(await admin.post("/v1/api_keys", {"merchant": merchant.id}))
    return Merchant(merchant.id, key["id"], merchant.api.as_(key["secret"]))


async def available(merchant: Merchant, currency: str = "EUR") -> int:
    """What can be paid out."""
    return await merchant.available(await merchant.own_account("merchant_available", currency))


async def in_transit(merchant: Merchant, currency: str = "EUR") -> int:
    """What is on its way to banks."""
    return await merchant.available(await merchant.own_account("payouts_in_transit", currency))


async def becomes(merchant: Merchant, payout_id: str, *statuses: str) -> dict[str, Any]:
    """The payout as soon as it is in one of these states."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        payout = await read(merchant, payout_id)
        if payout["status"] in statuses:
            return payout
        assert time.monotonic() < deadline, payout
        await asyncio.sleep(0.05)


async def read(merchant: Merchant, payout_id: str) -> dict[str, Any]:
    """The payout as it is now."""
    return done(await merchant.api.get(f"/v1/payouts/{payout_id}"))


async def story(merchant: Merchant, payout_id: str) -> list[str]:
    """What was told of a payout, oldest first."""
    events = await merchant.api.all("/v1/events", object=payout_id)
    return [event["type"].removeprefix("payout.") for event in reversed(events)]


async def assert_at_rest(merchant: Merchant, *, left: int, url: str) -> None:
    """Nothing is on its way any more, and the books are in order."""
    assert (await available(merchant), await in_transit(merchant)) == (left, 0)
    await books.assert_in_order(url)
