"""The book: what a transfer does to accounts, and why it may be refused."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.base import ids
from app.base.errors import InvariantViolated, PlatformError
from app.base.money import BALANCE_MINOR_MAX
from app.domains.ledger import Account, Book, Change, Draft
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MERCHANT, OTHER = UUID(int=7), UUID(int=8)
WALLET, CASH = UUID(int=1), UUID(int=2)


def account(account_id: UUID, side: str, **more: object) -> Account:
    values: dict[str, object] = {
        "merchant_id": MERCHANT,
        "kind": "customer_wallet" if side == "credit" else "bank_cash",
        "currency": "USD",
        "floor_minor": 0 if side == "credit" else None,
        "posted_debits_minor": 0,
        "posted_credits_minor": 0,
        "pending_debits_minor": 0,
        "pending_credits_minor": 0,
        "version": 0,
        "status": "open",
        "customer": None,
        "booked_at": NOW - timedelta(days=1),
    }
    return Account(id=account_id, normal_side=side, **(values | more))  # type: ignore[arg-type]


def book_of(*accounts: Account) -> Book:
    return Book({a.id: a for a in accounts}, NOW)


def draft(*changes: Change) -> Draft:
    return Draft(MERCHANT, ids.new(), "posted", "payment", changes, "req_1")


def take(posted: int, pending: int = 0) -> Draft:
    """Money that leaves the wallet."""
    return draft(
        Change(MERCHANT, WALLET, "debit", posted, pending),
        Change(MERCHANT, CASH, "credit", posted, pending),
    )


def outcome(result: object) -> str:
    return result.code if isinstance(result, PlatformError) else "booked"


@table("""
    wallet   funded  held  posted  pending  result
    open        100     0     100        0  booked
    open        100     0     101        0  insufficient_funds
    open          0     0       1        0  insufficient_funds
    open        100    40      60        0  booked
    open        100    40      61        0  insufficient_funds   -- held money is not available
    open        100     0       0      100  booked               -- a hold
    open        100     0       0      101  insufficient_funds   -- a hold needs cover too
    open        100   100       0        1  insufficient_funds
    open        100   100     100     -100  booked               -- a hold is posted
    open        100   100     101     -100  insufficient_funds
    open        100   100       0     -100  booked               -- a hold is given back
    closed        0     0       1        0  account_closed       -- before insufficient_funds
    foreign     100     0       1        0  account_not_found    -- before account_closed
    missing       0     0       1        0  account_not_found
""")
def test_refusals_of_money_that_leaves_a_wallet(row: Row) -> None:
    """A wallet gives what is available and not a minor unit more."""
    wallet = account(
        WALLET,
        "credit",
        merchant_id=OTHER if row.wallet == "foreign" else MERCHANT,
        status="closed" if row.wallet == "closed" else "open",
        posted_credits_minor=row.funded,
        pending_debits_minor=row.held,
    )
    cash = account(CASH, "debit", pending_credits_minor=row.held)
    book = book_of(cash) if row.wallet == "missing" else book_of(wallet, cash)

    assert outcome(book.book(take(row.posted, row.pending))) == row.result


def test_a_refusal_leaves_no_trace() -> None:
    """What is refused at its last entry has changed nothing at its first ones."""
    rich, poor = account(CASH, "debit"), account(WALLET, "credit")
    book = book_of(rich, poor)

    result = book.book(
        draft(Change(MERCHANT, CASH, "credit", 5), Change(MERCHANT, WALLET, "debit", 5))
    )

    assert outcome(result) == "insufficient_funds"
    assert (book.transfers, book.entries, book.touched) == ([], [], {})
    assert (rich.version, rich.posted_credits_minor) == (0, 0)


def test_transfers_are_decided_in_the_order_of_their_arrival() -> None:
    """Each transfer meets the balance that the earlier ones of the batch left."""
    book = book_of(account(WALLET, "credit", posted_credits_minor=100), account(CASH, "debit"))

    outcomes = [outcome(book.book(take(amount))) for amount in (60, 60, 40, 1)]

    assert outcomes == ["booked", "insufficient_funds", "booked", "insufficient_funds"]
    assert book.accounts[WALLET].available_minor == 0


def test_entries_carry_the_sums_after_them_and_gapless_versions() -> None:
    """An account's entries count on from its version, each with the balance it left."""
    wallet = account(WALLET, "credit", posted_credits_minor=100, version=7)
    book = book_of(wallet, account(CASH, "debit", version=3))

    for amount in (10, 20):
        assert outcome(book.book(take(amount))) == "booked"

    of_wallet = [entry for entry in book.entries if entry[1] == WALLET]
    assert [(entry[2], entry[5], entry[7], entry[8]) for entry in of_wallet] == [
        (8, 10, 10, 100),
        (9, 20, 30, 100),
    ]
    assert book.touched == {WALLET: 7, CASH: 3}


