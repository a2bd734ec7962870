"""A minimal HTTP/1.1 client for load: one request at a time on each connection.

General clients cost 200-500 microseconds of CPU per request, several times what the server itself
spends on a payment in a batch; with one of them on the same machine, the server looks half as fast
as it is. So requests are prebuilt bytes, an answer is a status line and a Content-Length, and
everything else in HTTP is refused with a clear sentence.
"""

import asyncio
import re
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

HEAD_LENGTH_MAX = 64 * 1024  # a head without an end within this is not HTTP; servers send < 2 KiB

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODILESS = frozenset({204, 304})


class UnsupportedAnswer(Exception):
    """The server answered in a way that this client cannot read; the message says which."""


class Endpoint:
    """Where requests go: host, port, and the headers that every request begins with."""

    def __init__(self, url: str) -> None:
        """Parse `url`.

        Raises:
            ValueError: it is not http://host[:port], the only form that is supported.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(
                f"the load generator speaks plain http://host[:port] only, not {url!r}"
            )
        self.host = parts.hostname
        self.port = parts.port or 80
        self.base_path = parts.path.rstrip("/")

    def head(self, method: str, path: str, token: str, body_length: int | None) -> bytes:
        """A request's head without its last empty line, so that headers can be added."""
        lines = [
            f"{method} {self.base_path}{path} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            f"Authorization: Bearer {token}",
        ]
        if body_length is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {body_length}"]
        return "\r\n".join(lines).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one open request."""

    __slots__ = ("_missing", "_on_answer", "_on_lost", "_parts", "_transport", "busy", "meant_at")

    def __init__(
        self,
        on_answer: "Callable[[Connection, int, bytes], None]",
        on_lost: "Callable[[Connection, Exception | None], None]",
    ) -> None:
        self._on_answer = on_answer
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        # Bytes of the answer that are still missing; 0 also while its head is incomplete.
        self._missing = 0
        self.busy = False
        self.meant_at = 0.0
        """When the open request was due; the load loops write and read it."""

    @property
    def connected(self) -> bool:
        """Whether `send` may be called."""
        return self._transport is not None

    def send(self, request: bytes) -> None:
        """Write one whole request; its answer goes to `on_answer`, or its loss to `on_lost`."""
        assert self._transport is not None
        assert not self.busy
        self.busy = True
        self._transport.write(request)

    def close(self) -> None:
        """Drop the connection without waiting for an open answer."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; asyncio calls this once connected."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the loss to the owner; `busy` says whether a request was open."""
        self._transport = None
        self._on_lost(self, exc)

    def data_received(self, data: bytes) -> None:
        """Collect one answer. Nearly always `data` is all of it, and nothing is copied."""
        if self._parts:
            self._parts.append(data)
            if self._missing > len(data):
                self._missing -= len(data)
                return
            data = b"".join(self._parts)
            self._parts.clear()
            self._missing = 0
        try:
            missing = _bytes_missing(data)
        except UnsupportedAnswer as error:
            self._refuse(error)
            return
        if missing is None or missing > 0:
            self._parts.append(data)
            self._missing = missing or 0
            return
        if missing < 0 or not self.busy:
            self._refuse(UnsupportedAnswer("the server sent more than one answer to one request"))
            return
        self.busy = False
        self._on_answer(self, int(data[9:12]), data)

    def _refuse(self, error: UnsupportedAnswer) -> None:
        on_lost, self._on_lost = self._on_lost, lambda *_: None
        self.close()
        on_lost(self, error)


def body_of(answer: bytes) -> bytes:
    """The body of an answer as handed to `on_answer`."""
    return answer[answer.index(b"\r\n\r\n") + 4 :]


def _bytes_missing(data: bytes) -> int | None:
    """How many bytes the answer in `data` still lacks; none while its head is incomplete.

    Raises:
        UnsupportedAnswer: not HTTP/1.1, or a body without Content-Length (chunked, until close).
    """
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        if len(data) > HEAD_LENGTH_MAX or not b"HTTP/1.1 ".startswith(data[:9]):
            raise UnsupportedAnswer(f"this is not an HTTP/1.1 answer: {data[:40]!r}")
        return None
    if not (data.startswith(b"HTTP/1.1 ") and data[9:12].isdigit()):
        raise UnsupportedAnswer(f"this is not an HTTP/1.1 answer: {data[:40]!r}")
    match = _CONTENT_LENGTH.search(data, 0, head_end)
    if match is not None:
        return head_end + 4 + int(match[1]) - len(data)
    if int(data[9:12]) in _BODILESS:
        return head_end + 4 - len(data)
    raise UnsupportedAnswer(
        "an answer came without Content-Length (chunked?); the load generator needs one"
    )


async def connect(endpoint: Endpoint, connection: Connection) -> Connection:
    """Connect `connection`; errors are asyncio's (OSError)."""
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: connection, endpoint.host, endpoint.port)
    return connection


class Client:
    """A few connections behind an `await`: for preparing data and reading metrics.

    Not for load: a future and a queue per request cost more than the request.
    """

    def __init__(self, endpoint: Endpoint, connections: int = 1) -> None:
        self.endpoint = endpoint
        self._free: asyncio.Queue[Connection | None] = asyncio.Queue()
        self._waiting: dict[Connection, asyncio.Future[tuple[int, bytes]]] = {}
        for _ in range(connections):
            self._free.put_nowait(None)

    async def call(
        self, method: str, path: str, token: str, *, body: bytes | None = None, key: str = ""
    ) -> tuple[int, bytes]:
        """Status and body of one request.

        Raises:
            OSError: no connection, or it was lost before the answer.
            UnsupportedAnswer: see there.
        """
        request = self.endpoint.head(method, path, token, None if body is None else len(body))
        if key:
            request += b"\r\nIdempotency-Key: " + key.encode()
        request += b"\r\n\r\n" + (body or b"")

        connection = await self._free.get()
        try:
            if connection is None or not connection.connected:
                connection = Connection(self._answered, self._lost)
                await connect(self.endpoint, connection)
            answer = asyncio.get_running_loop().create_future()
            self._waiting[connection] = answer
            connection.send(request)
            status, raw = await answer
        except BaseException:
            if connection is not None:
                connection.close()
            self._free.put_nowait(None)
            raise
        self._free.put_nowait(connection)
        return status, body_of(raw)

    def close(self) -> None:
        """Drop every idle connection; no call may be open."""
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                connection.close()

    def _answered(self, connection: Connection, status: int, raw: bytes) -> None:
        self._waiting.pop(connection).set_result((status, raw))

    def _lost(self, connection: Connection, error: Exception | None) -> None:
        answer = self._waiting.pop(connection, None)
        if answer is not None and not answer.done():
            answer.set_exception(error or ConnectionResetError("the server closed the connection"))
