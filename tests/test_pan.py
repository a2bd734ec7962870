"""Card numbers are found in any text, however it is spelled, and little else is taken for one."""

import itertools
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from app.base import ids
from app.base.issuers import ISSUERS, beginnings, passes_luhn
from app.base.pan import REMOVED, body_contains_pan, contains_pan, find_pans, scrub

VISA, AMEX = "4242424242424242", "378282246310005"
INSTANT_MIN, INSTANT_MAX = (datetime(year, 1, 1) for year in (2000, 2200))  # noqa: DTZ001
DIGITS_MIN = 14  # 13 digits may be something else; they have tests of their own
KINDS = [
    (beginning, length)
    for issuer in ISSUERS
    for beginning in beginnings(issuer.ranges)
    for length in issuer.lengths
    if length >= DIGITS_MIN
]
"""Beginnings and lengths of the numbers that issuers have."""


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A card number of any issuer."""
    beginning, length = draw(st.sampled_from(KINDS))
    rest = length - len(beginning) - 1
    digits = beginning + draw(st.text("0123456789", min_size=rest, max_size=rest))
    return str(digits + luhn.calc_check_digit(digits))


def fours(number: str) -> list[str]:
    """The groups in which most cards have their number."""
    return [number[at : at + 4] for at in range(0, len(number), 4)]


def escaped(text: str) -> str:
    """`text` in JSON, with an escape for each of its characters."""
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


SEPARATORS = [
    *(" ", "-", ".", "_", "\t", "\n", "\r\n", "\x00", "  ", " - "),
    *("\u00a0", "\u2009", "\u202f", "\u3000", "\u2028"),  # spaces of all widths
    *("\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212"),  # dashes
    *("\u00b7", "\u2022", "\u2027", "\uff0e", "\u3002", "\u00d7", "\u2192"),  # other signs
    *("/", ",", "|", ":", ";", "*", "~", "#", "'"),
    *("\u200b", "\u200d", "\ufeff", "\u2060", "\u00ad", "\u0301"),  # without width
]
SCRIPTS = [0x30, 0x660, 0x6F0, 0x966, 0xE50, 0xFF10, 0x1D7CE]
"""The zeros of ASCII, Arabic, Persian, Devanagari, Thai, fullwidth and mathematical digits."""


@given(numbers(), st.sampled_from(SEPARATORS), st.sampled_from(SCRIPTS))
def test_a_value_is_seen_however_it_is_spelled(number: str, separator: str, zero: int) -> None:
    """With any sign between fours, in any script, as itself and in escapes of JSON."""
    text = separator.join(fours(number)).translate({0x30 + n: zero + n for n in range(10)})

    assert contains_pan(text)
    assert contains_pan(text.encode())
    assert REMOVED in scrub(text)
    for body in (f'{{"a":"{escaped(text)}"}}', f'{{"{escaped(text)}":1}}'):
        assert body_contains_pan(body.encode())
        assert contains_pan(body)
        assert not contains_pan(scrub(body))
    for is_ascii in (True, False):
        assert body_contains_pan(json.dumps({"a": text}, ensure_ascii=is_ascii).encode())


@given(numbers(), st.sampled_from(" -.\u2013"), st.data())
def test_any_groups_will_do_where_nothing_else_stands(
    number: str, separator: str, data: st.DataObject
) -> None:
    """Even one digit at a time, if one sign parts all groups."""
    cuts = data.draw(st.sets(st.integers(1, len(number) - 1)))
    places = [0, *sorted(cuts), len(number)]
    text = separator.join(number[a:b] for a, b in itertools.pairwise(places))

    assert contains_pan(f"({text})")


@given(numbers(), st.text("xyzXYZéж", max_size=5), st.text("xyzXYZéж", max_size=5))
def test_letters_may_stand_beside_it(number: str, before: str, after: str) -> None:
    """`Visa4242...` has a card number as well."""
    assert contains_pan(before + number + after)
    assert number not in scrub(f"{before}{number}{after}")


@given(numbers())
def test_scrubbing_leaves_the_rest_as_it_was_spelled(number: str) -> None:
    """Tabs, escapes and invisible signs beside a number stay, so a line of JSON stays one."""
    line = json.dumps({"a\n": f"é\t\u200b{number}\n", "b": 1})

    assert json.loads(scrub(line)) == {"a\n": f"é\t\u200b{REMOVED}\n", "b": 1}


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        AMEX,
        "4222222222222",
        "6304000000000000000",
        "4242 4242-4242 4242",
        "3782 822463 10005",
        "3056 930902 5904",
        f"card={VISA}&next=1",
        f"pay_{VISA}",
        f"({VISA})",
        f"{VISA}.00",
        f"%B{VISA}^HOLDER/ADA^2712",
        f";{VISA}=27121010000000000000?",
        f"{VISA} 12 27",
        "12 4242 4242 4242 4242 12 27",
        "22 4242 4242 4242 4242",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2 12 27",
        "4242/4242/4242/4242/12/27",
        f'{{"amount":{VISA}}}',
        f'"a line\\n{VISA}\\nand one more"',
        '"\\u0034242424242424242"',
        '"4242\\u002d4242\\u00204242\\u002D4242"',
        "42\u200d42\ufeff4242\u200b42424242",
        "4\u03012424242\u030142424242",
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
        f"4{VISA}4242",
        f"{VISA}4242424242424242",
        f"{VISA}aaaa4242ffff4242",
        f"0.{VISA}",
        "+4242424242424",
        "DE89 3704 0044 0532 0130 00",
        "de89 3704 0044 0532 0130 00",
        "DE89-3704-0044-0532-0130-00",
        "DE89 370400440532013000 and more 12",
        "NO93 8601 1117 947",
        "42424242-4242-4242-8242-424242424242",
        "1111111111111117",
        "20261121-143000-17",
        "20261121143000",
        "30.11.2026 14.30.00",
        "2026-11-21T22:30:00.123456+00:00",
        "353918051234560",
        "867530912345678",
        "4915112345678",
        "62812345678903",
        "4006381333931",
        "48.137154 11.576124",
        "52.14.236.101 34.120.10.11",
        "4512.00 1200.50 300.25",
        "1764594600000000",
    ],
)
def test_what_only_looks_like_one_is_left(text: str) -> None:
    """Wrong check digits, parts of ids, telephones, IBANs, times and amounts are no cards."""
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


@given(st.datetimes(INSTANT_MIN, INSTANT_MAX), st.sampled_from(["%Y%m%d%H%M%S", "%d%m%Y%H%M%S"]))
def test_no_time_in_fourteen_digits_is_taken_for_one(at: datetime, form: str) -> None:
    """The commonest order numbers are times."""
    assert not contains_pan(at.strftime(form))


@given(st.sampled_from(["01", "35", "86", "91", "98", "99"]), st.text("0123456789", min_size=12))
def test_no_imei_is_taken_for_one(body: str, rest: str) -> None:
    """A telephone's own number has 15 digits and a Luhn check digit, too (3GPP TS 23.003)."""
    digits = (body + rest)[:14]
    number = digits + luhn.calc_check_digit(digits)

    assert passes_luhn(number)
    assert not contains_pan(number)


@given(numbers(), st.text(), st.text())
def test_it_is_found_beside_anything(number: str, before: str, after: str) -> None:
    """A number that stands alone is found and removed, whatever is around it."""
    text = f"{before}|<{number}>|{after}"

    assert contains_pan(text)
    assert number not in scrub(text)


def test_a_value_that_is_escaped_twice_is_another_value() -> None:
    """Whoever reads the value reads a backslash; what is no JSON is looked at as text."""
    assert not body_contains_pan(b'{"a":"\\\\u0034242424242424242"}')
    assert body_contains_pan(b'{"a":"\\u0034242424242424242"')


def test_names_and_values_are_not_run_together() -> None:
    """Digits of neighbours are no number."""
    assert not body_contains_pan(b'{"a":"4242","b":"4242","c":"4242","4242":""}')
    assert not body_contains_pan(b'{"a":["4242","4242","4242","4242"]}')


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
