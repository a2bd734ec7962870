"""The outermost layer: request ids, one log line per request, metrics, headers on every answer."""

import asyncio
import contextlib
import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from app.api.http.errors import CardNumberNotAllowed, InvalidHost, TargetTooLong
from app.api.http.reply import Reply
from app.api.http.services import Services
from app.base import clock, ids
from app.base.errors import PlatformError, problem
from app.base.pan import contains_pan, scrub
from app.base.telemetry import RequestLine, log_request, metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_DRAIN_BYTES_MAX = 64 * 2**20  # eight times what a request may have; more is an attack
_DRAIN_S = 5  # a client that sends more slowly will hardly wait for its answer
_ONCE = (b"authorization", b"idempotency-key", b"x-request-id", b"content-type", b"prefer")
_WITHOUT_HOST = ("1", "1.0")  # versions of HTTP; the server calls 1.0 by either name
# A name or an address, and maybe a port. Source: RFC 3986, section 3.2.2.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-fv:.]+\]|[A-Za-z0-9._~%!$&'()*+,;=-]+)(?::[0-9]*)?")
_REQUEST_ID_LENGTH_MAX = 128  # room for any tracing system's ids; bounded, because it is stored
_KEY_LENGTH_MAX = 1_024  # an Idempotency-Key of 255 characters, each of them escaped, fits
_PATH_LENGTH_MAX = 1_024  # the longest path of ours has 100
_QUERY_LENGTH_MAX = 8_192  # RFC 9110, section 4.1, wants 8,000 for a whole target


class Context(msgspec.Struct):
    """What the edge knows of one request; handlers fill in the rest for the log line."""

    request_id: str
    started: float
    headers: dict[bytes, bytes]
    limit_key: object = None
    merchant_id: UUID | None = None
    batch_size: int = 0
    request_id_is_valid: bool = True
    repeated_header: str | None = None
    """The name of one that counts, and stands more than once."""
    refusal: PlatformError | None = None
    """Of its Host, its target, or of a header that would be stored: nothing else is looked at."""


class Edge:
    """Wraps the application; sees every request first and every answer last."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self.services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass lifespan events on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        context = _context(scope)
        scope["state"]["context"] = context
        is_head = scope["method"] == "HEAD"
        if is_head:
            # RFC 9110, section 9.3.2: as GET, without the content.
            scope["method"] = "GET"
        body = _Body(receive, is_awaited=b"expect" in context.headers)
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if scope["method"] != "GET" and status >= 400:  # noqa: PLR2004 - where errors begin
                    await body.drain()
                limiter = self.services.limiter
                # A client that keeps a connection while we drain would find it closed in a moment.
                closing = [(b"connection", b"close")] if self.services.draining else []
                message["headers"] = [
                    *message["headers"],
                    *closing,
                    (b"x-request-id", context.request_id.encode()),
                    (b"ratelimit-policy", limiter.policy),
                    (b"ratelimit", limiter.header(context.limit_key)),
                ]
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        app = _refuse if context.refusal is not None else self.app
        try:
            await app(scope, body.receive, send_with_headers)
        finally:
            _record(scope, context, status)


class _Body:
    """A request's body on its way in.

    An answer that comes before the end of the body closes the connection, and a client that still
    sends would lose the answer with it. So a refused body is read to its end and thrown away. A
    client that waits to be told to go on (`Expect: 100-continue`) sends nothing yet, and reading
    would tell it.
    """

    def __init__(self, receive: Receive, *, is_awaited: bool) -> None:
        self._receive = receive
        self._is_whole = is_awaited
        """Whether there is nothing left to drain."""

    async def receive(self) -> Any:
        """The next piece."""
        message = await self._receive()
        self._is_whole = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read what is left, within limits."""
        left = _DRAIN_BYTES_MAX
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                while not self._is_whole and left > 0:
                    message = await self.receive()
                    left -= len(message.get("body", b""))


@lru_cache(maxsize=2_000)  # methods x routes x statuses; looking a series up costs more than it
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return metrics.requests.labels(method, route, status), metrics.request_seconds.labels(route)


