"""Accounts that merchants share: none fills them for the others, and test money has its own."""

from collections.abc import Callable
from uuid import UUID

import pytest

from app.base import ids
from app.base.money import AMOUNT_MINOR_MAX, BALANCE_MINOR_MAX
from app.domains.ledger import Book, Change, Draft
from app.domains.ledger.model import (
    FULL_MINOR,
    STRIPES,
    new_account,
    next_of,
    platform_account,
    twin_of,
)
from app.operate.verify import verify
from tests.ledger.test_book import MERCHANT, NOW, OTHER, WALLET, account, outcome
from tests.support import builders
from tests.support.client import Api, refused
from tests.support.databases import execute, rows
from tests.support.processes import ADMIN_KEY, ApiProcess

CASH = platform_account("local", "USD", "bank_cash", 0)


def deposit(amount: int) -> Draft:
    """Money from outside into the wallet, on the account of the platform that decisions name."""
    changes = (
        Change(ids.NIL, CASH.id, "debit", amount),
        Change(MERCHANT, WALLET, "credit", amount),
    )
    return Draft(MERCHANT, ids.new(), "posted", "deposit", changes, "req_1")


def test_a_full_account_of_the_platform_is_followed_by_the_next() -> None:
    """However many are full, what is booked goes to the first that is not."""
    following = [CASH.id, next_of(CASH.id), next_of(next_of(CASH.id))]
    wallet = account(WALLET, "credit")
    shared = {i: new_account(CASH, NOW) for i in following}
    for at, each in shared.items():
        each.id = at
    for full in following[:2]:
        shared[full].posted_debits_minor = FULL_MINOR + 1
    followed = {following[0]: following[1], following[1]: following[2]}
    book = Book({WALLET: wallet, **shared}, NOW, followed=followed)

    assert outcome(book.book(deposit(AMOUNT_MINOR_MAX))) == "booked"

    assert [shared[i].version for i in following] == [0, 0, 1]
    assert [shared[i].is_full for i in following] == [True, True, False]
    assert shared[following[2]].posted_debits_minor == AMOUNT_MINOR_MAX


@pytest.mark.parametrize("merchant", [MERCHANT, OTHER])
def test_what_a_test_merchant_does_is_booked_apart(merchant: UUID) -> None:
    """Decisions name one account of the platform; the book knows which stands for it."""
    live, test = new_account(CASH, NOW), new_account(CASH, NOW)
    test.id, test.merchant_id = twin_of(CASH.id), ids.TEST
    wallet = account(WALLET, "credit")
    accounts = {WALLET: wallet, live.id: live, test.id: test}
    book = Book(accounts, NOW, test_merchants={merchant})

    assert outcome(book.book(deposit(100))) == "booked"

    expected = (0, 100) if merchant == MERCHANT else (100, 0)
    assert (live.posted_debits_minor, test.posted_debits_minor) == expected


def test_one_merchants_full_account_is_its_own_matter() -> None:
    """It is refused by the name of the account that it named."""
    wallet = account(WALLET, "credit", posted_credits_minor=BALANCE_MINOR_MAX)
    book = Book({WALLET: wallet, CASH.id: new_account(CASH, NOW)}, NOW)

    refusal = book.book(deposit(1))

    assert outcome(refusal) == "balance_limit"
    assert ids.encode("account", WALLET) in str(refusal)


async def test_no_merchant_fills_what_all_share(
    database_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """Where the platform's accounts are nearly full, everybody's deposits and payments go on."""
    process = start_api(database_url)
    async with Api(process.url, ADMIN_KEY) as admin:
        merchant = await builders.new_merchant(admin)
        wallet = await merchant.wallet(funds=1_000)
        for stripe in range(STRIPES):
            # As after a thousand of the largest deposits on each.
            cash = platform_account("local", "USD", "bank_cash", stripe)
            fees = platform_account("local", "USD", "platform_fees", stripe)
            for of in (twin_of(cash.id), twin_of(fees.id)):
                execute(
                    database_url,
                    "INSERT INTO accounts (region, merchant_id, id, kind, currency, normal_side,"
                    " posted_debits_minor, posted_credits_minor, pending_debits_minor,"
                    " pending_credits_minor, version, status, correlation_id, created_at,"
                    " booked_at, metadata) VALUES ('local', %s, %s, 'bank_cash', 'USD',"
                    " 'debit', %s, %s, 0, 0, 1, 'open', 'chart', now(), now(), '{}')"
                    " ON CONFLICT (region, merchant_id, id) DO UPDATE"
                    " SET posted_debits_minor = %s, posted_credits_minor = %s",
                    [ids.TEST, of, *[BALANCE_MINOR_MAX - 5] * 4],
                )
        for _ in range(3):
            await merchant.deposit(wallet, 10**15)
            await merchant.pay(wallet, 100)

        assert await merchant.available(wallet) == 1_000 + 3 * (10**15 - 100)
        body = {"account": wallet, "amount": AMOUNT_MINOR_MAX, "currency": "USD"}
        execute(
            database_url,
            "UPDATE accounts SET posted_credits_minor = %s WHERE id = %s",
            [BALANCE_MINOR_MAX - 5, ids.decode("account", wallet)],
        )
        problem = refused(await merchant.api.post("/v1/deposits", body), 409, "balance_limit")
        assert wallet in problem["detail"]


async def test_verify_finds_money_of_the_other_mode(
    database_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """Test money on live accounts, or live money on those of tests, is named."""
    process = start_api(database_url)
    async with Api(process.url, ADMIN_KEY) as admin:
        test = await builders.new_merchant(admin)
        await test.pay(await test.wallet(funds=1_000), 500)
        live = await builders.new_merchant(admin.as_(ADMIN_KEY), mode="live")
        refusal = {"account": await live.wallet(), "amount": 5, "currency": "USD"}
        assert (await live.api.post("/v1/deposits", refusal)).status_code == 403
        apart = await verify(database_url, lambda *_: None)

    owners = rows(database_url, "SELECT DISTINCT merchant_id FROM entries")
    assert {(ids.TEST,), (ids.decode("merchant", test.id),)} == set(owners)
    assert apart == []
    execute(database_url, "UPDATE merchants SET mode = 'live' WHERE mode = 'test'")

    mixed = await verify(database_url, lambda *_: None)

    assert {finding.check for finding in mixed} == {"modes_apart"}
    assert len(mixed) == 2
