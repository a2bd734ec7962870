"""What evidence may be, and how it is told to a processor."""

import contextlib
import zlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.base import pdf
from app.domains.disputes import formats
from app.domains.disputes.errors import EvidenceOpaque
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


DEFLATED = b"/Filter /FlateDecode"
IN_FONT = b"<0017001500170015 0003 0017001500170015 0003 0017001500170015 0003 0017001500170015> Tj"
FONT = b"2 beginbfrange <0013> <001C> <0030> <0003> <0003> [<0020>] endbfrange"


def stream(content: bytes, dictionary: bytes = DEFLATED) -> bytes:
    """A stream of a PDF."""
    packed = zlib.compress(content) if dictionary == DEFLATED else content
    return b"1 0 obj << %b >>\nstream\n%b\nendstream endobj\n" % (dictionary, packed)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (stream(b"BT (Paid by 4242 4242 4242 4242) Tj ET"), True),
        (stream(b"BT (Paid by) Tj 0 -14 Td (4242424242424242) Tj ET"), True),
        (stream(b"BT [(42)-10(42)4(4242)0(42424242)] TJ ET"), True),
        (stream(b"BT [(No)-250(12)-300(4242)-300(4242)-300(4242)-300(4242)] TJ ET"), True),
        (stream(b"BT " + b" ".join(b"(%c) Tj 5 0 Td" % n for n in b"4242" * 4) + b" ET"), True),
        (stream(b"BT <34323432343234323432343234323432> Tj ET"), True),
        (stream(rb"BT (\064242 4242\0404242 4242) Tj ET"), True),
        (stream(b"BT (by card (Visa) 4242-4242-4242-4242) Tj ET", b""), True),
        (b"<< /V (\xfe\xff" + "4242 4242 4242 4242".encode("utf-16-be") + b") >>", True),
        (stream(IN_FONT), False),
        (stream(IN_FONT) + stream(FONT), True),
        (stream(b"BT (Order 20261201143000, 1250.00 4500.50) Tj ET"), False),
        (stream(b"(4242 4242 4242 4242)", b"/Subtype /Image " + DEFLATED), False),
    ],
)
def test_the_text_of_a_pdf_is_looked_at(content: bytes, found: bool) -> None:
    """Strings count as they are drawn: deflated, in pieces, and in the codes of fonts."""
    assert formats.has_card_number("application/pdf", b"%PDF-1.7\n" + content) is found


@pytest.mark.parametrize(
    "content",
    [
        b"trailer << /Encrypt 5 0 R >>",
        stream(b"...", b"/Filter /LZWDecode"),
        stream(b"...", b"/Filter 7 0 R"),
        stream(b"...", DEFLATED + b" "),  # damaged
        stream(b"0" * (pdf.INFLATED_BYTES_MAX + 1)),
        stream(b"") * 6_000,
        stream(b"(" * 500_000),
        stream(b"1 beginbfrange <0000> <FFFF> <0000> endbfrange") * 4,
    ],
    ids=["encrypted", "packed", "somehow", "damaged", "bomb", "streams", "pieces", "fonts"],
)
def test_a_pdf_that_cannot_be_looked_at_is_refused(content: bytes) -> None:
    """What is locked, damaged, or made to take long is not kept unseen."""
    with pytest.raises(EvidenceOpaque):
        formats.has_card_number("application/pdf", b"%PDF-1.7\n" + content)


@given(
    st.binary(max_size=300),
    st.lists(st.sampled_from([b"(", b")", b"<", b">", b"[", b"]", b"\\", b"4"])),
)
def test_any_pdf_is_looked_at_or_refused(rest: bytes, marks: list[bytes]) -> None:
    """Whatever is sent as one, nothing else happens."""
    tables = b"beginbfrange %b endbfrange beginbfchar %b endbfchar" % (rest, b"".join(marks))
    for content in (rest, b"".join(marks) + rest, tables + stream(tables) + stream(rest)):
        with contextlib.suppress(EvidenceOpaque):
            assert formats.has_card_number("application/pdf", b"%PDF-" + content) in {True, False}


@pytest.mark.parametrize(
    ("kind", "head"), [(b"zTXt", b"Comment\x00\x00"), (b"iTXt", b"Comment\x00\x01\x00en\x00x\x00")]
)
def test_what_is_remarked_beside_a_picture_is_looked_at(kind: bytes, head: bytes) -> None:
    """Programs write texts into pictures, deflated ones, too; the picture itself is not read."""

    def png(text: bytes) -> bytes:
        chunks = [(b"IHDR", bytes(13)), (kind, head + zlib.compress(text)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            len(data).to_bytes(4) + name + data + bytes(4) for name, data in chunks
        )

    assert formats.has_card_number("image/png", png(b"paid by 4242 4242 4242 4242"))
    assert not formats.has_card_number("image/png", png(b"paid by 4242 4242 4242 4243"))


def test_a_text_is_searched_as_any_other() -> None:
    """In a text a card number is found as people write it."""
    assert formats.has_card_number("text/plain", b"4242 4242-4242 4242")
