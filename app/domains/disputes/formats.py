"""What evidence may be, and how it is sent to a processor: pure.

Files are kept here as they came; processors take text, so a file is named to them by its digest.
"""

import contextlib
import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from app.base import pdf
from app.base.pan import contains_pan
from app.domains.disputes.errors import (
    EvidenceOpaque,
    EvidenceTooLarge,
    EvidenceTypeNotAllowed,
    EvidenceUnreadable,
)
from app.domains.disputes.model import Evidence

TEXT: Final = "text/plain"
PDF: Final = "application/pdf"
PNG: Final = "image/png"

BYTES_MAX: Final = 1_048_576
"""Of one piece: what CockroachDB advises for a row, and room for a scanned page."""

FILE_NAME_MAX: Final = 100

_BEGINNINGS: Final[dict[str, tuple[bytes, ...]]] = {
    TEXT: (),
    PDF: (b"%PDF-",),
    PNG: (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
}
"""Media types that may be given -> how such a file begins; browsers and people mix them up."""

# As whole numbers only: a file's own numbers stand side by side.
_DIGITS: Final = re.compile(rb"(?<![0-9A-Za-z.])[1-9][0-9]{12,18}(?![0-9A-Za-z])")

_PNG_CHUNKS_MAX: Final = 10_000  # of 1 MiB; pictures have some hundreds

_SEPARATORS: Final = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


def check_evidence(media_type: str, content: bytes) -> None:
    """Nothing, if a piece of evidence can be kept.

    Raises: (the first that applies)
        EvidenceTypeNotAllowed, EvidenceTooLarge, EvidenceUnreadable
    """
    beginnings = _BEGINNINGS.get(media_type)
    if beginnings is None:
        allowed = ", ".join(_BEGINNINGS)
        raise EvidenceTypeNotAllowed(allowed=allowed, media_type=media_type[:100] or "nothing")
    if not 1 <= len(content) <= BYTES_MAX:
        raise EvidenceTooLarge(limit=BYTES_MAX)
    if media_type == TEXT:
        readable = b"\x00" not in content and _is_utf8(content)
    else:
        readable = content.startswith(beginnings)
    if not readable:
        raise EvidenceUnreadable(media_type=media_type)


def has_card_number(media_type: str, content: bytes) -> bool:
    """Whether a card number stands in it, which must not be kept outside the vault.

    Texts and the text of PDFs are looked at, and what cameras and programs write beside a picture;
    pictures are not read.

    Raises:
        EvidenceOpaque: it has text that cannot be looked at.
    """
    if media_type == TEXT:
        return contains_pan(content)
    if any(contains_pan(match[0]) for match in _DIGITS.finditer(content)):
        return True
    if media_type == PNG:
        return any(map(contains_pan, _remarks(content)))
    try:
        return media_type == PDF and any(map(contains_pan, pdf.readings(content)))
    except pdf.Opaque as error:
        raise EvidenceOpaque(why=str(error)) from None


def _remarks(content: bytes) -> Iterator[bytes]:
    """The texts beside a picture that are deflated (PNG, third edition, 11.3.3).

    Raises:
        EvidenceOpaque
    """
    at, left = len(_BEGINNINGS[PNG][0]), BYTES_MAX
    for _ in range(_PNG_CHUNKS_MAX):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if kind in {b"zTXt", b"iTXt"}:
            text = content[at + 8 : at + 8 + size]
            # In front of the deflated text are names, which end with NUL, and a byte or two.
            start = text.find(b"\x78")
            yield text[: max(start, 0) or None]
            while start >= 0 and left > 0:
                with contextlib.suppress(zlib.error):
                    inflated = zlib.decompressobj().decompress(text[start:], left)
                    left -= len(inflated)
                    yield inflated
                    break
                start = text.find(b"\x78", start + 1)
        at += size + 12
        if at >= len(content):
            return
    raise EvidenceOpaque(why="it has too many parts")


def clean_name(name: str) -> str:
    """A file's name without folders and characters that would mean something elsewhere."""
    plain = _SEPARATORS.sub("_", re.split(r"[/\\]", name)[-1]).strip(" .")
    return plain[-FILE_NAME_MAX:] or "file"


def digest(content: bytes) -> str:
    """SHA-256, as people compare it."""
    return hashlib.sha256(content).hexdigest()


def compose_evidence(pieces: Sequence[tuple[Evidence, bytes]]) -> str:
    """All evidence of a dispute as one text, in the order in which it was given."""
    parts = [
        content.decode() if piece.media_type == TEXT else _named(piece) for piece, content in pieces
    ]
    return "\n\n".join(parts)


def _named(piece: Evidence) -> str:
    return (
        f"File {piece.file_name} ({piece.media_type}, {piece.size_bytes} bytes, "
        f"SHA-256 {piece.sha256}), to be had from the merchant."
    )


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
