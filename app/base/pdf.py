"""The text of a PDF, as far as a search for card numbers needs it: pure.

Text in a PDF is strings in streams that are mostly deflated, in codes that each font maps to
characters. Source: ISO 32000-1, sections 7.3.4, 7.4, 9.4.3 and 9.10.3. Pages are not laid out: the
strings are taken in their order, as they are and as each of the file's fonts maps them. So what is
written as text is found; what is drawn, or in a font that does not say what its codes mean, is a
picture like any other.
"""

import base64
import re
import zlib
from collections.abc import Iterator
from typing import Final

INFLATED_BYTES_MAX: Final = 8 * 2**20
"""Of all streams but pictures and fonts, in a file of up to 1 MiB; text deflates to a quarter."""
_STREAMS_MAX: Final = 5_000
_READ_BYTES_MAX: Final = 16 * 2**20
"""Of the strings, each counted for each font with a map: a quarter of a second's work."""
_PIECES_MAX: Final = 400_000  # a string for each letter of a hundred pages
_PIECES_BEGIN: Final = (b"(", b"<", b"[", b"]", b"\\")
_STRING_BYTES: Final = 16  # what a string costs besides its bytes
_MAPPED_MAX: Final = 200_000  # characters in the maps of all fonts; three fonts of all of Unicode
_DICTIONARY_BYTES_MAX: Final = 2_048  # before a stream; those of text have some hundreds
_GAP_MIN: Final = 150  # thousandths of the font's size between letters that look like a space

_STREAM: Final = re.compile(rb"(?<!end)stream\r?\n")
_ENCRYPTED: Final = re.compile(rb"/Encrypt\b")
_NO_TEXT: Final = re.compile(
    rb"/Subtype\s*/(?:Image|Type1C|CIDFontType0C|OpenType)\b|/Length1\b|/Type\s*/XRef\b"
)
"""Dictionaries of pictures, programs of fonts, and the table of the file's parts."""
_FLATE: Final = re.compile(rb"/(?:FlateDecode|Fl)\b")
_ASCII85: Final = re.compile(rb"/(?:ASCII85Decode|A85)\b")
_UNREAD: Final = re.compile(rb"/(?:LZWDecode|LZW|ASCIIHexDecode|AHx|RunLengthDecode|RL|Crypt)\b")
_INSIDE: Final = rb"[^()\\]++|\\."
# A string that does not end is one to the end: looking for its end again and again takes the square
# of the time.
_TOKEN: Final = re.compile(
    rb"\(((?:%b|\((?:%b)*+\)?)*+)\)?|<([0-9A-Fa-f\s]++)>|(\[)|(\])" % (_INSIDE, _INSIDE), re.DOTALL
)
_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|\r?\n|(.))", re.DOTALL)
_NAMED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_BACK: Final = re.compile(rb"-([0-9]+)(?:\.[0-9]*)?")
_MAPS: Final = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_CODE: Final = re.compile(rb"<([0-9A-Fa-f\s]*)>|([\[\]])")

_BREAK: Final = "\U0010ffff"  # between strings; no font maps it
_UTF16: Final = b"\xfe\xff"


class Opaque(ValueError):
    """The file has text that cannot be looked at; the message says why."""


def readings(content: bytes) -> Iterator[str]:
    """What the file may say: its strings as they are, and as each of its fonts maps them.

    Raises:
        Opaque
    """
    if _ENCRYPTED.search(content):
        raise Opaque("it is encrypted")
    parts = list(_parts(content))
    if sum(part.count(mark) for part in parts for mark in _PIECES_BEGIN) > _PIECES_MAX:
        raise Opaque("it has too many pieces of text")
    fonts = [font for part in parts if (font := _font(part))]
    strings = [string for part in parts if not _MAPS.search(part) for string in _strings(part)]
    yield "".join(_plain(string) for string in strings)
    if sum(len(mapped) for _, mapped in fonts) > _MAPPED_MAX:
        raise Opaque("its fonts have too many characters")
    if sum(len(string) + _STRING_BYTES for string in strings) * len(fonts) > _READ_BYTES_MAX:
        raise Opaque("it has too much text in too many fonts")
    for width, mapped in fonts:
        codec = "utf-16-be" if width == 2 else "latin-1"  # noqa: PLR2004 - bytes of a code
        text = "".join(
            _BREAK if string == b" " else string.decode(codec, "replace") for string in strings
        )
        yield text.translate({**mapped, ord(_BREAK): " "})


