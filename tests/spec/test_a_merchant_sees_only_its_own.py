"""Promise 7: a merchant sees only its own data, and another's is as if it were not there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.builders import Merchant, payment
from tests.support.client import done
from tests.support.payouts import LIMIT, bank_account, earn, order, pay_out

MISSING = "0" * 25 + "1"


class Belongings:
    """A merchant with one of each thing."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    async def make(self) -> "Belongings":
        """Make them."""
        self.wallet = await self.merchant.wallet(funds=1_000, customer="ada")
        self.payment = (await self.merchant.pay(self.wallet, 100, metadata={"a": "b"}))["id"]
        self.held = (await self.merchant.authorize(self.wallet, 100))["id"]
        self.refund = (await self.merchant.refund(self.payment, amount=10))["id"]
        await earn(self.merchant, 2 * LIMIT)
        self.bank_account = await bank_account(self.merchant)
        self.payout = (await pay_out(self.merchant, LIMIT + 1, self.bank_account))["id"]
        self.transfer = (await self.merchant.deposit(self.wallet, 5))["id"]
        return self


@pytest_asyncio.fixture
async def two(new_merchant: Callable[..., Awaitable[Merchant]]) -> list[Belongings]:
    """Two merchants with one of each thing."""
    return [await Belongings(await new_merchant()).make() for _ in range(2)]


def same_but_for_names(one: httpx.Response, other: httpx.Response, *names: str) -> bool:
    """Whether two answers differ in nothing but the ids that were asked for."""
    texts = []
    for answer in (one, other):
        body = answer.json()
        for varying in ("request_id", "instance"):
            body.pop(varying, None)
        text = str(sorted(body.items()))
        for name in names:
            text = text.replace(name, "*")
        texts.append((answer.status_code, text))
    return texts[0] == texts[1]


async def test_reading_another_merchants_things_is_reading_nothing(two: list[Belongings]) -> None:
    """Another merchant's id is answered exactly as one that does not exist."""
    mine, other = two

    for path in (
        f"/v1/payments/{other.payment}",
        f"/v1/refunds/{other.refund}",
        f"/v1/transfers/{other.transfer}",
        f"/v1/payouts/{other.payout}",
        f"/v1/bank_accounts/{other.bank_account}",
        f"/v1/accounts/{other.wallet}",
        f"/v1/accounts/{other.wallet}/balance",
        f"/v1/accounts/{other.wallet}/balance?as_of=2026-01-01T00:00:00Z",
        f"/v1/accounts/{other.wallet}/entries",
    ):
        name = path.split("/")[3].split("?")[0]
        nowhere = f"{name.split('_')[0]}_{MISSING}"
        foreign = await mine.merchant.api.get(path)
        missing = await mine.merchant.api.get(path.replace(name, nowhere))
        assert foreign.status_code == 404, path
        assert same_but_for_names(foreign, missing, name, nowhere), path
        assert (await other.merchant.api.get(path)).status_code == 200


