"""Card numbers (PANs): finds them where they must not be, and removes them.

Only the vault has card numbers, so every other part of Suya that takes text from outside checks it
here first. A card number is: 13 to 19 digits that begin with 2 to 6 and pass the Luhn check, in one
piece or in groups separated by a space or a hyphen, with no letter or digit beside them.

Three other things look so by chance, and are recognised: ids of the form of a UUID, bank accounts
(IBANs, by their own check digits), and telephone numbers written with their `+`.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

DIGITS_MIN: Final = 13
"""The length of a card number; the oldest in use have 13 digits, ISO/IEC 7812-1 allows up to 19."""

REMOVED: Final = "[card number removed]"

_PHONE_DIGITS_MAX: Final = 15  # of an international number, by ITU-T E.164
_IBAN_MODULUS: Final = 97  # ISO 13616: the remainder of a valid one is 1
_LOOKS_MAX: Final = 50_000
"""Places of a request that are checked closely: five per item of the largest bulk request.

Text with more is made to keep the process busy, and is treated as if it had a card number.
"""

# The cheap first check, which nearly all texts fail (a microsecond for a payment).
_MAYBE: Final = re.compile(r"[2-6][0-9 -]{12}")
# Not within a word; but a backslash and a letter (JSON's \n) is no word.
_NUMBER: Final = re.compile(r"(?:(?<![0-9A-Za-z])|(?<=\\[bfnrt]))(?=([2-6](?:[ -]?[0-9]){12,18}))")
_BESIDE: Final = re.compile(r"[0-9A-Za-z]")
_ESCAPE: Final = re.compile(r"\\u00([2367][0-9A-Fa-f])")
_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
_IBAN: Final = re.compile(
    r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]){11,30}", re.IGNORECASE | re.ASCII
)
_IBAN_LENGTH_MIN: Final = 15  # Norway's; the longest ones have 34 characters
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


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
        else:
            plain = _SEPARATORS.get(category, char)
        self[code] = plain
        return plain


_SEPARATORS: Final = {"Zs": " ", "Pd": "-"}
"""Spaces and dashes, by their category in Unicode."""
_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me"})
"""What has no width of its own: joiners and marks."""
_PLAIN: Final = _Plain()


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B)."""
    return (
        sum(map(int, digits[::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))
    ) % 10 == 0


def contains_pan(text: str | bytes) -> bool:
    """Whether `text` (a word, a body, a line of a log) contains a card number."""
    plain = _plain(text)
    return _MAYBE.search(plain) is not None and next(_find(plain), None) is not None


def find_pans(texts: Iterable[bytes]) -> list[bool]:
    """Which of the parts of one request contain a card number."""
    looks = itertools.count()
    plain = map(_plain, texts)
    return [
        _MAYBE.search(one) is not None and next(_find(one, looks), None) is not None
        for one in plain
    ]


def scrub(text: str) -> str:
    """`text` without its card numbers."""
    plain = _plain(text)
    if _MAYBE.search(plain) is None:
        return text
    parts, end = [], 0
    for first, last in _find(plain):
        parts += [plain[end:first], REMOVED]
        end = last
    return "".join([*parts, plain[end:]]) if parts else text


def _plain(text: str | bytes) -> str:
    """Resolve escapes of JSON, and replace digits and spaces of other scripts by ASCII."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if "\\u00" in text:
        text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return text if text.isascii() else text.translate(_PLAIN)


def _find(text: str, looks: "itertools.count[int] | None" = None) -> Iterator[tuple[int, int]]:
    """Yield where card numbers begin and end."""
    looks = looks or itertools.count()
    text = _UUID.sub(_blank, _IBAN.sub(partial(_blank_iban, looks), text))
    end = 0
    for match in _NUMBER.finditer(text):
        start = match.start()
        if start < end:
            continue
        if next(looks) >= _LOOKS_MAX:
            yield start, len(text)
            return
        stop = start + len(match[1])
        is_phone = text[max(start - 1, 0) : start] == "+"
        length = _length(match[1], text[stop : stop + 1], phone=is_phone)
        if length:
            end = start + length
            yield start, end


def _length(window: str, following: str, *, phone: bool) -> int:
    """The length of the card number with which `window` begins; 0 if there is none.

    Other digits, such as a date, may follow a number, so it may end with any group.
    """
    at, digits = 0, ""
    for group in window.replace("-", " ").split(" "):
        digits += group
        at += len(group)
        is_whole = at < len(window) or not _BESIDE.match(following)
        is_phone = phone and len(digits) <= _PHONE_DIGITS_MAX
        if len(digits) >= DIGITS_MIN and is_whole and not is_phone and passes_luhn(digits):
            return at
        at += 1
    return 0


def _blank(match: re.Match[str]) -> str:
    return "." * len(match[0])


def _blank_iban(looks: "itertools.count[int]", match: re.Match[str]) -> str:
    """Blank a valid IBAN, in whatever groups it is written.

    The match may go on behind the IBAN's end, so each end of a group is tried, and counts as a
    place.
    """
    text, compact = f"{match[0]}{match.string[match.end() : match.end() + 1]} ", ""
    for end in range(1, len(match[0]) + 1):
        if text[end - 1] in " -":
            continue
        compact += text[end - 1]
        is_end = len(compact) >= _IBAN_LENGTH_MIN and not _BESIDE.match(text[end])
        if is_end and next(looks) >= _LOOKS_MAX:
            break
        if is_end and _is_iban(compact):
            return "." * end + match[0][end:]
    return match[0]


def _is_iban(compact: str) -> bool:
    number = "".join(str(int(char, 36)) for char in compact[4:] + compact[:4])
    return int(number) % _IBAN_MODULUS == 1
