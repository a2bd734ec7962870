"""Card numbers (PANs): finds them where they must not be, and removes them.

Only the vault has card numbers, so every other part of Suya that takes text from outside checks it
here first. What counts is what the text says, not how it is spelled: escapes are resolved, digits
of all scripts count, signs without width do not. A card number is 13 to 19 digits that an issuer
has (`issuers.py`: beginning, length, check digit), whether letters stand beside them or not:

- in one piece; a longer piece is not searched, because any long one has such digits somewhere;
- in groups, as cards are written: fours, 4-6-5, 4-6-4 and such, or all groups of one size;
- in any other groups, if one sign separates all of them and no other digits stand beside them.

What else looks so is recognised: UUIDs and other hexadecimal ids, IBANs by their own check digits,
telephone numbers with their `+`, digits behind a decimal point, and what `_is_otherwise` knows.
"""

import itertools
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec
from stdnum import iban

from app.base.issuers import DIGITS_MAX, find_brand, passes_luhn

DIGITS_MIN: Final = 13
"""Of what is looked for. Maestro once allowed 12, and 13: those would be telephone numbers."""

REMOVED: Final = "[card number removed]"

_PHONE_DIGITS_MAX: Final = 15  # of an international number, by ITU-T E.164
_IBAN_LENGTH_MIN: Final = 15  # Norway's; the longest ones have 34 characters
_LOOKS_MAX: Final = 50_000
"""Places of a request that are checked closely: five per item of the largest bulk request.

Text with more is made to keep the process busy, and is treated as if it had a card number.
"""
_CLOSE_LOOKS: Final = 5  # what looking at the surroundings of a number costs, in places

Looks = Iterator[int]
Groups = Sequence[tuple[int, int]]
"""Where groups of digits begin and end."""


class _TooMany(Exception):
    """The text has more than `_LOOKS_MAX` places; its argument is where they are too many."""


_SIGNS: Final = ",/|*:;~\\'#"
"""These separate the groups of a number only where one of them separates all: lists have them."""

# The cheap first check, which nearly all texts fail (less than a microsecond for a payment): digits
# become 0, what may stand between them is dropped, and 13 of them in a row are suspicious. A byte
# that leads a character of several may stand for a digit, unless it leads letters only (those of
# Cyrillic, Chinese and Korean). Of a text with escapes, all that they are spelled with counts, too.
_LETTERS_LED: Final = (0xD0, 0xD1, *range(0xE5, 0xEA), 0xEB, 0xEC)
_MAYBE_DIGITS: Final = {*b"0123456789", *range(0xC0, 0x100)} - {*_LETTERS_LED}
_SUSPICIOUS: Final = b"0" * DIGITS_MIN
_DROPPED: Final = bytes([*range(0x20), 0x7F, *b" -._", *_SIGNS.encode(), *range(0x80, 0xC0)])
_SQUEEZED: Final = bytes(ord("0" if code in _MAYBE_DIGITS else "x") for code in range(256))
_DROPPED_OF_ESCAPES: Final = _DROPPED + b"nrtu"
_SQUEEZED_OF_ESCAPES: Final = bytes(
    ord("0" if code in _MAYBE_DIGITS | {*b"abcdefABCDEF"} else "x") for code in range(256)
)

_SEQUENCE: Final = re.compile(rf"[0-9][0-9 ._-]{{{DIGITS_MIN - 1},}}")
"""Digits and what may stand between those of one number."""
_NEAR: Final = 40  # characters: the longest number with a sign behind each digit
_PARTED: Final = dict.fromkeys(map(ord, " ._-"), "x")
_GAP_MAX: Final = 3  # signs between two digits of one number
_GROUP: Final = re.compile("[0-9]+")
_SIGNED: Final = re.compile(rf"[0-9]{{4}}([{re.escape(_SIGNS)}])[0-9]{{4,6}}\1[0-9]{{4}}")
_SHAPES: Final = frozenset(
    {
        *((4, 6, 5), (4, 6, 4), (4, 5, 6)),  # Amex, Diners, UATP
        *((4, 4, 5), (4, 3, 3, 3)),  # Visa's old ones
        *((6, 13), (6, 10), (4, 4, 4, 7)),  # UnionPay, Maestro
    }
)
"""How cards are written, besides in fours and other groups of one size."""
_FOUR: Final = 4

_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[bfnrt/]"
)
_CONTROL: Final = re.compile(rb"\\(?:[bfnrt/]|u00[01][0-9a-f])")
_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
_HEXADECIMAL: Final = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{24,}(?![0-9A-Za-z])"
)
_IBAN: Final = re.compile(
    r"(?<![0-9A-Za-z])(?=([A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]){11,30}))", re.IGNORECASE | re.ASCII
)
_AROUND: Final = 130  # characters beside a number that may be its id's: a SHA-512 has 128
_GERMAN_OR_AUSTRIAN: Final = ("436", "4915", "4916", "4917")
_DAY_FIRST: Final = re.compile(
    r"30(?:0[1-9]|1[0-2])(?:19|2[01])[0-9]{2}(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){2}"
)


