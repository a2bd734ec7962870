"""What payments cost under fee plans, and what refunds give back of it."""

from typing import Any

import pytest

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import Api, done
from tests.support.rails import Rails


async def planned(
    admin: Api, new_merchant: NewMerchant, *plans: dict[str, Any], **fields: Any
) -> Merchant:
    """A merchant with fee plans, whom no process has met yet."""
    merchant = await new_merchant(**fields)
    for plan in plans:
        body = {"merchant": merchant.id} | plan
        done(await admin.post("/v1/fee_plans", body), 201)
    return merchant


@pytest.mark.parametrize(
    ("currency", "fee"),
    [
        ("USD", 150),  # wallet and currency
        ("EUR", 200),  # wallet alone
        ("JPY", 200),
    ],
)
async def test_the_closest_plan_counts(
    admin: Api, new_merchant: NewMerchant, currency: str, fee: int
) -> None:
    """Rail and currency go before the rail, and that before the currency and the merchant's fee."""
    merchant = await planned(
        admin,
        new_merchant,
        {"rail": "wallet", "currency": "USD", "bps": 150},
        {"rail": "wallet", "bps": 200},
        {"currency": "JPY", "bps": 400},
        {"rail": "card", "currency": "USD", "bps": 500},
    )
    wallet = await merchant.wallet(currency, funds=20_000)

    paid = await merchant.pay(wallet, 10_000, currency=currency)

    assert (paid["fee"], "fee_refunded" in paid) == (fee, False)


async def test_least_and_most(admin: Api, new_merchant: NewMerchant) -> None:
    """A fee is within its bounds, over all captures of a payment together."""
    plan = {"rail": "wallet", "bps": 100, "min": 50, "max": 120}
    merchant = await planned(admin, new_merchant, plan)
    wallet = await merchant.wallet(funds=100_000)

    small, large = await merchant.pay(wallet, 1_000), await merchant.pay(wallet, 50_000)
    held = await merchant.authorize(wallet, 20_000)
    fees = [(await merchant.capture(held["id"], amount=a))["fee"] for a in (1_000, 9_000, 10_000)]

    assert (small["fee"], large["fee"], fees) == (50, 120, [50, 100, 120])


async def test_fees_come_back_with_refunds(admin: Api, new_merchant: NewMerchant) -> None:
    """Where the plan says so each refund gives back its share of the fee, and all of them all."""
    plan = {"bps": 290, "fixed": 30, "refunded": True}
    merchant = await planned(admin, new_merchant, plan)
    wallet = await merchant.wallet(funds=10_000)
    paid = await merchant.pay(wallet, 10_000)
    assert (paid["fee"], paid["fee_refunded"]) == (320, 0)

    first = await merchant.refund(paid["id"], amount=4_000)
    assert first["fee_refunded"] == 128
    assert (await merchant.read(paid["id"]))["fee_refunded"] == 128
    assert await merchant.available(await merchant.own_account()) == 9_680 - 4_000 + 128
    rest = await merchant.refund(paid["id"])

    assert rest["fee_refunded"] == 192
    assert await merchant.available(await merchant.own_account()) == 0
    assert await merchant.available(wallet) == 10_000


async def test_fees_are_kept_otherwise(merchant: Merchant) -> None:
    """Without such a plan the merchant bears the fee of what was refunded."""
    wallet = await merchant.wallet(funds=10_000)
    paid = await merchant.pay(wallet, 10_000)

    refund = await merchant.refund(paid["id"])

    assert "fee_refunded" not in refund
    assert await merchant.available(await merchant.own_account()) == -paid["fee"]


async def test_cards_have_a_plan_of_their_own(
    rails: Rails, admin: Api, new_merchant: NewMerchant
) -> None:
    """A card payment comes under the card's plan; its fee comes back, and goes with a failure."""
    merchant = await planned(
        admin,
        new_merchant,
        {"rail": "card", "bps": 500, "refunded": True},
        {"rail": "wallet", "bps": 100},
    )

    paid = await rails.pay(merchant, 1_000)
    refund = await merchant.refund(paid["id"], amount=600)

    assert (paid["fee"], refund["fee_refunded"]) == (50, 30)
    available = await merchant.balance(await merchant.own_account())
    assert available["posted"] == -570


async def test_a_converted_payment_pays_in_what_the_merchant_gets(
    admin: Api, new_merchant: NewMerchant
) -> None:
    """The plan of the target currency counts, and its fee comes back in it."""
    merchant = await planned(
        admin,
        new_merchant,
        {"rail": "wallet", "currency": "USD", "bps": 900},
        {"rail": "wallet", "currency": "JPY", "bps": 100, "fixed": 50, "refunded": True},
    )
    wallet = await merchant.wallet(funds=10_000)
    quote = await merchant.quote("USD", "JPY", source_amount=10_000)

    paid = await merchant.pay(wallet, 10_000, fx_quote=quote["id"])
    first = await merchant.refund(paid["id"], amount=5_000)
    rest = await merchant.refund(paid["id"])

    assert paid["fee"] == round(quote["target_amount"] / 100) + 50
    assert first["fee_refunded"] + rest["fee_refunded"] == paid["fee"]
    account = await merchant.own_account("merchant_available", "JPY")
    assert (await merchant.balance(account))["posted"] == 0
