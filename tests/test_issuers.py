"""The table of issuers: whose a number is, by its beginning and length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from app.base.issuers import ISSUERS, Issuer, beginnings, find_brand, passes_luhn
from tests.support.tables import Row, table


@given(st.text("0123456789", min_size=1, max_size=40))
def test_the_check_digit_is_stdnums(digits: str) -> None:
    """Suya's quick Luhn check agrees with python-stdnum."""
    assert passes_luhn(digits) == luhn.is_valid(digits)


@table("""
    number               brand
    4242424242424242     visa
    4222222222222        visa
    4242424242424242428  visa
    5105105105105100     mastercard
    2221000000000009     mastercard
    2720999999999999     mastercard
    2721000000000000     -
    2220999999999999     -
    378282246310005      amex
    30569309025904       diners
    3056930009020004     diners
    3095000000000000000  diners
    3531137625674412847  jcb
    3527999999999999     -
    3590000000000000     -
    6011364502062370230  discover
    6440000000000000     discover
    6500310000000000     elo
    6500310000000000000  discover
    6521500000000000     rupay
    6221260000000000     unionpay
    62212600000000       -
    8100000000000000     unionpay
    8171999927660000     unionpay
    507850785078507812   verve
    5061460410120223210  verve
    6500020000000000     verve
    50180000000          -
    501800000009         maestro
    6304000000000000000  maestro
    63040000000000000000 -
    2204000000000000     mir
    2205000000000000     -
    9792030000000000     troy
    122000000000003      uatp
    1220000000000034     -
    490154203237518      -
    """)
def test_a_number_has_the_brand_of_its_longest_beginning(row: Row) -> None:
    """At the edges of ranges, and where a brand has part of another one's range."""
    assert (find_brand(str(row.number)) or "-") == str(row.brand or "-")


@pytest.mark.parametrize("issuer", ISSUERS, ids=lambda issuer: issuer.brand)
def test_lengths_are_within_the_standard(issuer: Issuer) -> None:
    """ISO/IEC 7812 has 19 digits at most, and none of these brands fewer than 12."""
    assert set(issuer.lengths) <= set(range(12, 20))


@given(st.integers(100_000, 999_999), st.integers(100_000, 999_999))
def test_beginnings_are_exactly_the_range(one: int, other: int) -> None:
    """A number of six digits begins with one of them if it is in the range, and with none else."""
    low, high = min(one, other), max(one, other)
    found = list(beginnings(f"{low}-{high}"))

    for number in (low - 1, low, (low + high) // 2, high, high + 1):
        fitting = [each for each in found if str(number).startswith(each)]
        assert len(fitting) == (low <= number <= high)
