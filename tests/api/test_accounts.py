"""/v1/accounts: open, read, list, close."""

from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "acct_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_a_wallet_is_opened(merchant: Merchant) -> None:
    """A new wallet is open and empty, and is read as it was answered."""
    body = {"currency": "NGN", "customer": "ada", "description": "stall", "metadata": {"a": "b"}}

    account = done(await merchant.api.post("/v1/accounts", body), 201)

    told = body | {"kind": "customer_wallet", "status": "open", "object": "account"}
    assert {name: account[name] for name in told} == told
    assert done(await merchant.api.get(f"/v1/accounts/{account['id']}")) == account
    balance = await merchant.balance(account["id"])
    assert (balance["posted"], balance["pending"], balance["available"]) == (0, 0, 0)
    assert (balance["version"], balance["currency"]) == (0, "NGN")


async def test_accounts_are_listed(merchant: Merchant) -> None:
    """The list has the wallets, and the merchant's own account once money went there."""
    wallets = [await merchant.wallet(funds=100), await merchant.wallet("EUR")]
    await merchant.pay(wallets[0], 100)

    accounts = await merchant.api.all("/v1/accounts")

    assert {a["id"] for a in accounts if a["kind"] == "customer_wallet"} == set(wallets)
    assert [a["currency"] for a in accounts if a["kind"] == "merchant_available"] == ["USD"]


async def test_an_empty_wallet_is_closed(merchant: Merchant) -> None:
    """A closed wallet takes no money, and closing it again is answered like the first time."""
    wallet = await merchant.wallet(funds=100)
    await merchant.pay(wallet, 100)

    closed = done(await merchant.api.post(f"/v1/accounts/{wallet}/close"), 200)

    assert closed["status"] == "closed"
    assert done(await merchant.api.get(f"/v1/accounts/{wallet}")) == closed
    body = {"account": wallet, "amount": 1, "currency": "USD"}
    refused(await merchant.api.post("/v1/deposits", body), 409, "account_closed")
    assert done(await merchant.api.post(f"/v1/accounts/{wallet}/close"), 200) == closed


@table("""
    account   status  code
    unknown      404  account_not_found
    garbage      404  object_not_found
    own          409  account_not_usable
    funded       409  account_not_empty
    held         409  account_not_empty
""")
async def test_refusals_of_closing(merchant: Merchant, tally: Tally, row: Row) -> None:
    """What is not there, not a wallet or not empty is not closed."""
    wallet = await merchant.wallet(funds=100)
    accounts = {"unknown": UNKNOWN, "garbage": "acct_x", "funded": wallet, "held": wallet}
    if row.account == "own":
        await merchant.pay(wallet, 100)
        accounts["own"] = await merchant.own_account()
    if row.account == "held":
        await merchant.authorize(wallet, 100)
    before = tally.of(merchant.id)

    answer = await merchant.api.post(f"/v1/accounts/{accounts[row.account]}/close")

    refused(answer, row.status, row.code)
    before["idempotency_keys"] += row.account != "garbage"
    assert tally.of(merchant.id) == before
