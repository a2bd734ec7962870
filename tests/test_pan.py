"""Card numbers are found in any text, and little else is taken for one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from app.base import ids
from app.base.pan import REMOVED, contains_pan, find_pans, passes_luhn, scrub

VISA, AMEX = "4242424242424242", "378282246310005"
INSTANT_MIN, INSTANT_MAX = (datetime(year, 1, 1) for year in (2000, 2200))  # noqa: DTZ001
NUMBERS = st.text("0123456789", min_size=11, max_size=17).map(
    lambda rest: "4" + rest + luhn.calc_check_digit("4" + rest)
)


@given(st.text("0123456789", min_size=1, max_size=40))
def test_the_check_digit_is_stdnums(digits: str) -> None:
    """Suya's quick Luhn check agrees with python-stdnum."""
    assert passes_luhn(digits) == luhn.is_valid(digits)


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        AMEX,
        "4222222222222",
        "6304000000000000000",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "3782 822463 10005",
        f"card={VISA}&next=1",
        f"pay_{VISA}",
        f"({VISA})",
        f"{VISA} 12 27",
        "12 4242 4242 4242 4242 12 27",
        "22 4242 4242 4242 4242",
        f'{{"amount":{VISA}}}',
        f'"a line\\n{VISA}\\nand one more"',
        '"\\u0034242424242424242"',
        '"4242\\u002d4242\\u00204242\\u002D4242"',
        "４２４２４２４２４２４２４２４２",  # noqa: RUF001 - digits as wide as letters
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20094242\u200a4242\u30004242",
        "4242\u20134242\u20144242\u22124242".replace("\u2212", "\u2010"),
        "42\u200d42\ufeff4242\u200b42424242",
        "4\u03012424242\u030142424242",
        "\u0664\u0662" * 8,
        f"+{VISA}",
    ],
)
def test_a_card_number_is_found(text: str) -> None:
    """In one piece or in groups, beside other numbers, escaped or in other scripts' digits."""
    assert contains_pan(text)
    assert contains_pan(text.encode())
    assert not contains_pan(scrub(text))
    assert REMOVED in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424243",
        "4242 4242 4242 4243",
        f"a{VISA}",
        f"{VISA}b",
        f"4{VISA}4242",
        "+4242424242424",
        "DE89 3704 0044 0532 0130 00",
        "de89 3704 0044 0532 0130 00",
        "DE89-3704-0044-0532-0130-00",
        "DE89 370400440532013000 and more 12",
        "NO93 8601 1117 947",
        "42424242-4242-4242-8242-424242424242",
        "1111111111111117",
        "20261121-143000-17",
    ],
)
def test_what_only_looks_like_one_is_left(text: str) -> None:
    """Wrong check digits, parts of words, telephones, IBANs, ids and dates are no cards."""
    assert not contains_pan(text)
    assert scrub(text) == text


@given(st.uuids())
def test_no_id_is_taken_for_one(value: UUID) -> None:
    """An id of either form can be an Idempotency-Key."""
    assert not contains_pan(str(value))
    assert not contains_pan(ids.encode("payment", value))


@given(st.datetimes(INSTANT_MIN, INSTANT_MAX))
def test_no_instant_is_taken_for_one(at: datetime) -> None:
    """Logs and bodies are full of instants."""
    assert not contains_pan(at.replace(tzinfo=UTC).isoformat())


@given(NUMBERS, st.text(), st.text())
def test_it_is_found_beside_anything(number: str, before: str, after: str) -> None:
    """A number that stands alone is found and removed, whatever is around it."""
    text = f"{before}|{number}|{after}"

    assert contains_pan(text)
    assert number not in scrub(text)


@given(st.binary())
def test_anything_can_be_looked_at(text: bytes) -> None:
    """Bytes that are no text are checked, too."""
    assert contains_pan(text) in {True, False}


def test_the_parts_of_a_request_are_told_apart() -> None:
    """One item with a card number does not make its neighbours suspicious."""
    assert find_pans([b"plain", VISA.encode(), b"4242"]) == [False, True, False]


def test_text_made_to_keep_us_busy_is_refused() -> None:
    """A request with too many places to check counts as one with a card number."""
    assert contains_pan("4000000000000 " * 60_000)
    assert not contains_pan("4000000000000 " * 10)


def test_text_made_of_what_may_be_bank_accounts_is_refused() -> None:
    """Each end of a group that could end an IBAN counts as a place, too."""
    account = f"ab12{' 1' * 30} "
    assert contains_pan(account * 5_000 + "4000000000000")
    assert not contains_pan(account * 5 + "4000000000000")
