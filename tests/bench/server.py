"""A real HTTP server for the load generator's tests; each test says what it answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple


class Request(NamedTuple):
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Request], Awaitable[bytes]]
"""The whole answer's bytes; none of them closes the connection instead."""


def answer(status: int, body: bytes = b"", *, content_length: bool = True) -> bytes:
    """An HTTP/1.1 answer as the api's server writes it, names of headers in small letters."""
    length = f"content-length: {len(body)}\r\n" if content_length else ""
    return f"HTTP/1.1 {status} Some Reason\r\n{length}x-request-id: r\r\n\r\n".encode() + body


class Server(NamedTuple):
    """A running server: its address and everything it was asked."""

    url: str
    requests: list[Request]


@contextlib.asynccontextmanager
async def serving(respond: Answer, *, piece: int | None = None) -> AsyncIterator[Server]:
    """Serve `respond` on a free port, each answer written in pieces of `piece` bytes."""
    requests: list[Request] = []
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        # Python 3.11's streams log a handler that ends by being cancelled as an error.
        over = contextlib.suppress(EOFError, ConnectionError, asyncio.CancelledError)
        with contextlib.closing(writer), over:
            while True:
                request = await _read(reader)
                requests.append(request)
                data = await respond(request)
                if not data:
                    break
                for start in range(0, len(data), piece or len(data)):
                    writer.write(data[start : start + (piece or len(data))])
                    await writer.drain()
                    await asyncio.sleep(0)  # so that the client sees the pieces one by one

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Server(f"http://127.0.0.1:{port}", requests)
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    method, path, _ = first.split(" ")
    return Request(method, path, headers, body)
