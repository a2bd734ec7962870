"""/v1/fx/quotes, and transfers between wallets of two currencies."""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.conftest import NewMerchant
from tests.support import books, builders
from tests.support.builders import Merchant, payment
from tests.support.client import Api, done, refused
from tests.support.endpoints import conversion
from tests.support.processes import ADMIN_KEY, ApiProcess
from tests.support.quotes import expired
from tests.support.tally import Tally

UNKNOWN = "fxq_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_a_quote_is_made_read_and_listed(merchant: Merchant) -> None:
    """It says both amounts, the exact rates, the spread, and until when it holds."""
    body = {
        "source_currency": "USD",
        "target_currency": "JPY",
        "source_amount": 10_000,
        "metadata": {"a": "b"},
    }

    answer = await merchant.api.post("/v1/fx/quotes", body)

    quote = done(answer, 201)
    told = body | {
        "status": "open",
        "fixed_side": "source",
        "rate_source": "fixed",
        "rate_day": "2026-01-02",
        "reference_rate": "156.853875042",
        "rate": "155.28533629158",
        "spread_bps": 100,
        "target_amount": 15_528,
        "spread_amount": 156,
        "transfer": None,
        "payment": None,
        "correlation_id": answer.headers["x-request-id"],
        "object": "fx_quote",
    }
    assert {name: quote[name] for name in told} == told
    assert Decimal(quote["rate"]) == Decimal(quote["reference_rate"]) * Decimal("0.99")
    assert done(await merchant.api.get(f"/v1/fx/quotes/{quote['id']}")) == quote
    assert await merchant.api.all("/v1/fx/quotes") == [quote]
    (event,) = await merchant.api.all("/v1/events")
    assert (event["type"], event["data"]) == ("fx_quote.created", quote)


async def test_either_side_may_be_asked_for(merchant: Merchant) -> None:
    """With the target's amount fixed, the source's follows from it."""
    quote = await merchant.quote("USD", "KWD", target_amount=30_000)

    assert (quote["fixed_side"], quote["target_amount"]) == ("target", 30_000)
    due = Decimal(30) / Decimal(quote["rate"]) * 100
    assert 0 <= quote["source_amount"] - due < 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"target_currency": "USD"}, 409, "currencies_must_differ"),
        ({"target_currency": "BTN"}, 409, "currency_not_quoted"),
        ({"source_amount": 33, "target_currency": "KWD"}, 201, None),
        ({"source_amount": 32, "target_currency": "KWD"}, 409, "conversion_too_small"),
        ({"source_currency": "VND", "source_amount": 1}, 409, "conversion_too_small"),
        ({"source_amount": 2**53 - 1, "target_currency": "VND"}, 409, "conversion_too_large"),
        ({"target_amount": 5}, 400, "invalid_body"),
        ({"source_amount": None}, 400, "invalid_body"),
        ({"source_amount": 0}, 400, "invalid_body"),
        ({"source_amount": 1.5}, 400, "invalid_body"),
        ({"source_currency": "usd"}, 400, "invalid_body"),
        ({"rate": "0.9"}, 400, "invalid_body"),
    ],
)
async def test_refusals_of_quotes(
    merchant: Merchant, tally: Tally, fields: dict[str, Any], status: int, code: str | None
) -> None:
    """What cannot be quoted is refused by name, and no quote is left."""
    body = {"source_currency": "USD", "target_currency": "EUR", "source_amount": 100} | fields

    answer = await merchant.api.post("/v1/fx/quotes", body)

    if code is None:
        done(answer, status)
    else:
        refused(answer, status, code)
    assert tally.of(merchant.id)["fx_quotes"] == (code is None)


async def test_money_moves_between_two_currencies(merchant: Merchant) -> None:
    """One wallet loses the source amount, the other gets the target amount, the quote is used."""
    source, target = await merchant.wallet(funds=1_000), await merchant.wallet("EUR")
    quote = await merchant.quote("USD", "EUR", source_amount=400)

    body = conversion(quote, source, target) | {"description": "rent", "metadata": {"a": "b"}}
    answer = await merchant.api.post("/v1/transfers", body)

    moved = done(answer, 201)
    assert (moved["kind"], moved["purpose"], moved["description"]) == (
        "posted",
        "conversion",
        "rent",
    )
    assert await merchant.available(source) == 600
    assert await merchant.available(target) == quote["target_amount"]
    used = done(await merchant.api.get(f"/v1/fx/quotes/{quote['id']}"))
    assert used == quote | {"status": "used", "transfer": moved["id"]}
    assert done(await merchant.api.get(f"/v1/transfers/{moved['id']}")) == moved
    facts = await merchant.api.all("/v1/events")
    assert [(f["type"], f["sequence"]) for f in facts[:2]] == [
        ("fx_quote.used", 2),
        ("transfer.posted", 1),
    ]
    assert (facts[0]["data"], facts[1]["data"]) == (used, moved)
    assert {f["correlation_id"] for f in facts[:2]} == {answer.headers["x-request-id"]}


