"""POST /v1/disputes/{id}/evidence: texts and files, and what is not taken."""

import contextlib
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multipart import MultipartError  # type: ignore[import-untyped]

from app.api.http.uploads import _read
from app.base.errors import PlatformError
from app.domains.disputes.formats import BYTES_MAX, digest
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.disputes import add, disputed, read, upload
from tests.support.rails import Rails
from tests.support.tally import Tally

# Notifications are followed up by whoever took them; on a busy machine a worker has to go on.
pytestmark = pytest.mark.usefixtures("rails_worker")

PAN = "4242424242424242"
TWO_FILES = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.pdf"\r\n\r\n%PDF-\r\n'
    b"--x--\r\n"
)


def pdf_of(text: bytes) -> bytes:
    """A PDF with `text` in a deflated stream."""
    packed = zlib.compress(text)
    return b"%%PDF-1.7\n1 0 obj << /Filter /FlateDecode >>\nstream\n%b\nendstream" % packed


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
async def dispute(rails: Rails, merchant: Merchant) -> str:
    """A dispute of this test's merchant."""
    _, opened = await disputed(rails, merchant)
    return str(opened["id"])


async def test_a_text_is_kept(merchant: Merchant, dispute: str) -> None:
    """A text is answered with what is known of it, and counted on the dispute."""
    text = "It was eaten, süß & hot."

    piece = done(await add(merchant, dispute, text), 201)

    assert piece["object"] == "dispute_evidence"
    assert (piece["dispute"], piece["media_type"], piece["file_name"]) == (
        dispute, "text/plain", None,
    )  # fmt: skip
    assert (piece["size_bytes"], piece["sha256"]) == (len(text.encode()), digest(text.encode()))
    evidence = (await read(merchant, dispute))["evidence"]
    assert (evidence["count"], evidence["bytes"]) == (1, len(text.encode()))
    assert await merchant.api.all(f"/v1/disputes/{dispute}/evidence") == [piece]


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/pdf", b"%PDF-1.7\n1 0 obj << /MediaBox [0 0 612 792] >>"),
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0 a photograph"),
        ("text/plain", b"a receipt"),
    ],
)
async def test_a_file_is_kept(
    merchant: Merchant, dispute: str, media_type: str, content: bytes
) -> None:
    """A file of a type that banks read is kept as it is."""
    piece = done(await upload(merchant, dispute, content, media_type, name="a b.x"), 201)

    assert (piece["file_name"], piece["media_type"]) == ("a b.x", media_type)
    assert (piece["size_bytes"], piece["sha256"]) == (len(content), digest(content))


async def test_several_pieces(merchant: Merchant, dispute: str) -> None:
    """Pieces are listed newest first, page by page."""
    pieces = [done(await add(merchant, dispute, f"piece {n}"), 201) for n in range(3)]
    path = f"/v1/disputes/{dispute}/evidence"

    assert await merchant.api.all(path) == pieces[::-1]
    page = done(await merchant.api.get(path, {"limit": 1, "ending_before": pieces[0]["id"]}))
    assert (page["data"], page["has_more"]) == ([pieces[1]], True)


