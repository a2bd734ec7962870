"""POST /v1/payments."""

import json

import pytest

from tests.conftest import NewMerchant
from tests.support.builders import Merchant, payment
from tests.support.client import done, refused
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "acct_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_a_payment_is_taken(merchant: Merchant) -> None:
    """The amount leaves the wallet, less the fee it reaches the merchant, and all of it is told."""
    wallet = await merchant.wallet(funds=5_000, customer="ada")
    asked = payment(wallet, 1_234, description="One stick", metadata={"order": "6735"})

    answer = await merchant.api.post("/v1/payments", asked)

    paid = done(answer, 201)
    fee = 36 + 30  # 2.9 % of 12.34, and the fixed part
    told = {
        "status": "captured",
        "amount": 1_234,
        "amount_captured": 1_234,
        "amount_refunded": 0,
        "fee": fee,
        "currency": "USD",
        "capture": "automatic",
        "payment_method": {"type": "wallet", "account": wallet},
        "customer": "ada",
        "disputed": False,
        "description": "One stick",
        "metadata": {"order": "6735"},
        "correlation_id": answer.headers["x-request-id"],
        "expires_at": None,
        "object": "payment",
    }
    assert {name: paid[name] for name in told} == told
    assert await merchant.available(wallet) == 5_000 - 1_234
    assert await merchant.available(await merchant.own_account()) == 1_234 - fee
    assert await merchant.read(paid["id"]) == paid


async def test_a_payment_is_authorized(merchant: Merchant) -> None:
    """Held money cannot be spent twice, and the merchant has it only as pending."""
    wallet = await merchant.wallet(funds=5_000)

    held = await merchant.authorize(wallet, 4_000)

    assert (held["status"], held["amount_captured"], held["fee"]) == ("authorized", 0, 0)
    assert held["expires_at"] > held["created_at"]
    balance = await merchant.balance(wallet)
    assert (balance["posted"], balance["pending"], balance["available"]) == (5_000, -4_000, 1_000)
    ours = await merchant.balance(await merchant.own_account())
    assert (ours["posted"], ours["pending"], ours["available"]) == (0, 4_000, 0)
    refused(await merchant.send_payment(wallet, 1_001), 402, "insufficient_funds")


@table("""
    currency  amount  fee
    USD          100   33  -- 2.9 -> 3, and 30
    USD           10   10  -- never more than the amount
    JPY         1000   59  -- 29, and 30 yen: no factor of a hundred anywhere
    BHD        10000  320
    UYW        10000  320
""")
async def test_amounts_are_minor_units_of_any_exponent(merchant: Merchant, row: Row) -> None:
    """What is asked is what is moved, whether a currency has 0, 2, 3 or 4 decimals."""
    wallet = await merchant.wallet(row.currency, funds=row.amount)

    paid = await merchant.pay(wallet, row.amount, currency=row.currency)

    assert (paid["amount"], paid["fee"], paid["currency"]) == (row.amount, row.fee, row.currency)
    assert await merchant.available(wallet) == 0


async def test_the_largest_amount_is_exact(merchant: Merchant) -> None:
    """2**53 - 1 minor units are moved to the last one."""
    most = 2**53 - 1
    wallet = await merchant.wallet(funds=most)

    paid = await merchant.pay(wallet, most)

    assert paid["amount"] == most
    available = await merchant.available(await merchant.own_account())
    assert available + paid["fee"] == most


async def test_a_merchant_may_pay_no_fee(new_merchant: NewMerchant) -> None:
    """Without a fee the whole amount reaches the merchant."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=0)

    paid = await merchant.pay(await merchant.wallet(funds=500), 500)

    assert paid["fee"] == 0
    assert await merchant.available(await merchant.own_account()) == 500


async def test_a_merchant_may_pay_everything_as_fee(new_merchant: NewMerchant) -> None:
    """A fee of 100 % leaves nothing for the merchant, and no entry of zero."""
    merchant = await new_merchant(fee_bps=10_000)

    paid = await merchant.pay(await merchant.wallet(funds=500), 500)

    assert paid["fee"] == 500
    (moved,) = [t for t in await merchant.api.all("/v1/transfers") if t["payment"] == paid["id"]]
    assert len(moved["entries"]) == 2


@table("""
    account   currency  amount  status  code
    unknown   EUR         9999     404  account_not_found
    own       EUR         9999     409  account_not_usable
    closed    EUR         9999     409  currency_mismatch
    closed    USD         9999     409  account_closed
    open      USD         5001     402  insufficient_funds
    open      USD         5000     201  -
""")
@pytest.mark.parametrize("capture", ["automatic", "manual"])
async def test_refusals(merchant: Merchant, tally: Tally, row: Row, capture: str) -> None:
    """A refusal is the first that applies, and writes nothing but its own record."""
    accounts = {
        "unknown": UNKNOWN,
        "open": await merchant.wallet(funds=5_000),
        "closed": await merchant.wallet(),
    }
    done(await merchant.api.post(f"/v1/accounts/{accounts['closed']}/close"))
    if row.account == "own":
        await merchant.pay(accounts["open"], 100)
        accounts["own"] = await merchant.own_account()
    before = tally.of(merchant.id)

    answer = await merchant.send_payment(
        accounts[row.account], row.amount, currency=row.currency, capture=capture
    )

    assert answer.status_code == row.status
    if row.status != 201:
        problem = refused(answer, row.status, row.code)
        assert problem["retry"] == ("new_key" if row.status == 402 else "never")
        before["idempotency_keys"] += 1
        assert tally.of(merchant.id) == before


async def test_a_refusal_tells_the_facts(merchant: Merchant) -> None:
    """Whoever is refused learns which account has how much."""
    wallet = await merchant.wallet(funds=5)

    problem = refused(await merchant.send_payment(wallet, 6), 402, "insufficient_funds")

    assert problem["facts"] == {"account": wallet, "available": 5, "asked": 6}
    assert problem["detail"].startswith(f"Account {wallet} has 5 available and 6 were asked for")


@pytest.mark.parametrize("character", ["\N{GRINNING FACE}", "\N{BULLET}", "x"])
async def test_the_most_metadata_fits_however_it_is_spelled(
    merchant: Merchant, character: str
) -> None:
    """50 pairs of 40 and 500 code points, raw or escaped, are one request and kept as they are."""
    wallet = await merchant.wallet(funds=1_000)
    metadata = {f"{number:02}" + 38 * character: 500 * character for number in range(50)}
    asked = payment(wallet, 5, metadata=metadata, description=1_000 * character)
    spellings = [json.dumps(asked, ensure_ascii=escaped).encode() for escaped in (True, False)]

    first, again = [await merchant.api.post("/v1/payments", text, key="k") for text in spellings]

    assert done(first, 201)["metadata"] == metadata
    assert again.content == first.content
    longer = asked | {"metadata": {"a": 501 * character}}
    refused(await merchant.api.post("/v1/payments", longer), 400, "invalid_body")
