"""Payments at a quote: the payer pays one currency, and the merchant gets another."""

import asyncio
from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest

from tests.support.builders import Merchant, payment
from tests.support.client import done, refused
from tests.support.endpoints import conversion
from tests.support.processes import WorkerProcess
from tests.support.quotes import expired
from tests.support.rails import DECLINED, Rails
from tests.support.tally import Tally


def fee_of(amount: int) -> int:
    """What a merchant without a fee plan pays: 2.9 % and 30 minor units."""
    return round(amount * 290 / 10_000) + 30


async def owned(merchant: Merchant, kind: str, currency: str) -> int:
    """What is posted on one of the merchant's own accounts."""
    found = await merchant.balance(await merchant.own_account(kind, currency))
    return int(found["posted"])


async def test_a_wallet_pays_in_another_currency(merchant: Merchant) -> None:
    """The wallet loses the source amount; the merchant gets the target amount less a fee in it."""
    wallet = await merchant.wallet(funds=20_000)
    quote = await merchant.quote("USD", "EUR", source_amount=10_000)

    paid = await merchant.pay(wallet, 10_000, fx_quote=quote["id"])

    target = quote["target_amount"]
    assert (paid["status"], paid["currency"], paid["amount_captured"]) == (
        "captured",
        "USD",
        10_000,
    )
    assert paid["exchange"] == {
        "fx_quote": quote["id"],
        "rate": quote["rate"],
        "currency": "EUR",
        "amount": target,
        "amount_refunded": 0,
    }
    assert paid["fee"] == fee_of(target)
    assert await merchant.available(wallet) == 10_000
    assert await owned(merchant, "merchant_available", "EUR") == target - paid["fee"]
    used = done(await merchant.api.get(f"/v1/fx/quotes/{quote['id']}"))
    assert (used["status"], used["payment"]) == ("used", paid["id"])
    facts = await merchant.api.all("/v1/events")
    assert {f["type"] for f in facts[:2]} == {"payment.captured", "fx_quote.used"}
    assert await merchant.read(paid["id"]) == paid


async def test_refunds_convert_back_at_the_same_rate(merchant: Merchant) -> None:
    """In parts or not, the payer gets back what was paid, and the merchant gives what it got."""
    wallet = await merchant.wallet(funds=10_000)
    quote = await merchant.quote("USD", "JPY", source_amount=9_999)
    paid = await merchant.pay(wallet, 9_999, fx_quote=quote["id"])

    refunds = [await merchant.refund(paid["id"], amount=amount) for amount in (1, 3_333, 6_665)]

    assert [refund["currency"] for refund in refunds] == ["USD"] * 3
    assert {refund["exchange"]["currency"] for refund in refunds} == {"JPY"}
    assert sum(refund["exchange"]["amount"] for refund in refunds) == quote["target_amount"]
    assert await merchant.available(wallet) == 10_000
    assert await owned(merchant, "merchant_available", "JPY") == -paid["fee"]
    after = await merchant.read(paid["id"])
    assert (after["amount_refunded"], after["exchange"]["amount_refunded"]) == (
        9_999,
        quote["target_amount"],
    )
    answer = await merchant.api.post("/v1/refunds", {"payment": paid["id"], "amount": 1})
    refused(answer, 409, "refund_exceeds_capture")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 201, None),
        ({"amount": 999}, 409, "quote_mismatch"),
        ({"currency": "EUR"}, 409, "quote_mismatch"),
        ({"capture": "manual"}, 400, "invalid_body"),
        ({"payment_method": {"type": "bank_transfer"}}, 400, "invalid_body"),
        ({"fx_quote": "fxq_01j9x6f9k2e6s8v3b7d5m4n1qz"}, 404, "quote_not_found"),
        ({"fx_quote": "pay_01j9x6f9k2e6s8v3b7d5m4n1qz"}, 400, "invalid_body"),
        ({"wallet": "euros"}, 409, "currency_mismatch"),
        ({"wallet": "poor"}, 402, "insufficient_funds"),
        ({"expired": True}, 409, "quote_expired"),
    ],
)
async def test_refusals(
    merchant: Merchant,
    shared_database_url: str,
    change: dict[str, Any],
    status: int,
    code: str | None,
) -> None:
    """What a quote was not made for is refused, and leaves it as it was."""
    change = dict(change)
    wallets = {"own": ("USD", 5_000), "euros": ("EUR", 5_000), "poor": ("USD", 999)}
    wallet = await merchant.wallet(*wallets[change.pop("wallet", "own")])
    quote = await merchant.quote("USD", "EUR", source_amount=1_000)
    is_late = change.pop("expired", False)
    body = payment(wallet, 1_000, fx_quote=quote["id"]) | change

    with expired(shared_database_url, quote) if is_late else nullcontext():
        answer = await merchant.api.post("/v1/payments", body)

    if code is None:
        done(answer, status)
        return
    refused(answer, status, code)
    left = done(await merchant.api.get(f"/v1/fx/quotes/{quote['id']}"))
    assert left["payment"] is None