async def test_the_same_key_adds_once(merchant: Merchant, dispute: str) -> None:
    """A form that is sent again is one piece; another file under its key is refused by name."""
    first = await upload(merchant, dispute, key="bill")
    again = await upload(merchant, dispute, key="bill")
    other = await upload(merchant, dispute, b"%PDF-another", key="bill")
    text = await add(merchant, dispute, key="bill")

    assert done(first, 201) == done(again, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert refused(other, 422, "idempotency_key_reused")["facts"]["differs_in"] == "sha256"
    refused(text, 422, "idempotency_key_reused")
    assert (await read(merchant, dispute))["evidence"]["count"] == 1


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ({"media_type": "image/gif"}, 415, "evidence_type_not_allowed"),
        ({"media_type": "application/x-msdownload"}, 415, "evidence_type_not_allowed"),
        ({"media_type": "image/png"}, 400, "evidence_unreadable"),
        ({"content": b"\xff\xfe\x00", "media_type": "text/plain"}, 400, "evidence_unreadable"),
        ({"content": b""}, 413, "evidence_too_large"),
        ({"content": b"%PDF-" + b"x" * BYTES_MAX}, 413, "evidence_too_large"),
        ({"content": b"%PDF-" + b"x" * (2 * BYTES_MAX)}, 413, "body_too_large"),
        ({"field": "document"}, 400, "invalid_form"),
        ({"name": ""}, 400, "invalid_form"),
        ({"name": f"{PAN}.pdf"}, 400, "card_number_not_allowed"),
        ({"content": f"%PDF- {PAN} ".encode()}, 400, "card_number_not_allowed"),
        ({"content": pdf_of(b"(4242 4242 4242 4242) Tj")}, 400, "card_number_not_allowed"),
        ({"content": b"%PDF- trailer << /Encrypt 5 0 R >>"}, 400, "evidence_opaque"),
        (
            {"content": b"4242 4242-4242 4242", "media_type": "text/plain"},
            400,
            "card_number_not_allowed",
        ),
        ({"content": b"x" * 10_001, "media_type": "text/plain"}, 409, "evidence_limit"),
    ],
)
async def test_what_is_not_taken(
    merchant: Merchant, dispute: str, tally: Tally, how: dict[str, Any], status: int, code: str
) -> None:
    """A file of another type, size or content, or with a card number, is refused."""
    answer = await upload(merchant, dispute, **how)

    problem = refused(answer, status, code)
    assert PAN not in answer.text
    assert problem["detail"]
    assert (await read(merchant, dispute))["evidence"]["count"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ({"text": ""}, "invalid_body"),
        ({"text": "x" * 10_001}, "invalid_body"),
        ({"text": "a\x00b"}, "invalid_body"),
        ({"text": 1}, "invalid_body"),
        ({"text": "a", "file": "b"}, "invalid_body"),
        ({"text": f"paid by {PAN}"}, "card_number_not_allowed"),
    ],
)
async def test_a_bad_text(merchant: Merchant, dispute: str, body: Any, code: str) -> None:
    """A text that is empty, too long, or not a text is refused."""
    refused(await merchant.api.post(f"/v1/disputes/{dispute}/evidence", body), 400, code)


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("text/plain", b"hello", 415, "unsupported_media_type"),
        ("multipart/form-data", b"hello", 400, "invalid_form"),
        ("multipart/form-data; boundary=x", b"", 400, "invalid_form"),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400, "invalid_form"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nhello", 400, "invalid_form"),
        (
            "multipart/form-data; boundary=x",
            TWO_FILES,
            400,
            "invalid_form",
        ),
    ],
)
async def test_a_bad_form(
    merchant: Merchant, dispute: str, content_type: str, body: bytes, status: int, code: str
) -> None:
    """What is no form with one file is refused, whatever it is."""
    path = f"/v1/disputes/{dispute}/evidence"
    answer = await merchant.api.post(path, body, content_type=content_type)

    refused(answer, status, code)


async def test_a_name_loses_its_folders(merchant: Merchant, dispute: str) -> None:
    """A file is known by its last name, without characters that mean something elsewhere."""
    piece = done(await upload(merchant, dispute, name="../..\\etc/pass|wd?.pdf"), 201)

    assert piece["file_name"] == "pass_wd_.pdf"


async def test_a_key_is_needed(merchant: Merchant, dispute: str) -> None:
    """Evidence is added under an Idempotency-Key only."""
    refused(await add(merchant, dispute, key=None), 400, "idempotency_key_missing")
    refused(await upload(merchant, dispute, key=None), 400, "idempotency_key_missing")


async def test_a_reader_adds_nothing(merchant: Merchant, dispute: str, admin: Any) -> None:
    """A key that may only read cannot add evidence."""
    made = {"merchant": merchant.id, "scopes": ["read"]}
    key = done(await admin.post("/v1/api_keys", made))
    reader = Merchant(merchant.id, key["id"], merchant.api.as_(key["secret"]))

    refused(await add(reader, dispute), 403, "forbidden")
    assert (await read(reader, dispute))["id"] == dispute


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.binary(max_size=300), boundary=st.text(max_size=80))
def test_no_form_breaks_the_parser(body: bytes, boundary: str) -> None:
    """Whatever is sent as a form is read or refused, and nothing else happens."""
    with contextlib.suppress(MultipartError, PlatformError):
        _read(boundary, body)