@table("""
    kept  given  result
       0      1  booked
       0      0  booked          -- the largest sum there can be
       0     -1  balance_limit
""")
def test_sums_stay_within_their_column(row: Row) -> None:
    """A transfer that would pass the largest INT8 is refused, not wrapped and not crashed."""
    wallet = account(WALLET, "credit", posted_credits_minor=BALANCE_MINOR_MAX - 10)
    book = book_of(wallet, account(CASH, "debit"))
    amount = 10 - row.given

    result = book.book(
        draft(Change(MERCHANT, CASH, "debit", amount), Change(MERCHANT, WALLET, "credit", amount))
    )

    assert outcome(result) == row.result


def test_time_never_runs_backwards_on_an_account() -> None:
    """A batch is booked no earlier than the last entry of each of its accounts."""
    later = NOW + timedelta(seconds=3)
    book = book_of(account(WALLET, "credit", booked_at=later), account(CASH, "debit"))

    assert book.booked_at == later


def test_an_unbalanced_transfer_is_a_bug() -> None:
    """Debits that differ from credits, posted or pending, never reach an account."""
    book = book_of(account(WALLET, "credit", posted_credits_minor=100), account(CASH, "debit"))

    for posted, pending in ((1, 0), (0, 1)):
        with pytest.raises(InvariantViolated, match="does not balance"):
            book.book(
                draft(
                    Change(MERCHANT, WALLET, "debit", 10 + posted, pending),
                    Change(MERCHANT, CASH, "credit", 10),
                )
            )
    with pytest.raises(InvariantViolated, match="twice"):
        book.book(draft(Change(MERCHANT, CASH, "debit", 10), Change(MERCHANT, CASH, "credit", 10)))
    assert book.transfers == []


@table("""
    euros_in  euros_out  dollars_in  dollars_out  result
         100        100          90           90  booked
         100        100          90           89  off         -- the dollars differ
         100         99          90           91  off         -- though all sums together agree
           0          0          90           90  booked      -- one currency on more than two
         100         90          90          100  off
""")
def test_a_transfer_balances_in_each_currency(row: Row) -> None:
    """What one currency has too much, another one cannot make good."""
    ids_ = [UUID(int=n) for n in range(1, 5)]
    currencies = ("EUR", "EUR", "USD", "USD")
    book = book_of(*[
        account(i, "debit", currency=c) for i, c in zip(ids_, currencies, strict=True)
    ])  # fmt: skip
    amounts = (row.euros_in, row.euros_out, row.dollars_in, row.dollars_out)
    changes = [
        Change(MERCHANT, i, "debit" if n % 2 else "credit", amount)
        for n, (i, amount) in enumerate(zip(ids_, amounts, strict=True))
        if amount
    ]

    if row.result == "off":
        with pytest.raises(InvariantViolated, match="does not balance"):
            book.book(draft(*changes))
        assert (book.transfers, book.entries) == ([], [])
    else:
        assert outcome(book.book(draft(*changes))) == "booked"


def test_a_hold_balances_in_each_currency() -> None:
    """What is held in one currency is not balanced by what is held in another."""
    book = book_of(
        account(WALLET, "credit", posted_credits_minor=100),
        account(CASH, "debit", currency="EUR"),
    )

    with pytest.raises(InvariantViolated, match="does not balance"):
        book.book(take(0, 100))


@table("""
    side    debits  credits  held_debits  held_credits  posted  pending  available
    credit      30      100           20             5      70      -15         50
    debit      100       30            5            20      70      -15         50
    credit       0        0            0             9       0        9          0
""")
def test_balances_of_both_sides(row: Row) -> None:
    """Held inflow is pending but not available; held outflow is no longer available."""
    found = account(
        WALLET,
        row.side,
        posted_debits_minor=row.debits,
        posted_credits_minor=row.credits,
        pending_debits_minor=row.held_debits,
        pending_credits_minor=row.held_credits,
    )

    balance = (found.posted_minor, found.pending_minor, found.available_minor)
    assert balance == (row.posted, row.pending, row.available)
