"""GET /v1/accounts/{id}/balance and /entries."""

from datetime import UTC, datetime, timedelta

from tests.support.builders import Merchant
from tests.support.client import done


async def test_the_balance_now(merchant: Merchant) -> None:
    """The balance has what was posted, what is held, and what can be spent."""
    wallet = await merchant.wallet(funds=1_000)
    await merchant.pay(wallet, 100)
    await merchant.authorize(wallet, 300)

    balance = await merchant.balance(wallet)

    told = {
        "account": wallet,
        "currency": "USD",
        "posted": 900,
        "pending": -300,
        "available": 600,
        "version": 3,
        "object": "balance",
    }
    assert {name: balance[name] for name in told} == told
    assert datetime.fromisoformat(balance["as_of"]).tzinfo is not None


async def test_the_balance_as_of_every_instant_of_the_past(merchant: Merchant) -> None:
    """At the time of each entry the balance is what that entry left; before the first, nothing."""
    wallet = await merchant.wallet(funds=1_000)
    held = await merchant.authorize(wallet, 300)
    await merchant.capture(held["id"], amount=200)
    await merchant.cancel(held["id"])
    paid = await merchant.pay(wallet, 50)
    await merchant.refund(paid["id"], amount=20)

    entries = await merchant.api.all(f"/v1/accounts/{wallet}/entries")

    assert len(entries) == 6
    for entry in entries:
        at = entry["created_at"]
        latest = next(e for e in entries if e["created_at"] <= at)
        assert await _as_of(merchant, wallet, at) == _sums(latest["balance"])
    before = datetime.fromisoformat(entries[-1]["created_at"]) - timedelta(microseconds=1)
    assert await _as_of(merchant, wallet, before.isoformat()) == (0, 0, 0, 0)
    now = (await merchant.balance(wallet))["as_of"]
    assert await _as_of(merchant, wallet, now) == _sums(entries[0]["balance"])


async def test_the_past_does_not_change(merchant: Merchant) -> None:
    """What the balance was stays what it was, whatever comes afterwards."""
    wallet = await merchant.wallet(funds=1_000)
    then = (await merchant.balance(wallet))["as_of"]

    await merchant.pay(wallet, 999)

    assert await _as_of(merchant, wallet, then) == (1_000, 0, 1_000, 1)
    assert await merchant.available(wallet) == 1


async def test_an_instant_may_be_written_with_any_offset(merchant: Merchant) -> None:
    """The same instant in another zone gives the same balance."""
    wallet = await merchant.wallet(funds=1_000)
    now = datetime.fromisoformat((await merchant.balance(wallet))["as_of"]).astimezone(UTC)
    lagos = timedelta(hours=1)

    for text in (
        now.isoformat(),
        now.isoformat().replace("+00:00", "Z"),
        (now + lagos).replace(tzinfo=None).isoformat() + "+01:00",
    ):
        assert await _as_of(merchant, wallet, text) == (1_000, 0, 1_000, 1)


async def test_entries_carry_the_balance_after_them(merchant: Merchant) -> None:
    """Each entry tells its transfer, its amount, and what the account had afterwards."""
    wallet = await merchant.wallet()
    deposit = await merchant.deposit(wallet, 1_000)
    held = await merchant.authorize(wallet, 300)
    await merchant.capture(held["id"], amount=200, final=True)

    entries = await merchant.api.all(f"/v1/accounts/{wallet}/entries")

    assert [e["version"] for e in entries] == [3, 2, 1]
    assert [(e["direction"], e["amount"], e["pending_amount"]) for e in entries] == [
        ("debit", 200, -300),
        ("debit", 0, 300),
        ("credit", 1_000, 0),
    ]
    assert [_sums(e["balance"]) for e in entries] == [
        (800, 0, 800, 3),
        (1_000, -300, 700, 2),
        (1_000, 0, 1_000, 1),
    ]
    assert entries[-1]["transfer"] == deposit["id"]
    assert {e["account"] for e in entries} == {wallet}
    assert _sums(await merchant.balance(wallet)) == _sums(entries[0]["balance"])


async def _as_of(merchant: Merchant, wallet: str, at: str) -> tuple[int, int, int, int]:
    answer = await merchant.api.get(f"/v1/accounts/{wallet}/balance", {"as_of": at})
    balance = done(answer, 200)
    assert datetime.fromisoformat(balance["as_of"]) == datetime.fromisoformat(at)
    return _sums(balance)


def _sums(balance: dict[str, int]) -> tuple[int, int, int, int]:
    return balance["posted"], balance["pending"], balance["available"], balance["version"]
