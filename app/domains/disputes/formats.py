"""What evidence may be, and how it is sent to a processor: pure.

Files are kept here as they came; processors take text, so a file is named to them by its digest.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from app.base.issuers import passes_luhn
from app.base.pan import contains_pan
from app.domains.disputes.errors import EvidenceTooLarge, EvidenceTypeNotAllowed, EvidenceUnreadable
from app.domains.disputes.model import Evidence

TEXT: Final = "text/plain"

BYTES_MAX: Final = 1_048_576
"""Of one piece: what CockroachDB advises for a row, and room for a scanned page."""

FILE_NAME_MAX: Final = 100

_BEGINNINGS: Final[dict[str, tuple[bytes, ...]]] = {
    TEXT: (),
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
}
"""Media types that may be given -> how such a file begins; browsers and people mix them up."""

# As whole numbers only, and with the first digits and lengths of cards: a document is full of
# numbers side by side, and one in ten of those would pass the check digit.
_DIGITS: Final = re.compile(
    rb"(?<![0-9A-Za-z.])(?:[3-6][0-9]{12,18}|2[2-7][0-9]{14})(?![0-9A-Za-z])"
)

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
    """Whether a card number stands in it, which must not be kept outside the vault."""
    if media_type == TEXT:
        return contains_pan(content)
    return any(passes_luhn(match[0].decode()) for match in _DIGITS.finditer(content))


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
