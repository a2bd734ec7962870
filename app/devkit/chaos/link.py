"""One connection through the fault proxy: its messages, and how they are broken."""

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.devkit.chaos.address import Upstream
    from app.devkit.chaos.proxy import ConnectionFault, FaultProxy

_OVERTAKE_S = 0.4  # a second attempt begins after some milliseconds, so it meets the first one
_BEFORE_STARTUP = {80877103, 80877104}  # SSLRequest, GSSENCRequest: answered, then startup
_CANCEL = 80877102
_CHUNK_BYTES = 65536


class Link:
    """One client's connection and its counterpart to the server."""

    def __init__(
        self,
        proxy: "FaultProxy",
        upstream: "Upstream",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.proxy = proxy
        self.upstream = upstream
        self.from_client = reader
        self.to_client = _Way(writer)
        self.to_server: _Way | None = None
        self.statements: dict[bytes, str] = {}
        self.deaf = False
        """Replies are swallowed from now on."""
        self.replied = asyncio.Event()

    def reset(self) -> None:
        """Break the connection, for both sides, at once."""
        self.to_client.abort()
        if self.to_server is not None:
            self.to_server.abort()

    async def run(self) -> None:
        """Forward both ways until one side ends or a fault ends it."""
        from_server = None
        if self.proxy.weather.swallows:
            # The server is unreachable, not closed: the connection is made and never answered.
            with contextlib.suppress(ConnectionError):
                while await self.from_client.read(_CHUNK_BYTES):
                    continue
            self.to_client.abort()
            return
        try:
            from_server, writer = await self._connect()
        except OSError:
            self.to_client.abort()
            return
        self.to_server = _Way(writer)
        back = asyncio.ensure_future(self._backward(from_server))
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._forward()
        finally:
            back.cancel()
            self.reset()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.upstream
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _backward(self, from_server: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await from_server.read(_CHUNK_BYTES):
                if self.deaf:
                    self.replied.set()
                    continue
                left = self.proxy.take_reset()
                if left is not None:
                    await self.to_client.send(data[:left], 0)
                    break
                weather = self.proxy.weather
                if not weather.swallows:
                    await self.to_client.send(data, weather.to_client_s)
        self.replied.set()
        await self.to_client.sent()
        self.to_client.abort()

    async def _forward(self) -> None:
        while True:
            size = await self.from_client.readexactly(4)
            body = await self.from_client.readexactly(int.from_bytes(size) - 4)
            await self._send(size + body)
            code = int.from_bytes(body[:4])
            if code == _CANCEL:
                await self.from_client.read()
                return
            if code not in _BEFORE_STARTUP:
                break
        while True:
            kind, message = await self._message()
            fault = self._fault_of(kind, message[5:])
            if fault is None:
                await self._send(message)
                continue
            while kind not in {b"S", b"Q"}:  # an extended query is complete with its Sync
                kind, more = await self._message()
                message += more
            await self._strike(fault, message)
            return

    def _fault_of(self, kind: bytes, body: bytes) -> "ConnectionFault | None":
        """The fault for the message's statement, if it starts one for which a fault is armed."""
        query = None
        if kind == b"Q":
            query = body.rstrip(b"\0").decode()
        elif kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self.statements[name] = text.decode()
        elif kind == b"B":
            query = self.statements.get(body.split(b"\0", 2)[1])
        return None if query is None else self.proxy.take(query)

    async def _strike(self, fault: "ConnectionFault", message: bytes) -> None:
        self.deaf = True
        if fault == "lost_request":
            return
        if fault == "overtaken":
            self.to_client.abort()
            await asyncio.sleep(_OVERTAKE_S)
        await self._send(message)
        await self.replied.wait()
        if fault == "silence":
            await asyncio.Event().wait()

    async def _message(self) -> tuple[bytes, bytes]:
        head = await self.from_client.readexactly(5)
        body = await self.from_client.readexactly(int.from_bytes(head[1:]) - 4)
        return head[:1], head + body

    async def _send(self, data: bytes) -> None:
        assert self.to_server is not None
        weather = self.proxy.weather
        if not weather.swallows:
            await self.to_server.send(data, weather.to_server_s)


class _Way:
    """One direction: bytes leave in their order, each after its own delay."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._late: deque[tuple[float, bytes]] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def send(self, data: bytes, delay_s: float) -> None:
        """Send at once, or after the delay and after everything that is still on its way."""
        if delay_s == 0 and not self._late:
            self._writer.write(data)
            await self._writer.drain()
            return
        due = asyncio.get_running_loop().time() + delay_s
        self._late.append((max(due, self._late[-1][0] if self._late else 0), data))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._deliver())

    async def sent(self) -> None:
        """Wait until nothing is on its way any more."""
        if self._pump is not None:
            await asyncio.wait({self._pump})

    def abort(self) -> None:
        """Break it at once; what is on its way is lost."""
        self._late.clear()
        self._writer.transport.abort()

    async def _deliver(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self._late:
                due, data = self._late[0]
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                if not self._late:
                    return  # broken meanwhile
                self._late.popleft()
                self._writer.write(data)
                await self._writer.drain()
