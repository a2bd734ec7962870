"""A card's number in a processor's answer: found in every spelling, and kept from the caller.

Processors have no reason to repeat a number. One that does so plainly gets it taken out; where it
is hidden in an encoding, the whole answer is withheld, because what else is in it nobody knows.
"""

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote

from app.base.pan import REMOVED, scrub

_GAP_MAX: Final = 8
"""Characters that may stand between two digits: a separator, an entity, quotes and a comma."""
_DEPTH_MAX: Final = 2  # of encodings within each other, such as base64 in JSON in a form
_FORMS_MAX: Final = 128  # of one answer; each takes a millisecond per 100 kB

_GAP: Final = re.compile(rf"(?<=[0-9])[^0-9]{{1,{_GAP_MAX}}}(?=[0-9])")
_ESCAPE: Final = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_QUOTED: Final = re.compile(r"=([0-9A-Fa-f]{2})")
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_-]{16,}")
_BASE32: Final = re.compile(r"[2-7A-Za-z]{20,}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){12,}[0-9A-Fa-f]?")
_DIGIT: Final = re.compile(r"[^\W\D]", re.UNICODE)


def redact(text: str, number: str) -> str:
    """`text` without card numbers in digits, in one piece or with separators between them."""
    text = scrub(text)
    if number not in _GAP.sub("", text):
        return text
    return re.sub(f"[^0-9]{{0,{_GAP_MAX}}}".join(number), REMOVED, text)


def spells(text: str, number: str) -> bool:
    """Whether `text` has the number in any spelling: encoded, backwards, or as a number.

    Encodings: escapes of JSON, forms and HTML, quoted-printable, hexadecimal, base32 and base64,
    one within another; digits of any script.
    """
    backwards, hexadecimal, octal = number[::-1], f"{int(number):x}", f"{int(number):o}"
    for form in _forms(text):
        digits = _GAP.sub("", _ascii(form))
        if number in digits or backwards in digits or octal in digits:
            return True
        if hexadecimal in form.lower():
            return True
    return False


def _ascii(text: str) -> str:
    """Digits of other scripts as those of ASCII."""
    return text if text.isascii() else _DIGIT.sub(lambda match: str(int(match[0])), text)


def _forms(text: str) -> Iterator[str]:
    """The text, and what it becomes when it is decoded."""
    seen, level = {text}, [text]
    yield text
    for _ in range(_DEPTH_MAX):
        following = []
        for form in level:
            for decode in _DECODERS:
                for decoded in decode(form):
                    if decoded and decoded not in seen and len(seen) < _FORMS_MAX:
                        seen.add(decoded)
                        following.append(decoded)
                        yield decoded
        level = following


def _escapes(text: str) -> Iterator[str]:
    if "\\" in text:
        yield _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)


def _percents(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text, errors="replace")


def _entities(text: str) -> Iterator[str]:
    if "&" in text:
        yield html.unescape(text)


def _quoted(text: str) -> Iterator[str]:
    if "=" in text:
        yield _QUOTED.sub(lambda match: chr(int(match[1], 16)), text)


def _hexadecimal(text: str) -> Iterator[str]:
    """Bytes of hexadecimal digits, which may begin at any of two."""
    runs = [re.sub("[ :]", "", match[0]) for match in _HEX.finditer(text)]
    for shift in range(2):
        yield "\0".join(
            bytes.fromhex(run[shift : len(run) - (len(run) - shift) % 2]).decode("latin-1")
            for run in runs
        )


def _base32(text: str) -> Iterator[str]:
    """Bytes of base32, which may begin at any of eight."""
    runs = [match[0].upper() for match in _BASE32.finditer(text)]
    for shift in range(8) if runs else ():
        yield "\0".join(base64.b32decode(_filled(run[shift:], 8)).decode("latin-1") for run in runs)


def _filled(run: str, group: int) -> str:
    """The run in whole groups; `A` is zero in both alphabets."""
    return run + "A" * (-len(run) % group)


def _base64(text: str) -> Iterator[str]:
    """Bytes of base64, which may begin at any of four."""
    runs = [match[0].replace("-", "+").replace("_", "/") for match in _BASE64.finditer(text)]
    for shift in range(4) if runs else ():
        yield "\0".join(
            binascii.a2b_base64(_filled(run[shift:], 4)).decode("latin-1") for run in runs
        )


_DECODERS: Final[tuple[Callable[[str], Iterator[str]], ...]] = (
    _escapes, _percents, _entities, _quoted, _hexadecimal, _base64, _base32,
)  # fmt: skip
