"""Disputes of payments at a quote: held in the payer's currency, given in the merchant's."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest

from app.base import ids
from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.databases import rows
from tests.support.disputes import FEE, add, disputed, submit, there, until
from tests.support.rails import Rails

# Notifications are followed up by whoever took them; on a busy machine a worker has to go on.
pytestmark = pytest.mark.usefixtures("rails_worker")

AMOUNT = 4_999

Moved = dict[tuple[str, str], int]
"""(kind of account, currency) -> debits less credits."""


def moved(url: str, merchant: Merchant, purpose: str) -> Moved:
    """What a merchant's only transfer of a purpose moved, the platform's side included."""
    found = rows(
        url,
        """
        SELECT a.kind, a.currency,
               sum(CASE e.direction WHEN 'debit' THEN e.posted_minor ELSE -e.posted_minor END)
          FROM transfers AS t
          JOIN entries AS e ON e.transfer_id = t.id
          JOIN accounts AS a ON a.merchant_id = e.merchant_id AND a.id = e.account_id
         WHERE t.merchant_id = %s AND t.purpose = %s
         GROUP BY a.kind, a.currency
        """,
        [ids.decode("merchant", merchant.id), purpose],
    )
    return {(kind, currency): int(minor) for kind, currency, minor in found}


async def own(merchant: Merchant) -> Moved:
    """What is posted on the merchant's accounts, where it is something, as balances."""
    found = {}
    for account in await merchant.api.all("/v1/accounts"):
        posted = (await merchant.balance(account["id"]))["posted"]
        if posted:
            found[account["kind"], account["currency"]] = int(posted)
    return found


def legs(quote: dict[str, Any]) -> Moved:
    """What the platform gets where a conversion is taken back, from dollars."""
    currency, spread = quote["target_currency"], int(quote["spread_amount"])
    gross = worth(AMOUNT, quote["reference_rate"], currency, ROUND_FLOOR)
    rest = gross - int(quote["target_amount"]) - spread
    found = {
        ("fx_position", "USD"): AMOUNT,
        ("fx_position", currency): -gross,
        ("fx_spread", currency): spread,
        ("rounding", currency): rest,
    }
    return {account: minor for account, minor in found.items() if minor}


def worth(cents: int, rate: str, currency: str, rounding: str) -> int:
    """What so many cents are in a currency with two digits, or in yen."""
    exact = cents * Decimal(rate) / (100 if currency == "JPY" else 1)
    return int(exact.quantize(Decimal(1), rounding))


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
@pytest.mark.parametrize("outcome", ["lost", "won"])
async def test_a_converted_payment_is_disputed(
    rails: Rails, merchant: Merchant, shared_database_url: str, currency: str, outcome: str
) -> None:
    """The dollars are held, and the merchant gives what it got for them, and a fee in that."""
    url = shared_database_url
    quote = await merchant.quote("USD", currency, source_amount=AMOUNT)
    target, platform = quote["target_amount"], legs(quote)
    fee = worth(FEE, quote["rate"], currency, ROUND_CEILING)
    payment, dispute = await disputed(rails, merchant, AMOUNT, fx_quote=quote["id"])

    assert (dispute["amount"], dispute["fee"], dispute["currency"]) == (AMOUNT, FEE, "USD")
    assert dispute["exchange"] == {"currency": currency, "amount": target, "fee": fee}
    taken = {("merchant_available", currency): target, ("disputes_held", "USD"): -AMOUNT}
    assert moved(url, merchant, "dispute") == {
        **platform,
        **taken,
        ("merchant_available", currency): target + fee,
        ("platform_fees", currency): -fee,
    }
    paid = {
        ("processor_receivable", "USD"): AMOUNT,
        ("merchant_pending", currency): target - payment["fee"],
    }
    held = {("disputes_held", "USD"): AMOUNT, ("merchant_available", currency): -target - fee}
    assert await own(merchant) == paid | held
    await books.assert_in_order(url)

    rails.acquirer.decide_dispute(there(rails, merchant, payment["id"])["id"], outcome)
    await until(merchant, payment["id"], outcome)

    if outcome == "won":
        given_back = {account: -minor for account, minor in (platform | taken).items()}
        assert moved(url, merchant, "dispute_won") == given_back
        assert await own(merchant) == paid | {("merchant_available", currency): -fee}
    else:
        assert moved(url, merchant, "dispute_lost") == {
            ("disputes_held", "USD"): AMOUNT,
            ("processor_receivable", "USD"): -AMOUNT,
        }
        assert await own(merchant) == {
            ("merchant_pending", currency): target - payment["fee"],
            ("merchant_available", currency): -target - fee,
        }
    await books.assert_in_order(url)


async def test_what_was_refunded_before_is_not_given_twice(
    rails: Rails, merchant: Merchant, shared_database_url: str
) -> None:
    """Refunds and a dispute of the rest take together exactly what the payment had converted."""
    quote = await merchant.quote("USD", "EUR", source_amount=AMOUNT)
    paid = await rails.pay(merchant, AMOUNT, fx_quote=quote["id"])
    refund = await merchant.refund(paid["id"], amount=1_667)

    rails.acquirer.open_dispute(paid["id"])
    dispute = await until(merchant, paid["id"], "needs_response")

    assert dispute["amount"] == AMOUNT - 1_667
    taken = refund["exchange"]["amount"] + dispute["exchange"]["amount"]
    assert taken == quote["target_amount"]
    refused(
        await merchant.api.post("/v1/refunds", {"payment": paid["id"]}), 409, "payment_disputed"
    )
    done(await add(merchant, dispute["id"], "winning_evidence"), 201)
    done(await submit(merchant, dispute["id"]))
    await until(merchant, paid["id"], "won")
    rest = await merchant.refund(paid["id"])
    assert rest["amount"] == dispute["amount"]
    assert rest["exchange"]["amount"] == dispute["exchange"]["amount"]
    fee = dispute["exchange"]["fee"]
    assert (await own(merchant))["merchant_available", "EUR"] == -quote["target_amount"] - fee
    await books.assert_in_order(shared_database_url)