def _parts(content: bytes) -> Iterator[bytes]:
    """The file without its streams, and its streams but those that have no text."""
    end, left, outside = 0, INFLATED_BYTES_MAX, []
    for number, match in enumerate(_STREAM.finditer(content)):
        if match.start() < end:
            continue
        if number >= _STREAMS_MAX:
            raise Opaque("it has too many streams")
        outside.append(content[end : match.start()])
        stop = content.find(b"endstream", match.end())
        stop = len(content) if stop < 0 else stop
        dictionary = outside[-1][-_DICTIONARY_BYTES_MAX:].rpartition(b" obj")[2]
        end = stop
        if _NO_TEXT.search(dictionary):
            continue
        part = _decoded(dictionary, content[match.end() : stop], left)
        left -= len(part)
        if left < 0:
            raise Opaque("it has too much text")
        yield part
    yield b" ".join([*outside, content[end:]])


def _decoded(dictionary: bytes, data: bytes, left: int) -> bytes:
    """The content of a stream, or its first `left` bytes and one more."""
    is_flate = _FLATE.search(dictionary) is not None
    is_ascii = _ASCII85.search(dictionary) is not None
    if _UNREAD.search(dictionary) or (b"/Filter" in dictionary and not (is_flate or is_ascii)):
        raise Opaque("it is packed in a way that is not read here")
    try:
        if is_ascii:
            data = base64.a85decode(data.strip().removesuffix(b"~>"))
        return zlib.decompressobj().decompress(data, left + 1) if is_flate else data
    except (zlib.error, ValueError):
        raise Opaque("a part of it is damaged") from None


def _strings(part: bytes) -> Iterator[bytes]:
    """The strings of a part; a space stands where one ends, unless the next letter follows it."""
    end, in_array = 0, False
    for token in _TOKEN.finditer(part):
        if not in_array or _is_gap(part[end : token.start()]):
            yield b" "
        end = token.end()
        literal, hexadecimal, opens, _ = token.groups()
        if literal is not None:
            yield _ESCAPE.sub(_unescaped, literal) if b"\\" in literal else literal
        elif hexadecimal is not None:
            digits = b"".join(hexadecimal.split())
            yield bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
        else:
            in_array = opens is not None


def _is_gap(between: bytes) -> bool:
    """Whether what stands between two strings of an array moves the second one off the first."""
    number = _BACK.fullmatch(between.strip()[:20])
    return number is not None and int(number[1]) >= _GAP_MIN


def _unescaped(escape: re.Match[bytes]) -> bytes:
    octal, char = escape.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    return _NAMED.get(char, char) if char is not None else b""


def _plain(string: bytes) -> str:
    return (
        string.decode("utf-16", "replace")
        if string.startswith(_UTF16)
        else string.decode("latin-1")
    )


def _font(part: bytes) -> tuple[int, dict[int, str]] | None:
    """How many bytes a code of a font has, and code -> character; none if the part is no map."""
    width, mapped = 0, dict[int, str]()
    for table in _MAPS.finditer(part):
        codes = [(_hex(code[1]), code[2]) for code in _CODE.finditer(table[2])]
        width = width or len(codes[0][0] if codes else b"")
        step = _read_range if table[1] == b"range" else _read_char
        at = 0
        while at + 1 < len(codes):
            at = step(codes, at, mapped)
            if len(mapped) > _MAPPED_MAX:
                raise Opaque("its fonts have too many characters")
    return (width, mapped) if width in {1, 2} else None


Codes = list[tuple[bytes, bytes | None]]


def _read_char(codes: Codes, at: int, mapped: dict[int, str]) -> int:
    mapped[int.from_bytes(codes[at][0])] = _character(codes[at + 1][0])
    return at + 2


def _read_range(codes: Codes, at: int, mapped: dict[int, str]) -> int:
    """A first and a last code, and the first character or a list of all."""
    low, high = int.from_bytes(codes[at][0]), int.from_bytes(codes[at + 1][0])
    high = min(high, low + 0xFFFF)
    at += 2
    if at >= len(codes):
        return at
    if codes[at][1] is None:
        first = _character(codes[at][0])
        for code in range(low, high + 1) if first else ():
            mapped[code] = chr(min(ord(first) + code - low, 0x10FFFE))
        return at + 1
    at += 1
    while at < len(codes) and codes[at][1] is None:
        mapped[low] = _character(codes[at][0])
        low, at = low + 1, at + 1
    return at + 1


def _character(utf16: bytes) -> str:
    """One character; ligatures, which have no digit, by their first."""
    return utf16.decode("utf-16-be", "replace")[:1]


def _hex(digits: bytes | None) -> bytes:
    compact = b"".join((digits or b"").split())
    return bytes.fromhex((compact + b"0" * (len(compact) % 2)).decode())