async def test_a_quote_is_used_once(merchant: Merchant, tally: Tally) -> None:
    """A second transfer at it is refused and moves nothing; a replay is no second transfer."""
    source, target = await merchant.wallet(funds=1_000), await merchant.wallet("EUR")
    quote = await merchant.quote("USD", "EUR", source_amount=400)
    body = conversion(quote, source, target)
    first = await merchant.api.post("/v1/transfers", body, key="k")
    done(first, 201)

    with tally.unchanged(merchant.id):
        again = await merchant.api.post("/v1/transfers", body, key="k")
    assert again.content == first.content
    refused(await merchant.api.post("/v1/transfers", body), 409, "quote_used")
    assert await merchant.available(source) == 600


@pytest.mark.parametrize("quotes", [1, 3])
async def test_many_at_once_use_it_once(merchant: Merchant, quotes: int) -> None:
    """Of n transfers at each quote exactly one acts, and the others are told that it is used."""
    source, target = await merchant.wallet(funds=50_000), await merchant.wallet("EUR")
    made = [await merchant.quote("USD", "EUR", source_amount=500 + n) for n in range(quotes)]

    answers = await asyncio.gather(
        *[
            merchant.api.post("/v1/transfers", conversion(quote, source, target))
            for _ in range(12)
            for quote in made
        ]
    )

    codes = Counter(
        (a.status_code, a.json().get("code")) for a in answers
    )  # fmt: skip
    assert codes == {(201, None): quotes, (409, "quote_used"): 11 * quotes}
    assert await merchant.available(source) == 50_000 - sum(q["source_amount"] for q in made)
    assert await merchant.available(target) == sum(q["target_amount"] for q in made)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 201, None),
        ({"fx_quote": UNKNOWN}, 404, "quote_not_found"),
        ({"source_amount": 401}, 409, "quote_mismatch"),
        ({"target_amount": 1}, 409, "quote_mismatch"),
        ({"swapped": True}, 409, "currency_mismatch"),
        ({"entries": 3}, 409, "quote_mismatch"),
        ({"one_sided": True}, 409, "quote_mismatch"),
        ({"source": "dollars"}, 409, "currency_mismatch"),
        ({"currency": "USD"}, 400, "invalid_body"),
        ({"fx_quote": None}, 400, "invalid_body"),
        ({"funds": 399}, 402, "insufficient_funds"),
        ({"closed": True}, 409, "account_closed"),
    ],
)
async def test_refusals_of_conversions(
    merchant: Merchant, change: dict[str, Any], status: int, code: str | None
) -> None:
    """What is not exactly what was quoted is refused, and the quote can still be used."""
    source, target = (
        await merchant.wallet(funds=change.get("funds", 1_000)),
        await merchant.wallet("EUR"),
    )
    quote = await merchant.quote("USD", "EUR", source_amount=400)
    body = _changed(conversion(quote, source, target), change, await merchant.wallet("USD"))
    if change.get("closed"):
        done(await merchant.api.post(f"/v1/accounts/{target}/close"))

    answer = await merchant.api.post("/v1/transfers", body)

    if code is None:
        done(answer, status)
        return
    refused(answer, status, code)
    left = done(await merchant.api.get(f"/v1/fx/quotes/{quote['id']}"))
    assert left["status"] == "open"
    assert await merchant.available(source) == change.get("funds", 1_000)


def _changed(body: dict[str, Any], change: dict[str, Any], dollars: str) -> dict[str, Any]:
    debit, credit = body["entries"]
    if "source_amount" in change:
        debit["amount"] = change["source_amount"]
    if "target_amount" in change:
        credit["amount"] = change["target_amount"]
    if "swapped" in change:
        debit["account"], credit["account"] = credit["account"], debit["account"]
    if "entries" in change:
        body["entries"].append(debit | {"account": dollars})
    if "one_sided" in change:
        credit["direction"] = "debit"
    if "source" in change:
        credit["account"] = dollars
    return body | {k: v for k, v in change.items() if k in {"fx_quote", "currency"}}