class _Plain(dict[int, str]):
    """Code point -> what it is in ASCII, or itself; each is looked up once.

    One character becomes one or none, so that text of any kind takes time in proportion to its
    length. (Normal forms of Unicode take the square of it for a run of combining marks.)
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        digit, category = unicodedata.digit(char, None), unicodedata.category(char)
        if digit is not None:
            plain = str(digit)
        elif category in _INVISIBLE:
            plain = ""
        elif category == "Pd":
            plain = "-"
        elif category == "Cc" or (code > 0x7F and category[0] not in "LN"):  # noqa: PLR2004 - ASCII
            plain = " "  # all signs of all scripts may separate
        else:
            plain = char
        self[code] = plain
        return plain


_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me"})
"""What has no width of its own: joiners and marks."""
_PLAIN: Final = _Plain()


def contains_pan(text: str | bytes) -> bool:
    """Whether `text` (a word, a header, a file) contains a card number."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return _is_suspicious(raw) and _has(raw, _spelled_out, itertools.count())


def body_contains_pan(body: bytes) -> bool:
    """Whether a name or a value of a body of JSON contains a card number."""
    return _is_suspicious(body) and _has(body, _values, itertools.count())


def find_pans(bodies: Iterable[bytes]) -> list[bool]:
    """Which of the bodies of JSON that one request brings contain a card number."""
    looks = itertools.count()
    return [_is_suspicious(body) and _has(body, _values, looks) for body in bodies]


def scrub(text: str) -> str:
    """`text` without its card numbers; the rest of it stays as it was spelled."""
    if not _is_suspicious(text.encode("utf-8", "surrogatepass")):
        return text
    spelled = _ESCAPE.sub(_character_as_long, text, count=_LOOKS_MAX)
    plain = spelled.translate(_PLAIN)
    spans = list(_find(plain, itertools.count()))
    if not spans:
        return text
    # Where each character of `plain` stands in `text`; the invisible ones of that were dropped.
    places = [at for at, char in enumerate(spelled) if _PLAIN[ord(char)]]
    places.append(len(text))
    parts, end = [], 0
    for first, last in spans:
        parts += [text[end : places[first]], REMOVED]
        end = places[last]
    return "".join([*parts, text[end:]])


def _has(text: bytes, resolve: Callable[[bytes], bytes], looks: Looks) -> bool:
    if b"\\" in text:
        text = resolve(text)
        if _SUSPICIOUS not in text.translate(_SQUEEZED, _DROPPED):
            return False
    plain = text.decode("utf-8", "replace").translate(_PLAIN)
    return next(_find(plain, looks), None) is not None


def _is_suspicious(text: bytes) -> bool:
    if b"\\" in text:
        return _SUSPICIOUS in text.translate(_SQUEEZED_OF_ESCAPES, _DROPPED_OF_ESCAPES)
    return _SUSPICIOUS in text.translate(_SQUEEZED, _DROPPED)


def _spelled_out(text: bytes) -> bytes:
    decoded = text.decode("utf-8", "replace")
    resolved = _ESCAPE.sub(_character, decoded, count=_LOOKS_MAX)
    return resolved.encode("utf-8", "surrogatepass")


def _values(body: bytes) -> bytes:
    """A body of JSON in which no character of a name or a value is escaped, but quotes.

    What is no JSON is taken as text: it is refused for its form anyway.
    """
    if b"\\u" in body:
        try:
            # Reading and writing it anew resolves a million escapes in a tenth of a second.
            body = msgspec.json.encode(msgspec.json.decode(body))
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return _spelled_out(body)
    return _CONTROL.sub(b" ", body)


def _character(escape: re.Match[str]) -> str:
    character: str = json.loads(f'"{escape[0]}"')
    return character


def _character_as_long(escape: re.Match[str]) -> str:
    """The character of an escape, and invisible ones up to the length of its spelling."""
    return _character(escape).ljust(len(escape[0]), "\u200b")


def _find(text: str, looks: Looks) -> Iterator[tuple[int, int]]:
    """Yield where card numbers begin and end, in their order.

    The last one ends with the text if that has more than `_LOOKS_MAX` places.
    """
    try:
        signed = list(_find_signed(text, looks))
        if not signed:
            yield from _find_in(text, text, looks)
            return
        found = sorted([*signed, *_find_in(text, text, looks)])
    except _TooMany as where:
        yield where.args[0], len(text)
        return
    end = 0
    for first, last in found:
        if first >= end:
            yield first, last
            end = last


def _find_signed(text: str, looks: Looks) -> Iterator[tuple[int, int]]:
    """As `_find_in`, of numbers in which a sign stands that is otherwise between numbers."""
    for match in _SIGNED.finditer(text):
        for _ in range(_CLOSE_LOOKS):
            next(looks)
        offset = max(match.start() - _NEAR, 0)
        near = text[offset : match.end() + _NEAR]
        # The sign takes the place of all others, which now part the groups.
        near = near.translate({**_PARTED, ord(match[1]): " "})
        for first, last in _find_in(near, near, looks):
            yield first + offset, last + offset


