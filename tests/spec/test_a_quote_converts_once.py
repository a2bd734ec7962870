"""Promises 1 and 2 for conversions: whatever dies, a quote converts once, and the books balance."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.spec.test_every_step_can_be_resumed import POINTS
from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import Api
from tests.support.databases import execute
from tests.support.endpoints import conversion
from tests.support.flows import Start, finish
from tests.support.processes import ApiProcess, WorkerProcess
from tests.support.rails import QUICK, Rails, card_payment


async def _quote(merchant: Merchant, url: str, amount: int) -> dict[str, Any]:
    """A quote that outlasts any restart."""
    quote = await merchant.quote("USD", "JPY", source_amount=amount)
    execute(
        url,
        "UPDATE fx_quotes SET expires_at = created_at + interval '1 hour'"
        " WHERE correlation_id = %s",
        [quote["correlation_id"]],
    )
    return quote


async def _posted(merchant: Merchant, kind: str, currency: str) -> int:
    account = await merchant.own_account(kind, currency)
    return int((await merchant.balance(account))["posted"])


async def _killed(process: ApiProcess, merchant: Merchant, start: Start) -> dict[str, Any]:
    """The final answer to a request whose first process died of it."""
    async with Api(process.url, merchant.api.secret) as doomed:
        with pytest.raises(httpx.TransportError):
            await doomed.post(start.path, start.body, key="the-key")
    assert process.wait() != 0
    return await finish(merchant, start, "the-key")


CASES = [
    *[("payment", point) for point in POINTS],
    # A refund is converted by its first commit; the flow after it is every other refund's.
    ("refund", "BEFORE_COMMIT:kill:1"),
    ("refund", "AFTER_EXTERNAL:kill:1"),
]


@pytest.mark.chaos
@pytest.mark.parametrize(("what", "point"), CASES)
async def test_a_card_that_pays_in_another_currency(
    what: str,
    point: str,
    rails: Rails,
    rails_worker: WorkerProcess,
    merchant: Merchant,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """Killed at any step, it is charged and converted once, and so is its refund."""
    quote = await _quote(merchant, shared_database_url, 9_000)
    start = Start("/v1/payments", card_payment(rails.card(merchant), 9_000, fx_quote=quote["id"]))
    if what == "refund":
        paid = await rails.pay(merchant, 9_000, fx_quote=quote["id"])
        start = Start("/v1/refunds", {"payment": paid["id"], "amount": 4_000})
    settings = rails.settings | QUICK | {"saga_lease_ms": "500"}
    process = start_api(shared_database_url, faults=point, **settings)

    answer = await _killed(process, merchant, start)

    back = answer["exchange"]["amount"] if what == "refund" else 0
    paid = await merchant.read(answer["payment"] if what == "refund" else answer["id"])
    assert (paid["status"], paid["exchange"]["amount_refunded"]) == ("captured", back)
    assert paid["exchange"]["amount"] == quote["target_amount"]
    pending = await _posted(merchant, "merchant_pending", "JPY")
    assert pending == quote["target_amount"] - paid["fee"]
    if what == "refund":
        assert await _posted(merchant, "merchant_available", "JPY") == -back
    there = rails.acquirer.authorization(paid["id"])
    assert (there["captured_amount"], there["refunded_amount"]) == (
        9_000,
        4_000 if what == "refund" else 0,
    )
    await books.assert_in_order(shared_database_url)


@pytest.mark.chaos
@pytest.mark.parametrize("point", ["BEFORE_COMMIT:kill:1", "AFTER_COMMIT_BEFORE_ANSWER:kill:1"])
async def test_a_transfer_between_currencies(
    point: str,
    merchant: Merchant,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """Killed around its commit, it moves once when it is asked for again."""
    dollars, yen = await merchant.wallet(funds=10_000), await merchant.wallet("JPY")
    quote = await _quote(merchant, shared_database_url, 4_000)
    process = start_api(shared_database_url, faults=point)

    await _killed(process, merchant, Start("/v1/transfers", conversion(quote, dollars, yen)))

    assert await merchant.available(dollars) == 6_000
    assert await merchant.available(yen) == quote["target_amount"]
    await books.assert_in_order(shared_database_url)
