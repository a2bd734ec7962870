"""Account numbers: only the registry's form and the check digits decide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.base import iban
from tests.support.tables import Row, table

NUMBERS = (
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "BE68539007547034",
    "NO9386011117947",
    "FR1420041010050500013M02606",
    "MT84MALT011000012345MTLCAST001S",
    "BR1800360305000010009795493C1",
    "SA0380000000608010167519",
)
"""Examples of the registry."""


@pytest.mark.parametrize("number", NUMBERS)
def test_the_registrys_examples_are_taken(number: str) -> None:
    """The registry's examples are accepted, also with spaces and in small letters."""
    spelled = " ".join(number[at : at + 4] for at in range(0, len(number), 4)).lower()

    assert iban.parse(spelled) == iban.parse(number) == number


@table("""
    number
    DEA5370400440532013000          -- letters as check digits
    GB2LABBY09012857201707          -- a letter as a check digit
    GB00HLFX11016111455365          -- 00 is never computed
    GB01BUKB20201555555555          -- 01
    DE89370400440532013001          -- a digit is wrong
    DE8937040044053201300           -- too short
    GB33BUKB202015555555            -- too short
    XX1237040044053201              -- no such country
    123456789012345                 -- no country
    DE893704004405320130\u0660\u0660-- other digits
""")
def test_what_is_no_number(row: Row) -> None:
    """A number that breaks any of the rules is refused."""
    with pytest.raises(ValueError, match="is no IBAN"):
        iban.parse(str(row.number))


@given(
    number=st.sampled_from(NUMBERS),
    place=st.integers(0, 40),
    instead=st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
)
def test_one_wrong_character_is_always_found(number: str, place: int, instead: str) -> None:
    """Mod 97-10 finds any wrong digit for a digit, and letter for a letter."""
    place %= len(number)
    wrong = number[:place] + instead + number[place + 1 :]
    if wrong == number or instead.isdigit() != number[place].isdigit():
        return

    with pytest.raises(ValueError, match="is no IBAN"):
        iban.parse(wrong)


@given(number=st.sampled_from(NUMBERS), digits=st.integers(0, 99))
def test_one_pair_of_check_digits_is_right(number: str, digits: int) -> None:
    """The check digits 00, 01 and 99 are refused, though they equal others modulo 97."""
    other = f"{number[:2]}{digits:02}{number[4:]}"
    try:
        taken = iban.parse(other)
    except ValueError:
        taken = ""

    assert (taken == other) == (other == number)
