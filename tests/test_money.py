"""Money: whole minor units, rounded half to even, with the exponents of ISO 4217."""

from datetime import date
from fractions import Fraction

import iso4217
from hypothesis import given
from hypothesis import strategies as st

from app.base import money
from tests.support.tables import Row, table


@table("""
    numerator  denominator  result
            0            2       0
            1            2       0   -- a half goes to the even neighbour
            3            2       2
            5            2       2
            7            2       4
            2            3       1
            1            3       0
           10            2       5
           -1            2       0
           -3            2      -2
""")
def test_halves_go_to_the_even_neighbour(row: Row) -> None:
    """A quotient is rounded to the nearest integer, and a half to the even one."""
    assert money.divide_half_even(row.numerator, row.denominator) == row.result


@given(st.integers(), st.integers(min_value=1))
def test_rounding_is_that_of_exact_fractions(numerator: int, denominator: int) -> None:
    """Division agrees with exact arithmetic for integers of any size."""
    exact = round(Fraction(numerator, denominator))

    assert money.divide_half_even(numerator, denominator) == exact


@table("""
    amount    bps  fixed  fee
     10000    290     30  320
      1234    290     30   66   -- 35.786 + 30
        50    100      0    0   -- half a minor unit goes to the even one
       150    100      0    2
        10    290     30   10   -- never more than the amount
         1      0      0    0
     10000  10000     30  10000
""")
def test_fees_are_a_share_and_a_fixed_part(row: Row) -> None:
    """A fee is the rounded share plus the fixed part, and at most the amount itself."""
    assert money.fee_minor(row.amount, bps=row.bps, fixed_minor=row.fixed) == row.fee


@table("""
    currency  digits
    XCG            2
    JPY            0
    KRW            0
    CLP            0
    VND            0
    XAF            0
    XOF            0
    BHD            3
    IQD            3
    JOD            3
    KWD            3
    LYD            3
    OMR            3
    TND            3
    CLF            4
    UYW            4
    USD            2
    EUR            2
    NGN            2
""")
def test_currencies_have_their_exponents(row: Row) -> None:
    """Yen have no decimals, dinars three, accounting units four, most others two."""
    assert money.EXPONENTS[row.currency] == row.digits


def test_an_unknown_currency_has_no_exponent() -> None:
    """There is no default that would make an unknown code look like dollars."""
    assert "XXY" not in money.EXPONENTS
    assert "usd" not in money.EXPONENTS


@table("""
    currency  on          ended
    BGN       2025-12-31     no
    BGN       2026-01-01    yes  -- Bulgaria has the euro
    EUR       2026-01-01     no
    XCG       2026-01-01     no  -- in place of ANG since 2025-03-31
""")
def test_a_currency_ends_on_a_day(row: Row) -> None:
    """Whether a currency is money depends on the day."""
    assert money.has_ended(row.currency, date.fromisoformat(row.on)) == (row.ended == "yes")


def test_exponents_are_those_that_iso_publishes() -> None:
    """Suya's currencies are ISO's, but for those that ended and one that Suya does not take."""
    published = {each.code: each.exponent for each in iso4217.Currency if each.exponent is not None}
    both = published.keys() & money.EXPONENTS.keys()

    assert {code: money.EXPONENTS[code] for code in both} == {
        code: published[code] for code in both
    }
    assert money.EXPONENTS.keys() - both == set(money.ENDED)  # still read and emptied
    assert published.keys() - both == {"XAD"}
