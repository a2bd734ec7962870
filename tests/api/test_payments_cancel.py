"""POST /v1/payments/{id}/cancel."""

from tests.support.builders import Merchant
from tests.support.client import refused
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "pay_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_what_is_held_is_given_back(merchant: Merchant) -> None:
    """A canceled authorization leaves every balance as it was before."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 400)

    canceled = await merchant.cancel(held["id"])

    assert (canceled["status"], canceled["amount_captured"]) == ("canceled", 0)
    for account, posted in ((wallet, 1_000), (await merchant.own_account(), 0)):
        balance = await merchant.balance(account)
        assert (balance["posted"], balance["pending"]) == (posted, 0)
    assert await merchant.read(held["id"]) == canceled


async def test_what_was_captured_stays(merchant: Merchant) -> None:
    """Canceling after a part was captured gives back the rest only, which then can be refunded."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 400)
    await merchant.capture(held["id"], amount=150)

    canceled = await merchant.cancel(held["id"])

    assert (canceled["status"], canceled["amount_captured"]) == ("captured", 150)
    (last, *_) = await merchant.api.all("/v1/events")
    assert (last["type"], last["data"]) == ("payment.captured", canceled)
    assert await merchant.available(wallet) == 850
    assert (await merchant.balance(wallet))["pending"] == 0
    assert (await merchant.refund(held["id"]))["amount"] == 150


@table("""
    payment   status  code
    unknown      404  payment_not_found
    garbage      404  object_not_found
    captured     409  payment_not_cancelable
    canceled     409  payment_not_cancelable
""")
async def test_refusals(merchant: Merchant, tally: Tally, row: Row) -> None:
    """A refusal is the first that applies, and moves nothing."""
    wallet = await merchant.wallet(funds=1_000)
    payments = {"unknown": UNKNOWN, "garbage": "cancel"}
    if row.payment == "captured":
        payments["captured"] = (await merchant.pay(wallet, 100))["id"]
    if row.payment == "canceled":
        held = await merchant.authorize(wallet, 100)
        payments["canceled"] = (await merchant.cancel(held["id"]))["id"]
    before = tally.of(merchant.id)

    answer = await merchant.api.post(f"/v1/payments/{payments[row.payment]}/cancel")

    refused(answer, row.status, row.code)
    before["idempotency_keys"] += row.payment != "garbage"
    assert tally.of(merchant.id) == before
