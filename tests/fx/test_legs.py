"""What a conversion moves: balanced in each currency, there, back, and in parts."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.base import ids
from app.base.money import EXPONENTS
from app.domains.fx import Conversion, Side, chart_accounts, convert, legs
from app.domains.ledger import Account, Book, Change, Draft, Transfer
from app.domains.ledger.model import new_account
from tests.fx.parts import in_parts_of
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
REGION, MERCHANT = "local", UUID(int=7)
PAYER, PAYEE = UUID(int=1), UUID(int=2)
FUNDS = 2**60


def book(source: str, target: str) -> Book:
    """A payer with money in one currency, a payee with none in the other, and the platform."""
    accounts = {
        PAYER: _wallet(PAYER, source, FUNDS),
        PAYEE: _wallet(PAYEE, target, 0),
        **{
            account.id: new_account(account, NOW)
            for account in chart_accounts(REGION, source, target, stripe=3)
        },
    }
    return Book(accounts, NOW)


def _wallet(account_id: UUID, currency: str, funds: int) -> Account:
    return Account(
        MERCHANT, account_id, "customer_wallet", currency, "credit", 0, 0, funds, 0, 0, 0, "open",
        None, NOW,
    )  # fmt: skip


def post(found: Book, made: Conversion, *, back: bool = False) -> None:
    """Book a conversion, or take it back."""
    there: Any = ("debit", "credit")
    out, in_ = reversed(there) if back else there
    changes = [
        Change(MERCHANT, PAYER, out, made.source_minor),
        Change(MERCHANT, PAYEE, in_, made.target_minor),
        *legs(REGION, made, stripe=3, back=back),
    ]
    moving = [change for change in changes if change.posted_minor]
    draft = Draft(MERCHANT, ids.new(), "posted", "conversion", moving, "req_1")
    assert isinstance(found.book(draft), Transfer)


def balances(found: Book) -> dict[tuple[str, str], int]:
    """(kind, currency) -> credits less debits."""
    return {
        (a.kind, a.currency): a.posted_credits_minor - a.posted_debits_minor
        for a in found.accounts.values()
    }


@table("""
    rate  bps   source  target  a_position  b_position  spread  rounding
    r0.9  100    10000    8910       10000       -9000      90         0
    r0.9  100      155     138         155        -139       1         0
    r0.9    0    10000    9000       10000       -9000       0         0
    r1    100      150     148         150        -150       1         1
    r0.9   90      150     133         150        -135       1         1
""")
def test_what_goes_where(row: Row) -> None:
    """The source is on one position, the gross on the other; spread and rounding have their own."""
    found = book("USD", "EUR")

    post(found, _converted(row.rate[1:], row.bps, row.source))

    after = balances(found)
    assert after["customer_wallet", "USD"] == FUNDS - row.source
    assert after["customer_wallet", "EUR"] == row.target
    assert after["fx_position", "USD"] == row.a_position
    assert after["fx_position", "EUR"] == row.b_position
    assert (after["fx_spread", "EUR"], after["rounding", "EUR"]) == (row.spread, row.rounding)


def _converted(rate: str, bps: int, amount: int) -> Conversion:
    made = convert(
        "USD",
        "EUR",
        side="source",
        amount_minor=amount,
        reference_rate=Decimal(rate),
        spread_bps=bps,
    )
    assert isinstance(made, Conversion)
    return made


@given(
    source=st.sampled_from(sorted(EXPONENTS)),
    target=st.sampled_from(sorted(EXPONENTS)),
    side=st.sampled_from(("source", "target")),
    amount=st.integers(1, 10**9),
    rate=st.decimals(Decimal("0.0001"), Decimal(10_000), places=6, allow_nan=False),
    bps=st.integers(0, 1_000),
    cuts=st.lists(st.integers(1, 10**9), max_size=5),
)
def test_money_is_conserved_in_each_currency(
    source: str, target: str, side: Side, amount: int, rate: Decimal, bps: int, cuts: Sequence[int]
) -> None:
    """In one piece or in parts, each currency sums to what it was, and back again to nothing."""
    whole = convert(
        source, target, side=side, amount_minor=amount, reference_rate=rate, spread_bps=bps
    )
    if source == target or not isinstance(whole, Conversion) or whole.source_minor > FUNDS:
        return
    places = sorted({0, whole.source_minor, *(cut % whole.source_minor for cut in cuts)})
    parts = in_parts_of(whole, [b - a for a, b in pairwise(places)])
    at_once, in_parts = book(source, target), book(source, target)
    before = balances(at_once)

    post(at_once, whole)
    for each in parts:
        post(in_parts, each)

    assert balances(at_once) == balances(in_parts)
    assert _sums(at_once) == {source: FUNDS, target: 0}
    for each in reversed(parts):
        post(in_parts, each, back=True)
    assert balances(in_parts) == before


def _sums(found: Book) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for (_, currency), balance in balances(found).items():
        sums[currency] += balance
    return sums
