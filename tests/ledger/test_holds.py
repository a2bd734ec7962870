"""Holds: money set aside, posted in parts or given back, and ended once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.base import ids
from app.base.errors import PlatformError
from app.domains import ledger
from app.domains.ledger import Account, Book, Change, Draft, Hold
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MERCHANT = UUID(int=7)
WALLET, AVAILABLE, FEES = UUID(int=1), UUID(int=2), UUID(int=3)


def empty(account_id: UUID, kind: str, *, floor: int | None, funded: int = 0) -> Account:
    return Account(
        merchant_id=MERCHANT,
        id=account_id,
        kind=kind,
        currency="USD",
        normal_side="credit",
        floor_minor=floor,
        posted_debits_minor=0,
        posted_credits_minor=funded,
        pending_debits_minor=0,
        pending_credits_minor=0,
        version=0,
        status="open",
        customer=None,
        booked_at=NOW,
    )


def opened(amount: int) -> tuple[Book, Hold]:
    """A book with a hold of `amount` on a wallet of 1,000."""
    accounts = (
        empty(WALLET, "customer_wallet", floor=0, funded=1_000),
        empty(AVAILABLE, "merchant_available", floor=None),
        empty(FEES, "platform_fees", floor=None),
    )
    book = Book({account.id: account for account in accounts}, NOW)
    draft = Draft(
        MERCHANT,
        ids.new(),
        "pending",
        "authorization",
        [
            Change(MERCHANT, WALLET, "debit", 0, amount),
            Change(MERCHANT, AVAILABLE, "credit", 0, amount),
        ],
        "req_1",
    )
    hold = ledger.begin_hold(
        book,
        draft,
        amount_minor=amount,
        expires_at=NOW + timedelta(days=7),
        payment_id=UUID(int=9),
    )
    assert isinstance(hold, Hold)
    return book, hold


def post(book: Book, hold: Hold, amount: int, *, final: bool = False, fee: int = 0) -> str:
    done = ledger.post_hold(
        book,
        hold,
        transfer_id=ids.new(),
        amount_minor=amount,
        final=final,
        away_minor=fee,
        away=[Change(MERCHANT, FEES, "credit", fee)] if fee else [],
        correlation_id="req_2",
    )
    return done.code if isinstance(done, PlatformError) else hold.status


def release(book: Book, hold: Hold, *, expired: bool = False) -> str:
    done = ledger.release_hold(
        book, hold, transfer_id=ids.new(), expired=expired, correlation_id="req_3"
    )
    return done.code if isinstance(done, PlatformError) else hold.status


def do(book: Book, hold: Hold, step: str) -> str:
    """One step of a table: `post:40`, `final:40`, `void`, `expire`."""
    what, _, amount = step.partition(":")
    if what in {"post", "final"}:
        return post(book, hold, int(amount), final=what == "final")
    return release(book, hold, expired=what == "expire")


@table("""
    first      then       result         wallet  pending  merchant
    post:100   -          posted            900        0       100
    post:40    -          open              960      -60        40
    post:40    post:60    posted            900        0       100
    post:40    post:61    hold_exceeded     960      -60        40
    post:101   -          hold_exceeded    1000     -100         0
    final:40   -          posted            960        0        40
    final:40   post:1     hold_not_open     960        0        40
    post:40    void       voided            960        0        40
    post:40    expire     expired           960        0        40
    void       -          voided           1000        0         0
    void       void       hold_not_open    1000        0         0
    void       post:100   hold_not_open    1000        0         0
    void       expire     hold_not_open    1000        0         0
    expire     post:100   hold_not_open    1000        0         0
    expire     void       hold_not_open    1000        0         0
    post:100   post:1     hold_not_open     900        0       100
    post:100   void       hold_not_open     900        0       100
    post:100   expire     hold_not_open     900        0       100
""")
def test_a_hold_of_a_hundred_ends_once(row: Row) -> None:
    """Whatever comes after the end of a hold is refused and moves nothing."""
    book, hold = opened(100)

    result = do(book, hold, row.first)
    if row.then is not None:
        result = do(book, hold, row.then)

    wallet, merchant = book.accounts[WALLET], book.accounts[AVAILABLE]
    assert result == row.result
    assert (wallet.posted_minor, wallet.pending_minor) == (row.wallet, row.pending)
    assert merchant.posted_minor == row.merchant


def test_a_fee_that_takes_all_still_releases_the_merchants_side() -> None:
    """A capture whose fee equals its amount ends the hold on both accounts."""
    book, hold = opened(100)

    assert post(book, hold, 100, fee=100) == "posted"
    assert book.accounts[AVAILABLE].pending_minor == 0
    assert book.accounts[AVAILABLE].posted_minor == 0
    assert book.accounts[FEES].posted_minor == 100


def test_a_hold_is_posted_below_a_floor_that_was_raised() -> None:
    """Money that was set aside is there, whatever may not be spent any more."""
    book, hold = opened(1_000)
    book.accounts[WALLET].floor_minor = 200

    assert post(book, hold, 1_000) == "posted"


@given(
    st.integers(1, 1_000),
    st.lists(st.tuples(st.integers(1, 1_000), st.booleans()), max_size=6),
    st.sampled_from(["void", "expire"]),
)
def test_nothing_stays_held_after_the_end(
    amount: int, captures: list[tuple[int, bool]], end: str
) -> None:
    """After any captures and an end, nothing is pending, and what was posted has arrived."""
    book, hold = opened(amount)

    for part, final in captures:
        post(book, hold, part, final=final)
    do(book, hold, end)

    wallet, merchant = book.accounts[WALLET], book.accounts[AVAILABLE]
    assert hold.status in {"posted", "voided", "expired"}
    assert hold.left_minor == 0
    assert (wallet.pending_minor, merchant.pending_minor) == (0, 0)
    assert merchant.posted_minor == hold.posted_minor <= amount
    assert wallet.posted_minor == 1_000 - hold.posted_minor