def _context(scope: HTTPScope) -> Context:
    scope.setdefault("state", {})
    pairs = list(scope["headers"])
    headers = dict(pairs)
    given = headers.get(b"x-request-id")
    is_valid = given is None or _is_request_id(given)
    # Lengths come first: what is too long costs no look at what it says.
    refusal = _refusal_of(scope, given if is_valid else None, headers.get(b"idempotency-key"))
    if refusal is None and not _is_addressed(scope["http_version"], pairs):
        refusal = InvalidHost()
    is_kept = given is not None and is_valid and not isinstance(refusal, CardNumberNotAllowed)
    return Context(
        given.decode("ascii") if given is not None and is_kept else _new_request_id(),
        clock.monotonic(),
        headers,
        request_id_is_valid=is_valid,
        refusal=refusal,
        repeated_header=_repeated(pairs) if len(headers) < len(pairs) else None,
    )


def _is_addressed(version: str, pairs: list[tuple[bytes, bytes]]) -> bool:
    """Whether there is one Host; the server puts an empty one where there is none.

    HTTP/1.0 asks for none. Source: RFC 9112, section 3.2.
    """
    hosts = [value for name, value in pairs if name == b"host"]
    if len(hosts) != 1 or not hosts[0]:
        return hosts in ([], [b""]) and version in _WITHOUT_HOST
    return _HOST.fullmatch(hosts[0]) is not None


def _repeated(pairs: list[tuple[bytes, bytes]]) -> str | None:
    """The first header that has to stand once and does not."""
    names = [name for name, _ in pairs]
    return next((name.decode() for name in _ONCE if names.count(name) > 1), None)


def _is_request_id(given: bytes) -> bool:
    if not 0 < len(given) <= _REQUEST_ID_LENGTH_MAX or not given.isascii():
        return False
    return given.decode("ascii").isprintable() and b" " not in given


def _refusal_of(
    scope: HTTPScope, request_id: bytes | None, key: bytes | None
) -> PlatformError | None:
    """Why the request goes no further, before its body is read, if it does not.

    Looked for are card numbers where they would get into answers, or be stored.
    """
    path, query = scope["path"], scope["query_string"]
    if len(path) > _PATH_LENGTH_MAX or len(query) > _QUERY_LENGTH_MAX:
        return TargetTooLong(path=_PATH_LENGTH_MAX, query=_QUERY_LENGTH_MAX)
    has_card_number = (
        contains_pan(path)
        or (query != b"" and contains_pan(unquote_plus(query.decode("latin-1"))))
        or (request_id is not None and contains_pan(request_id))
        # A longer one is refused for its length by whoever reads it, and not repeated.
        or (key is not None and len(key) <= _KEY_LENGTH_MAX and contains_pan(key))
    )
    return CardNumberNotAllowed() if has_card_number else None


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to it, which repeats nothing of what was refused."""
    context = scope["state"]["context"]
    error = context.refusal
    path = scope["path"]
    body = problem(
        error, context.request_id, scrub(path) if len(path) <= _PATH_LENGTH_MAX else None
    )
    reply = Reply(error.status, b"application/problem+json", msgspec.json.encode(body), [])
    await reply(scope, receive, send)


def _new_request_id() -> str:
    return ids.encode("request", ids.new())


def _record(scope: Any, context: Context, status: int) -> None:
    """Count the request and log its one line."""
    seconds = clock.monotonic() - context.started
    # The template, not the path: ids in labels would make a time series per payment.
    route = scope.get("path_template") or "unmatched"
    method = scope["method"] if scope["method"] in _METHODS else "other"
    count, duration = _series(method, route, status)
    count.inc()
    duration.observe(seconds)
    log_request(
        RequestLine(
            timestamp=clock.now(),
            request_id=context.request_id,
            merchant=_merchant_name(context.merchant_id) if context.merchant_id else None,
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            batch=context.batch_size,
        )
    )


@lru_cache(maxsize=10_000)
def _merchant_name(merchant_id: UUID) -> str:
    return ids.encode("merchant", merchant_id)
