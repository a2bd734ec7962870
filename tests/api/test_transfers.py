"""/v1/transfers and /v1/deposits."""

import pytest

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.endpoints import transfer
from tests.support.tables import Row, table
from tests.support.tally import Tally

UNKNOWN = "acct_01j9x6f9k2e6s8v3b7d5m4n1qz"


async def test_money_moves_between_two_wallets(merchant: Merchant) -> None:
    """What one wallet loses the other gets, and the transfer is read as it was answered."""
    source, target = await merchant.wallet(funds=1_000), await merchant.wallet()
    body = transfer((source, -400), (target, 400)) | {"description": "rent", "metadata": {"a": "b"}}

    answer = await merchant.api.post("/v1/transfers", body)

    moved = done(answer, 201)
    told = {
        "kind": "posted",
        "purpose": "transfer",
        "payment": None,
        "description": "rent",
        "metadata": {"a": "b"},
        "correlation_id": answer.headers["x-request-id"],
        "object": "transfer",
    }
    assert {name: moved[name] for name in told} == told
    assert await merchant.available(source) == 600
    assert await merchant.available(target) == 400
    assert done(await merchant.api.get(f"/v1/transfers/{moved['id']}")) == moved


@pytest.mark.parametrize("count", [3, 100])
async def test_money_is_split_among_many_wallets(merchant: Merchant, count: int) -> None:
    """A transfer has as many entries as it needs, up to a hundred, and is done whole."""
    source = await merchant.wallet(funds=10_000)
    targets = [await merchant.wallet() for _ in range(count - 1)]
    shares = list(range(1, count))

    body = transfer((source, -sum(shares)), *zip(targets, shares, strict=True))
    moved = done(await merchant.api.post("/v1/transfers", body), 201)

    assert len(moved["entries"]) == count
    got = {e["account"]: e["amount"] for e in moved["entries"] if e["direction"] == "credit"}
    assert got == dict(zip(targets, shares, strict=True))
    assert await merchant.available(targets[-1]) == shares[-1]
    assert await merchant.available(source) == 10_000 - sum(shares)


async def test_held_money_is_not_moved(merchant: Merchant) -> None:
    """Held money is not spent by a transfer; what is available is, to the last unit."""
    source, target = await merchant.wallet(funds=1_000), await merchant.wallet()
    await merchant.authorize(source, 900)

    too_much = await merchant.api.post("/v1/transfers", transfer((source, -101), (target, 101)))
    enough = await merchant.api.post("/v1/transfers", transfer((source, -100), (target, 100)))

    refused(too_much, 402, "insufficient_funds")
    done(enough, 201)
    assert await merchant.available(source) == 0


@table("""
    debit     credit    takes  gives  currency  status  code
    unknown   unknown     999    998  EUR          409  transfer_unbalanced
    unknown   unknown     999    999  EUR          409  accounts_must_differ
    unknown   own         999    999  EUR          404  account_not_found
    own       closed      999    999  EUR          409  account_not_usable
    open      closed      999    999  EUR          409  currency_mismatch
    open      closed      100    100  USD          409  account_closed
    closed    open        999    999  USD          409  account_closed
    open      closed      999    999  USD          402  insufficient_funds  -- entry by entry
    open      other       101    101  USD          402  insufficient_funds
    open      other       100    100  USD          201  -
""")
async def test_refusals(merchant: Merchant, tally: Tally, row: Row) -> None:
    """A refusal is the first that applies, entry by entry, and moves nothing."""
    accounts = {
        "unknown": UNKNOWN,
        "open": await merchant.wallet(funds=200),
        "other": await merchant.wallet(),
        "closed": await merchant.wallet(),
    }
    done(await merchant.api.post(f"/v1/accounts/{accounts['closed']}/close"))
    await merchant.pay(accounts["open"], 100)
    accounts["own"] = await merchant.own_account()
    before = tally.of(merchant.id)

    moves = (accounts[row.debit], -row.takes), (accounts[row.credit], row.gives)
    answer = await merchant.api.post("/v1/transfers", transfer(*moves, currency=row.currency))

    if row.code is None:
        done(answer, row.status)
    else:
        refused(answer, row.status, row.code)
        before["idempotency_keys"] += 1
        assert tally.of(merchant.id) == before


async def test_money_comes_from_outside(merchant: Merchant) -> None:
    """A deposit fills a wallet and is a transfer like any other."""
    wallet = await merchant.wallet()

    made = await merchant.deposit(wallet, 700)

    assert (made["kind"], made["purpose"]) == ("posted", "deposit")
    (ours,) = [entry for entry in made["entries"] if entry["account"] == wallet]
    assert (ours["direction"], ours["amount"], ours["version"]) == ("credit", 700, 1)
    assert await merchant.available(wallet) == 700
    assert await merchant.api.all("/v1/transfers") == [made]


@table("""
    account   currency  status  code
    unknown   EUR          404  account_not_found
    own       EUR          409  account_not_usable
    closed    EUR          409  currency_mismatch
    closed    USD          409  account_closed
""")
async def test_refusals_of_deposits(merchant: Merchant, tally: Tally, row: Row) -> None:
    """Money from outside goes into an open wallet of its currency, or nowhere."""
    wallet = await merchant.wallet(funds=100)
    await merchant.pay(wallet, 100)
    accounts = {"unknown": UNKNOWN, "own": await merchant.own_account(), "closed": wallet}
    done(await merchant.api.post(f"/v1/accounts/{wallet}/close"))
    before = tally.of(merchant.id)

    body = {"account": accounts[row.account], "amount": 5, "currency": row.currency}
    answer = await merchant.api.post("/v1/deposits", body)

    refused(answer, row.status, row.code)
    before["idempotency_keys"] += 1
    assert tally.of(merchant.id) == before


async def test_a_balance_may_exceed_what_one_request_can_carry(merchant: Merchant) -> None:
    """Sums above 2**53 are exact to the last unit."""
    most = 2**53 - 1
    wallets = [await merchant.wallet("VES", funds=most) for _ in range(3)]
    moves = (wallets[0], -most), (wallets[1], -most + 1), (wallets[2], most)

    refused(
        await merchant.api.post("/v1/transfers", transfer(*moves, currency="VES")),
        *(409, "transfer_unbalanced"),
    )
    done(await merchant.api.post("/v1/transfers", transfer(moves[0], moves[2], currency="VES")))

    assert await merchant.available(wallets[2]) == 2 * most


async def test_live_merchants_get_no_sandbox_money(new_merchant: NewMerchant, tally: Tally) -> None:
    """Money from nowhere is refused for a live merchant, and the key is not used up."""
    merchant = await new_merchant(mode="live")
    wallet = await merchant.wallet()
    body = {"account": wallet, "amount": 5, "currency": "USD"}

    with tally.unchanged(merchant.id):
        refused(await merchant.api.post("/v1/deposits", body, key="a"), 403, "sandbox_only")

    done(await merchant.api.post("/v1/accounts", {"currency": "USD"}, key="a"), 201)