async def test_acting_on_another_merchants_things_is_acting_on_nothing(
    two: list[Belongings],
) -> None:
    """Whatever is asked for another merchant's payment or wallet is refused as missing."""
    mine, other = two
    before = await other.merchant.balance(other.wallet)

    def requests(
        wallet: str, paid: str, held: str, payout: str, bank: str
    ) -> list[tuple[str, dict[str, Any]]]:
        entries = [
            {"account": wallet, "direction": "debit", "amount": 5},
            {"account": mine.wallet, "direction": "credit", "amount": 5},
        ]
        return [
            ("/v1/payments", payment(wallet, 10)),
            ("/v1/payments", payment(wallet, 10, capture="manual")),
            (f"/v1/payments/{held}/capture", {}),
            (f"/v1/payments/{held}/cancel", {}),
            ("/v1/refunds", {"payment": paid, "amount": 1}),
            ("/v1/deposits", {"account": wallet, "amount": 5, "currency": "USD"}),
            ("/v1/transfers", {"currency": "USD", "entries": entries}),
            (f"/v1/accounts/{wallet}/close", {}),
            ("/v1/payouts", order(1, bank)),
            (f"/v1/payouts/{payout}/approve", {}),
            (f"/v1/payouts/{payout}/cancel", {}),
        ]

    nowhere = [f"{kind}_{MISSING}" for kind in ("acct", "pay", "pay", "po", "ba")]
    theirs = [other.wallet, other.payment, other.held, other.payout, other.bank_account]
    for (path, body), (no_path, no_body) in zip(requests(*theirs), requests(*nowhere), strict=True):
        foreign = await mine.merchant.api.post(path, body)
        missing = await mine.merchant.api.post(no_path, no_body)
        names = (*theirs, *nowhere)
        assert foreign.status_code == 404, (path, foreign.text)
        assert same_but_for_names(foreign, missing, *names), path

    after = await other.merchant.balance(other.wallet)
    assert after | {"as_of": None} == before | {"as_of": None}


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/payments", "/v1/refunds", "/v1/transfers", "/v1/accounts", "/v1/events"),
        *("/v1/payouts", "/v1/bank_accounts"),
    ],
)
async def test_lists_hold_only_ones_own(two: list[Belongings], path: str) -> None:
    """No list of one merchant has an object of the other, also from the other's cursor on."""
    mine, other = two

    ours = {item["id"] for item in await mine.merchant.api.all(path)}
    theirs = [item["id"] for item in await other.merchant.api.all(path)]
    beyond = {item["id"] for item in await mine.merchant.api.all(path, starting_after=theirs[0])}

    assert ours
    assert ours.isdisjoint(theirs)
    assert beyond <= ours


async def test_filters_do_not_reach_across(two: list[Belongings]) -> None:
    """The same customer, metadata and payment of another merchant match nothing here."""
    mine, other = two

    for params in ({"customer": "ada"}, {"metadata[a]": "b"}, {"status": "authorized"}):
        found = await mine.merchant.api.all("/v1/payments", **params)
        assert {item["id"] for item in found} <= {mine.payment, mine.held}
        assert found
    for path, params in (
        ("/v1/refunds", {"payment": other.payment}),
        ("/v1/events", {"object": other.payment}),
    ):
        assert await mine.merchant.api.all(path, **params) == []


async def test_merchants_in_one_batch_stay_apart(
    new_merchant: Callable[..., Awaitable[Merchant]],
) -> None:
    """Commands of many merchants share commits, and each touches its own books only."""
    merchants = [await new_merchant(fee_bps=0, fee_fixed=0) for _ in range(5)]
    wallets = [await merchant.wallet(funds=1_000) for merchant in merchants]

    answers = await asyncio.gather(
        *[
            merchant.send_payment(wallet, 1 + n, key=f"order-{turn}")
            for turn in range(10)
            for n, (merchant, wallet) in enumerate(zip(merchants, wallets, strict=True))
        ]
    )

    assert {answer.status_code for answer in answers} == {201}
    for n, (merchant, wallet) in enumerate(zip(merchants, wallets, strict=True)):
        assert await merchant.available(wallet) == 1_000 - 10 * (1 + n)
        assert await merchant.available(await merchant.own_account()) == 10 * (1 + n)
        assert len(await merchant.api.all("/v1/payments")) == 10


async def test_nobody_sees_anything_without_a_key(two: list[Belongings]) -> None:
    """Without a merchant's key, or with the operator's, there is no data."""
    mine, _ = two
    nobody = mine.merchant.api.as_(None)

    for caller in (nobody, nobody.as_("sk_test_" + "0" * 32)):
        for path in ("/v1/payments", f"/v1/payments/{mine.payment}", "/v1/accounts", "/v1/events"):
            assert (await caller.get(path)).status_code == 401
    assert done(await mine.merchant.api.get(f"/v1/payments/{mine.payment}"))["id"] == mine.payment