def _find_in(text: str, whole: str, looks: Looks) -> Iterator[tuple[int, int]]:
    for groups in _sequences(text, looks):
        sizes = [last - first for first, last in groups]
        at = 0
        while at < len(groups):
            end = _card_end(text, groups, sizes, at)
            if end and not _is_part_of_other(whole, groups[at][0], groups[end - 1][1], looks):
                yield groups[at][0], groups[end - 1][1]
                at = end
            else:
                at += 1


def _sequences(text: str, looks: Looks) -> Iterator[Groups]:
    """Groups of digits that stand beside each other, if they have enough digits for a card.

    Raises:
        _TooMany
    """
    for match in _SEQUENCE.finditer(text):
        groups: list[tuple[int, int]] = []
        for group in _GROUP.finditer(text, *match.span()):
            if next(looks) >= _LOOKS_MAX:
                raise _TooMany(group.start())
            if groups and group.start() - groups[-1][1] > _GAP_MAX:
                yield groups
                groups = []
            groups.append(group.span())
        yield groups


def _card_end(text: str, groups: Groups, sizes: Sequence[int], at: int) -> int:
    """Behind which group the longest card number ends that begins with group `at`; 0 if none."""
    ends, total = [], 0
    for end in range(at + 1, min(at + DIGITS_MAX, len(sizes)) + 1):
        total += sizes[end - 1]
        if total > DIGITS_MAX:
            break
        if total >= DIGITS_MIN:
            ends.append(end)
    for end in reversed(ends):
        if _is_written_so(text, groups, sizes, at, end):
            digits = "".join(text[first:last] for first, last in groups[at:end])
            is_phone = (
                at == 0
                and text[max(groups[0][0] - 1, 0) : groups[0][0]] == "+"
                and len(digits) <= _PHONE_DIGITS_MAX
            )
            if not is_phone and _is_card(digits):
                return end
    return 0


def _is_written_so(text: str, groups: Groups, sizes: Sequence[int], at: int, end: int) -> bool:
    """Whether somebody would write one number in these groups, and not several numbers."""
    if end == at + 1:
        return at == 0 or text[groups[at - 1][1] : groups[at][0]] != "."
    size, shape = sizes[at], tuple(sizes[at:end])
    is_even = shape[-1] <= size and all(other == size for other in shape[:-1])
    if is_even and (
        size == _FOUR or ((at == 0 or sizes[at - 1] != size) and sizes[end : end + 1] != [size])
    ):
        return True
    if shape in _SHAPES:
        return True
    between = {text[groups[k][1] : groups[k + 1][0]] for k in range(at, end - 1)}
    return at == 0 and end == len(sizes) and len(between) == 1


def _is_card(digits: str) -> bool:
    brand = find_brand(digits)
    return brand is not None and passes_luhn(digits) and not _is_otherwise(digits, brand)


def _is_otherwise(digits: str, brand: str) -> bool:
    """Whether digits that a card may have are more likely something else.

    13 digits: only Visa ever used them, long ago. GTINs (barcodes) pass by their own check digit,
    and so do mobile telephones of Germany and Austria. 14 digits: `30.01.2026 14:30:00`.
    """
    if len(digits) == DIGITS_MIN:
        is_gtin = (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0
        return brand != "visa" or is_gtin or digits.startswith(_GERMAN_OR_AUSTRIAN)
    return _DAY_FIRST.fullmatch(digits) is not None


def _is_part_of_other(text: str, first: int, last: int, looks: Looks) -> bool:
    """Whether the digits from `first` to `last` belong to an id or a bank account."""
    for _ in range(_CLOSE_LOOKS):
        next(looks)
    offset = max(first - _AROUND, 0)
    around = text[offset : last + _AROUND]
    first, last = first - offset, last - offset
    for pattern in (_UUID, _HEXADECIMAL):
        for match in pattern.finditer(around):
            if match.start() <= first and last <= match.end():
                return True
    for match in _IBAN.finditer(around):
        if match.start() <= first and last <= match.start() + _iban_end(match[1], around, match):
            return True
    return False


def _iban_end(window: str, text: str, match: re.Match[str]) -> int:
    """Where the IBAN at the beginning of `window` ends, in whatever groups it is; 0 if none."""
    compact = ""
    following = f"{text[match.start() :][: len(window) + 1]} "
    for end, char in enumerate(window, 1):
        if char in " -":
            continue
        compact += char
        if len(compact) >= _IBAN_LENGTH_MIN and not following[end].isalnum() and _is_iban(compact):
            return end
    return 0


def _is_iban(compact: str) -> bool:
    # With the form of its country, because one in a hundred has check digits that fit.
    is_valid: bool = iban.is_valid(compact, check_country=False)
    return is_valid