async def test_an_expired_quote_is_refused(merchant: Merchant, shared_database_url: str) -> None:
    """After its time a quote is shown as expired, and nothing is converted at it."""
    source, target = await merchant.wallet(funds=1_000), await merchant.wallet("EUR")
    quote = await merchant.quote("USD", "EUR", source_amount=400)
    with expired(shared_database_url, quote):
        answer = await merchant.api.post("/v1/transfers", conversion(quote, source, target))
        shown = done(await merchant.api.get(f"/v1/fx/quotes/{quote['id']}"))

    refused(answer, 409, "quote_expired")
    assert shown["status"] == "expired"
    assert await merchant.available(source) == 1_000


async def test_another_merchants_quote_is_not_there(
    merchant: Merchant, new_merchant: NewMerchant
) -> None:
    """A quote can be read and used by its merchant only."""
    other = await new_merchant()
    theirs = await other.quote("USD", "EUR", source_amount=400)
    source, target = await merchant.wallet(funds=1_000), await merchant.wallet("EUR")

    refused(await merchant.api.get(f"/v1/fx/quotes/{theirs['id']}"), 404, "quote_not_found")
    answer = await merchant.api.post("/v1/transfers", conversion(theirs, source, target))
    refused(answer, 404, "quote_not_found")
    assert await merchant.api.all("/v1/fx/quotes") == []


async def test_without_rates_there_are_no_quotes(
    start_api: Callable[..., ApiProcess], database_url: str
) -> None:
    """Where nothing was imported a quote is refused for now, and the same key may be used later."""
    process = start_api(database_url, fx_source="ecb", fx_spread_bps="25", fx_quote_s="7")
    async with Api(process.url) as api:
        merchant = await builders.new_merchant(api.as_(ADMIN_KEY))
        body = {"source_currency": "EUR", "target_currency": "USD", "source_amount": 10_000}

        problem = refused(await merchant.api.post("/v1/fx/quotes", body), 503, "rates_unavailable")

    assert problem["retry"] == "same_key"


async def test_a_quote_that_was_made_needs_no_rates(
    start_api: Callable[..., ApiProcess], database_url: str
) -> None:
    """A repetition gets the answer that its key has, whether or not rates are there by now."""
    quotes, key = "/v1/fx/quotes", "quote-1"
    body = {"source_currency": "EUR", "target_currency": "USD", "source_amount": 10_000}
    async with Api(start_api(database_url, fx_source="fixed").url) as api:
        merchant = await builders.new_merchant(api.as_(ADMIN_KEY))
        made = done(await merchant.api.post(quotes, body, key=key), 201)

    without = start_api(database_url, fx_source="ecb")

    async with Api(without.url, merchant.api.secret) as api:
        again = await api.post(quotes, body, key=key)
        assert done(again, 201) == made
        assert again.headers["idempotent-replayed"] == "true"
        other = await api.post(quotes, body | {"source_amount": 1}, key=key)
        assert refused(other, 422, "idempotency_key_reused")["facts"] == {
            "differs_in": "source_amount"
        }
        refused(await api.post(quotes, body), 503, "rates_unavailable")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_random_conversions_keep_the_books(
    start_api: Callable[..., ApiProcess], database_url: str, seed: int
) -> None:
    """Many conversions at once, by transfers, payments and refunds: the books are in order."""
    print(f"seed {seed}")
    chance = Random(seed)
    currencies = ("USD", "EUR", "JPY", "KWD", "CLF")
    process = start_api(database_url)
    async with Api(process.url) as api:
        merchant = await builders.new_merchant(api.as_(ADMIN_KEY))
        wallets = {c: await merchant.wallet(c, funds=10**7) for c in currencies}

        async def convert() -> tuple[int, str]:
            source, target = chance.sample(currencies, 2)
            side = chance.choice(("source_amount", "target_amount"))
            quote = await merchant.quote(source, target, **{side: chance.randrange(100, 5_000_000)})
            amount = quote["source_amount"]
            transfer = ("/v1/transfers", conversion(quote, wallets[source], wallets[target]))
            pay = payment(wallets[source], amount, currency=source, fx_quote=quote["id"])
            either = [transfer, ("/v1/payments", pay)]
            asked = chance.sample(either, chance.choice((1, 2)))
            answers = await asyncio.gather(*[merchant.api.post(*each) for each in asked])
            best = min(answers, key=lambda a: a.status_code)
            if best.status_code == 201 and best.json()["object"] == "payment":
                part = chance.randrange(1, amount + 1)
                await merchant.refund(best.json()["id"], amount=part)
            return best.status_code, source

        outcomes = [
            outcome
            for _ in range(6)
            for outcome in await asyncio.gather(*[convert() for _ in range(8)])
        ]
        assert {status for status, _ in outcomes} <= {201, 402}
        assert sum(status == 201 for status, _ in outcomes) > 10
    process.stop()
    await books.assert_in_order(database_url)
