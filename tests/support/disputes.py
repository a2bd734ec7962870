"""Disputes for tests: payments that are disputed, and what a merchant says to it."""

import asyncio
from typing import Any

import httpx

from tests.support.builders import Merchant
from tests.support.client import FRESH, done
from tests.support.rails import Rails

DISPUTED = "4000000000000259"
"""A card whose payer disputes what is captured."""
FEE = 1_500
"""What the sandbox's acquirer takes for a dispute in dollars."""
WAIT_S = 30  # a notification is there after a few milliseconds


async def disputed(
    rails: Rails, merchant: Merchant, amount: int = 1_000, **fields: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A card payment, and the dispute that its payer opened at once."""
    payment = await rails.pay(merchant, amount, number=DISPUTED, **fields)
    return payment, await until(merchant, payment["id"], "needs_response")


async def until(merchant: Merchant, payment: str, *statuses: str) -> dict[str, Any]:
    """The only dispute of a payment, once it has one of these states."""
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        found = await merchant.api.all("/v1/disputes", payment=payment)
        if found and found[0]["status"] in statuses:
            (dispute,) = found
            return dispute
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.05)


async def add(
    merchant: Merchant, dispute: str, text: str = "The suya was eaten.", key: Any = FRESH
) -> httpx.Response:
    """The answer to a text as evidence."""
    return await merchant.api.post(f"/v1/disputes/{dispute}/evidence", {"text": text}, key=key)


async def upload(
    merchant: Merchant,
    dispute: str,
    content: bytes = b"%PDF-1.7 a signed bill",
    media_type: str = "application/pdf",
    *,
    name: str = "bill.pdf",
    field: str = "file",
    key: Any = FRESH,
) -> httpx.Response:
    """The answer to a file as evidence."""
    form = httpx.Request("POST", "http://form", files={field: (name, content, media_type)})
    return await merchant.api.post(
        f"/v1/disputes/{dispute}/evidence",
        form.read(),
        key=key,
        content_type=form.headers["content-type"],
    )


async def submit(merchant: Merchant, dispute: str, **more: Any) -> httpx.Response:
    """The answer to submitting all evidence."""
    return await merchant.api.post(f"/v1/disputes/{dispute}/submit", {}, **more)


async def accept(merchant: Merchant, dispute: str, **more: Any) -> httpx.Response:
    """The answer to giving a dispute up."""
    return await merchant.api.post(f"/v1/disputes/{dispute}/accept", {}, **more)


async def read(merchant: Merchant, dispute: str) -> dict[str, Any]:
    """A dispute as it is now."""
    return done(await merchant.api.get(f"/v1/disputes/{dispute}"))


def there(rails: Rails, merchant: Merchant, payment: str) -> dict[str, Any]:
    """The dispute of a payment as the processor has it."""
    (found,) = [
        dispute
        for dispute in rails.acquirer.records("disputes", merchant=merchant.id)
        if dispute["authorization"] == payment
    ]
    return dict(found)
