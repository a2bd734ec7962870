"""What evidence may be, and how it is told to a processor."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.disputes import formats
from app.domains.disputes.model import CHARACTERS_MAX, PIECES_MAX, Evidence

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PROCESSORS_TAKE = 20_000  # characters: Stripe and the sandbox's acquirer


def piece(media_type: str, name: str | None, content: bytes) -> tuple[Evidence, bytes]:
    """A piece with its content."""
    facts = Evidence(
        UUID(int=1), UUID(int=2), UUID(int=3), media_type, name, len(content),
        formats.digest(content), "req_1", NOW,
    )  # fmt: skip
    return facts, content


def test_texts_are_told_as_they_are_and_files_by_their_digest() -> None:
    """A processor reads the texts in order, and enough of a file to know it again."""
    pdf = piece("application/pdf", "bill.pdf", b"%PDF-")

    text = formats.compose_evidence([piece("text/plain", None, b"First."), pdf])

    assert text == (
        f"First.\n\nFile bill.pdf (application/pdf, 5 bytes, SHA-256 {pdf[0].sha256}), "
        "to be had from the merchant."
    )


def test_the_most_evidence_is_no_more_than_processors_take() -> None:
    """The largest texts and as many files as there may be fit into one answer."""
    name = "x" * formats.FILE_NAME_MAX
    texts = [piece("text/plain", None, b"x" * CHARACTERS_MAX)]
    files = [piece("application/pdf", name, b"x" * formats.BYTES_MAX)] * (PIECES_MAX - 1)

    assert len(formats.compose_evidence(texts + files)) <= PROCESSORS_TAKE


@given(st.text())
def test_any_name_becomes_one_that_means_nothing_elsewhere(name: str) -> None:
    """Whatever a file is called, its name is short, printable in a path, and has no folders."""
    clean = formats.clean_name(name)

    assert 1 <= len(clean) <= formats.FILE_NAME_MAX
    assert not set(clean) & set('/\\\x00\n\r"<>|:*?')
    assert clean not in {".", ".."}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"/CreationDate (D:20240101120002Z)", False),  # passes the check digit
        (b"0000000016 00000 n 4242 4242 4242 4242 0 obj", False),  # numbers side by side
        (b"0.4242424242424242 w", False),  # a fraction
        (b"(4242424242424242)", True),
        (b"(378282246310005)", True),
        (b"(2223003122003222)", True),
    ],
)
def test_a_document_full_of_numbers_is_no_card(content: bytes, found: bool) -> None:
    """Numbers of a document are taken for a card's only if they look like one in one piece."""
    assert formats.has_card_number("application/pdf", content) is found


def test_a_text_is_searched_as_any_other() -> None:
    """In a text a card number is found as people write it."""
    assert formats.has_card_number("text/plain", b"4242 4242-4242 4242")
