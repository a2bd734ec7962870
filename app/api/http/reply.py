"""Bodies in and out, as bytes: the part of HTTP that every request goes through."""

from litestar import Request
from litestar.datastructures import State
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from app.api.http.errors import BodyTooLarge, CardNumberNotAllowed, InvalidBody, UnsupportedEncoding
from app.base.pan import body_contains_pan

BODY_BYTES_MAX = 8 * 1024 * 1024
"""Room for the largest bulk request: 10,000 payments of 800 bytes."""

SINGLE_BYTES_MAX = 384 * 1024
"""Room for 50 pairs of metadata with names of 40 and values of 500 characters (code points), and a
description of 1,000, in JSON's longest spelling: twelve bytes for what is beyond the first plane
(a pair of `\\u....`). Bounds how many faults a body has."""

Headers = list[tuple[bytes, bytes]]


class Reply(ASGIResponse):
    """An answer whose bytes are ready: no cookies, no background work, nothing to negotiate."""

    __slots__ = ("raw_headers",)

    def __init__(self, status: int, media_type: bytes, body: bytes, headers: Headers) -> None:
        # The base's own initialiser costs as much as deciding a payment.
        self.status_code = status
        self.body = body
        self.raw_headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


async def read_body(
    request: Request[None, None, State],
    bytes_max: int = BODY_BYTES_MAX,
    *,
    refuse_cards: bool = True,
) -> bytes:
    """The whole body of a request; who does not let card numbers be refused looks for them itself.

    Raises:
        UnsupportedEncoding: it is compressed.
        BodyTooLarge: it says so, or is.
        InvalidBody: the client hung up before its end.
        CardNumberNotAllowed
    """
    encoding = request.scope["state"]["context"].headers.get(b"content-encoding")
    if encoding is not None and encoding.strip().lower() != b"identity":
        raise UnsupportedEncoding
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise InvalidBody
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise BodyTooLarge(limit=bytes_max)
        parts.append(part)
        if not message.get("more_body", False):
            break
    body = b"".join(parts) if len(parts) > 1 else part
    if refuse_cards and body_contains_pan(body):
        raise CardNumberNotAllowed
    return body
