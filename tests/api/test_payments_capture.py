"""POST /v1/payments/{id}/capture."""

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "pay_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_all_of_it(merchant: Merchant) -> None:
    """Without an amount, everything that is held goes to the merchant, less the fee."""
    wallet = await merchant.wallet(funds=5_000)
    held = await merchant.authorize(wallet, 2_000)

    captured = await merchant.capture(held["id"])

    assert (captured["status"], captured["amount_captured"]) == ("captured", 2_000)
    assert captured["fee"] == 58 + 30
    balance = await merchant.balance(wallet)
    assert (balance["posted"], balance["pending"], balance["available"]) == (3_000, 0, 3_000)
    assert await merchant.available(await merchant.own_account()) == 2_000 - captured["fee"]
    assert await merchant.read(held["id"]) == captured


async def test_part_by_part(merchant: Merchant) -> None:
    """Parts add up to the whole; the rest stays held in between."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 1_000)

    seen = []
    for amount in (200, 300, 500):
        captured = await merchant.capture(held["id"], amount=amount)
        balance = await merchant.balance(wallet)
        seen.append((captured["status"], captured["amount_captured"], balance["pending"]))

    assert seen == [
        ("partially_captured", 200, -800),
        ("partially_captured", 500, -500),
        ("captured", 1_000, 0),
    ]


async def test_a_final_part_gives_back_the_rest(merchant: Merchant) -> None:
    """After a final capture nothing is held, and nothing can be captured."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 1_000)

    captured = await merchant.capture(held["id"], amount=200, final=True)

    assert (captured["status"], captured["amount_captured"]) == ("captured", 200)
    assert await merchant.available(wallet) == 800
    again = await merchant.api.post(f"/v1/payments/{held['id']}/capture", {"amount": 1})
    refused(again, 409, "payment_not_capturable")


async def test_parts_cost_no_more_than_the_whole(new_merchant: NewMerchant) -> None:
    """However it is cut, the fee of a payment is that of its captured amount."""
    merchant = await new_merchant(fee_bps=250, fee_fixed=17)
    wallet = await merchant.wallet(funds=2_000)
    whole = await merchant.pay(wallet, 999)
    held = await merchant.authorize(wallet, 999)

    for amount in (1, 2, 333, 663):
        cut = await merchant.capture(held["id"], amount=amount)

    assert cut["amount_captured"] == whole["amount_captured"]
    assert cut["fee"] == whole["fee"]


@table("""
    payment    amount  status  code
    unknown       999     404  payment_not_found
    garbage       999     404  object_not_found
    captured      999     409  payment_not_capturable
    canceled      999     409  payment_not_capturable
    held          101     409  capture_exceeds_hold
    partial        61     409  capture_exceeds_hold
    partial        60     200  -
""")
async def test_refusals(merchant: Merchant, tally: Tally, row: Row) -> None:
    """A refusal is the first that applies, and moves nothing."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 100)
    payments = {"unknown": UNKNOWN, "garbage": "pay_1", "held": held["id"]}
    if row.payment == "captured":
        payments["captured"] = (await merchant.pay(wallet, 100))["id"]
    if row.payment == "canceled":
        payments["canceled"] = (await merchant.cancel(held["id"]))["id"]
    if row.payment == "partial":
        payments["partial"] = (await merchant.capture(held["id"], amount=40))["id"]
    before = tally.of(merchant.id)

    path = f"/v1/payments/{payments[row.payment]}/capture"
    answer = await merchant.api.post(path, {"amount": row.amount})

    if row.code is None:
        assert done(answer, row.status)["status"] == "captured"
    else:
        refused(answer, row.status, row.code)
        before["idempotency_keys"] += row.payment != "garbage"
        assert tally.of(merchant.id) == before
