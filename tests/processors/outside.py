"""A processor that misbehaves: a server that breaks connections as a test wants.

It speaks on bare sockets, because a library for servers would not send half an answer.
"""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_LINGER_NOT = struct.pack("ii", 1, 0)  # closing then resets the connection
_HUGE = 8 * 1024 * 1024  # more than any answer

ANSWERS = {
    "garbage": b"\x16\x03\x01 this is not HTTP\r\n\r\n",
    "no-json": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<xml>",
    "not-utf8": b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a":"\xff\xff',
    "empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "half-body": b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id":"x","refer',
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /v1/x\r\nContent-Length: 0\r\n\r\n",
    "huge": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % _HUGE + b" " * _HUGE,
}


def answer(status: int, content: Any) -> bytes:
    """A complete answer."""
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


class Outside:
    """What happens to requests is `how`: a name of `ANSWERS`, a status, or a whole answer.

    Or one of `closed`, `reset`, `reset-mid-answer` (all once the request was read), `black-hole`.
    """

    def __init__(self) -> None:
        self.how: str | int | bytes = 500
        self.url = ""
        self.requests: list[bytes] = []
        self.released = asyncio.Event()
        """Lets go of what fell into the black hole."""
        self._held = 0
        self._arrived = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator["Outside"]:
        outside = cls()
        server = await asyncio.start_server(outside._serve, "127.0.0.1", 0, limit=2**20)
        outside.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield outside
        finally:
            outside.released.set()
            server.close()

    async def wait_held(self, count: int) -> None:
        """Return when so many requests are in the black hole."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self._held >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while await self._serve_one(reader, writer):
                pass
        writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            line.split(b":")[1]
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        self.requests.append(head + await reader.readexactly(int(lengths[0]) if lengths else 0))
        match self.how:
            case "black-hole":
                await self._hold()
                return False
            case "closed":
                return False
            case "reset" | "reset-mid-answer":
                if self.how == "reset-mid-answer":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
                    await writer.drain()
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
                return False
            case int(status):
                writer.write(answer(status, {"code": f"said_{status}"}))
            case bytes(said):
                writer.write(said)
            case str(name):
                writer.write(ANSWERS[name])
        await writer.drain()
        return self.how not in {"garbage", "half-body"}

    async def _hold(self) -> None:
        async with self._arrived:
            self._held += 1
            self._arrived.notify_all()
        await self.released.wait()
