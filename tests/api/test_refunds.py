"""POST and GET /v1/refunds."""

from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "pay_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_all_of_it(merchant: Merchant) -> None:
    """Without an amount everything captured goes back to the wallet; the fee stays paid."""
    wallet = await merchant.wallet(funds=1_000)
    paid = await merchant.pay(wallet, 1_000)

    answer = await merchant.api.post(
        "/v1/refunds", {"payment": paid["id"], "description": "cold", "metadata": {"by": "ada"}}
    )

    refund = done(answer, 201)
    told = {
        "status": "succeeded",
        "payment": paid["id"],
        "amount": 1_000,
        "currency": "USD",
        "description": "cold",
        "metadata": {"by": "ada"},
        "correlation_id": answer.headers["x-request-id"],
        "object": "refund",
    }
    assert {name: refund[name] for name in told} == told
    assert await merchant.available(wallet) == 1_000
    after = await merchant.read(paid["id"])
    assert (after["status"], after["amount_refunded"]) == ("captured", 1_000)
    assert await merchant.available(await merchant.own_account()) == -paid["fee"]
    assert done(await merchant.api.get(f"/v1/refunds/{refund['id']}")) == refund


async def test_part_by_part(merchant: Merchant) -> None:
    """Parts add up, each a refund of its own, listed under their payment newest first."""
    wallet = await merchant.wallet(funds=1_000)
    paid, other = await merchant.pay(wallet, 100), await merchant.pay(wallet, 100)

    refunds = [await merchant.refund(paid["id"], amount=amount) for amount in (10, 20, 70)]
    elsewhere = await merchant.refund(other["id"], amount=5)

    assert (await merchant.read(paid["id"]))["amount_refunded"] == 100
    assert await merchant.api.all("/v1/refunds", payment=paid["id"]) == refunds[::-1]
    assert await merchant.api.all("/v1/refunds") == [elsewhere, *refunds[::-1]]


@table("""
    payment    amount  status  code
    unknown       999     404  payment_not_found
    held          999     409  payment_not_refundable
    canceled      999     409  payment_not_refundable
    captured      101     409  refund_exceeds_capture
    partial        31     409  refund_exceeds_capture
    refunded        1     409  refund_exceeds_capture
    closed        100     409  account_closed
    partial        30     201  -
""")
async def test_refusals(merchant: Merchant, tally: Tally, row: Row) -> None:
    """A refusal is the first that applies, and moves nothing."""
    wallet = await merchant.wallet(funds=100)
    payment_id = UNKNOWN
    if row.payment in {"held", "canceled", "partial"}:
        payment_id = (await merchant.authorize(wallet, 100))["id"]
    if row.payment in {"captured", "refunded", "closed"}:
        payment_id = (await merchant.pay(wallet, 100))["id"]
    if row.payment == "canceled":
        await merchant.cancel(payment_id)
    if row.payment == "partial":
        await merchant.capture(payment_id, amount=30)
    if row.payment == "refunded":
        await merchant.refund(payment_id)
    if row.payment == "closed":
        done(await merchant.api.post(f"/v1/accounts/{wallet}/close"))
    before = tally.of(merchant.id)

    answer = await merchant.api.post("/v1/refunds", {"payment": payment_id, "amount": row.amount})

    if row.code is None:
        assert done(answer, row.status)["amount"] == row.amount
    else:
        refused(answer, row.status, row.code)
        before["idempotency_keys"] += 1
        assert tally.of(merchant.id) == before


async def test_nothing_is_left_to_refund(merchant: Merchant) -> None:
    """A refund without an amount, after everything was given back, is refused."""
    paid = await merchant.pay(await merchant.wallet(funds=100), 100)
    await merchant.refund(paid["id"])

    answer = await merchant.api.post("/v1/refunds", {"payment": paid["id"]})

    refused(answer, 409, "refund_exceeds_capture")