async def test_payments_and_transfers_share_the_quote_of_one(merchant: Merchant) -> None:
    """Raced for by payments, bulk payments and transfers, a quote is used by exactly one."""
    wallet, euros = await merchant.wallet(funds=100_000), await merchant.wallet("EUR")
    quote = await merchant.quote("USD", "EUR", source_amount=1_000)
    body = payment(wallet, 1_000, fx_quote=quote["id"])

    async def bulk(number: int) -> list[tuple[int, str | None]]:
        items = [body | {"idempotency_key": f"bulk-{number}-{n}"} for n in range(3)]
        results = done(await merchant.api.post("/v1/payments/bulk", items))["data"]
        return [(r["status"], r.get("problem", {}).get("code")) for r in results]

    async def post(path: str, some: dict[str, Any]) -> list[tuple[int, str | None]]:
        answer = await merchant.api.post(path, some)
        return [(answer.status_code, answer.json().get("code"))]

    outcomes = await asyncio.gather(
        *[post("/v1/payments", body) for _ in range(6)],
        *[post("/v1/transfers", conversion(quote, wallet, euros)) for _ in range(6)],
        *[bulk(number) for number in range(2)],
    )

    counted = Counter(one for some in outcomes for one in some)
    assert counted == {(201, None): 1, (409, "quote_used"): 17}
    assert await merchant.available(wallet) == 99_000


async def test_the_same_key_pays_once(merchant: Merchant, tally: Tally) -> None:
    """A repeated request at a quote is answered by the same bytes, and uses nothing again."""
    wallet = await merchant.wallet(funds=5_000)
    quote = await merchant.quote("USD", "EUR", source_amount=1_000)
    body = payment(wallet, 1_000, fx_quote=quote["id"])

    first = await merchant.api.post("/v1/payments", body, key="k")
    with tally.unchanged(merchant.id):
        again = await merchant.api.post("/v1/payments", body, key="k")

    assert (first.status_code, again.content) == (201, first.content)


async def test_a_card_pays_in_another_currency(rails: Rails, merchant: Merchant) -> None:
    """The processor owes what the card paid; the merchant awaits the other currency."""
    quote = await merchant.quote("USD", "EUR", source_amount=5_000)

    paid = await rails.pay(merchant, 5_000, fx_quote=quote["id"])

    target = quote["target_amount"]
    assert (paid["status"], paid["fee"]) == ("captured", fee_of(target))
    assert paid["exchange"]["amount"] == target
    assert await owned(merchant, "processor_receivable", "USD") == 5_000
    assert await owned(merchant, "merchant_pending", "USD") == 0
    assert await owned(merchant, "merchant_pending", "EUR") == target - paid["fee"]
    there = rails.acquirer.authorization(paid["id"])
    assert (there["captured_amount"], there["currency"]) == (5_000, "USD")


async def test_a_cards_refund_that_fails(rails: Rails, merchant: Merchant) -> None:
    """What is left taken back is the share of what is left refunded, whichever came first."""
    quote = await merchant.quote("USD", "JPY", source_amount=5_000)
    paid = await rails.pay(merchant, 5_000, fx_quote=quote["id"])
    first = await merchant.refund(paid["id"], amount=1_999)
    second = await merchant.refund(paid["id"], amount=1_000)
    taken = first["exchange"]["amount"] + second["exchange"]["amount"]
    assert await owned(merchant, "merchant_available", "JPY") == -taken

    rails.acquirer.fail_refund(first["id"])

    deadline = asyncio.get_running_loop().time() + 20
    while (refund := done(await merchant.api.get(f"/v1/refunds/{first['id']}")))[
        "status"
    ] != "failed":
        assert asyncio.get_running_loop().time() < deadline, refund
        await asyncio.sleep(0.05)
    share = -(-quote["target_amount"] * 1_000 // 5_000)
    assert await owned(merchant, "merchant_available", "JPY") == -share
    after = await merchant.read(paid["id"])
    assert (after["amount_refunded"], after["exchange"]["amount_refunded"]) == (
        1_000,
        share,
    )
    rest = await merchant.refund(paid["id"])
    assert rest["amount"] == 4_000
    assert await owned(merchant, "merchant_available", "JPY") == -quote["target_amount"]


async def test_a_declined_card_uses_the_quote_up(rails: Rails, merchant: Merchant) -> None:
    """Nothing is converted, and the next attempt needs another quote."""
    quote = await merchant.quote("USD", "EUR", source_amount=5_000)

    declined = await rails.send(merchant, 5_000, number=DECLINED, fx_quote=quote["id"])
    again = await rails.send(merchant, 5_000, fx_quote=quote["id"])

    refused(declined, 402, "payment_declined")
    refused(again, 409, "quote_used")
    assert await owned(merchant, "processor_receivable", "USD") == 0


async def test_an_unknown_outcome_keeps_its_rate(
    rails: Rails, rails_worker: WorkerProcess, merchant: Merchant
) -> None:
    """A charge whose answer is lost is converted at its quote when it is known."""
    quote = await merchant.quote("USD", "EUR", source_amount=5_000)

    answer = await rails.send(
        merchant, 5_000, fault="timeout_after", prefer="respond-async", fx_quote=quote["id"]
    )

    made = done(answer, 202)
    deadline = asyncio.get_running_loop().time() + 20
    while (paid := await merchant.read(made["id"]))["status"] != "captured":
        assert asyncio.get_running_loop().time() < deadline, paid
        await asyncio.sleep(0.05)
    assert paid["exchange"]["amount"] == quote["target_amount"]
    assert await owned(merchant, "merchant_pending", "EUR") == quote["target_amount"] - paid["fee"]
