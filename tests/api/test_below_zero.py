"""What is available of a merchant may go below zero: by how much, and who is told."""

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import Api, done, refused


async def overdrawn(merchant: Merchant) -> list[dict[str, object]]:
    """The data of the events about it, the oldest first."""
    events = await merchant.api.all("/v1/events")
    found = [event for event in reversed(events) if event["type"] == "balance.overdrawn"]
    assert [event["sequence"] for event in found] == list(range(1, len(found) + 1))
    return [event["data"] for event in found]


async def test_going_below_zero_is_told_once_each_time(new_merchant: NewMerchant) -> None:
    """A refund that keeps its fee takes more than there is; the next payment fills it again."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=100)
    wallet = await merchant.wallet(funds=10_000)
    for _ in range(2):
        paid = await merchant.pay(wallet, 1_000)
        before = await merchant.available(await merchant.own_account())
        await merchant.refund(paid["id"], amount=500)
        await merchant.refund(paid["id"], amount=500)
        await merchant.pay(wallet, 300)  # 200 more
        assert before in {900, 1_000}

    own = await merchant.own_account()
    told = await overdrawn(merchant)
    assert [data["account"] for data in told] == [own]
    assert [data["available"] for data in told] == [-100]


async def test_a_limit_bounds_what_refunds_take(new_merchant: NewMerchant, admin: Api) -> None:
    """A refund beyond it is refused and nothing moves; without a limit it is taken."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=100, negative_balance_limit=99)
    wallet = await merchant.wallet(funds=10_000)
    paid = await merchant.pay(wallet, 1_000)

    problem = refused(
        await merchant.api.post("/v1/refunds", {"payment": paid["id"]}),
        409,
        "negative_limit_exceeded",
    )

    assert problem["facts"]["available"] == -100
    assert await merchant.available(await merchant.own_account()) == 900
    path = f"/v1/merchants/{merchant.id}/limits"
    changed = done(await admin.post(path, {"negative_balance_limit": 100}))
    assert changed["negative_balance_limit"] == 100
    assert done(await admin.get(f"/v1/merchants/{merchant.id}"))["negative_balance_limit"] == 100
    assert await merchant.available(wallet) == 9_000


async def test_payouts_stop_below_zero(new_merchant: NewMerchant) -> None:
    """There is nothing to pay out until captures have filled it."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=100)
    wallet = await merchant.wallet(funds=10_000)
    paid = await merchant.pay(wallet, 1_000)
    await merchant.refund(paid["id"])
    iban = {"iban": "DE89370400440532013000", "name": "Ada"}
    account = done(await merchant.api.post("/v1/bank_accounts", iban), 201)["id"]

    body = {"bank_account": account, "amount": 1, "currency": "USD"}
    refused(await merchant.api.post("/v1/payouts", body), 402, "insufficient_funds")

    await merchant.pay(wallet, 1_000)
    done(await merchant.api.post("/v1/payouts", body | {"amount": 800}), 201)
