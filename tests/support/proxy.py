"""A proxy between the product and its database that breaks connections at chosen statements.

It reads the frontend's half of PostgreSQL's protocol, so it knows which message is the COMMIT, and
breaks there and nowhere else. It lives in a thread of its own: tests may block.
"""

import asyncio
import contextlib
import threading
from enum import StrEnum, auto
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

_START_S = 10
_OVERTAKE_S = 0.4  # a second attempt begins after some milliseconds, so it meets the first one
_BEFORE_STARTUP = {80877103, 80877104}  # SSLRequest, GSSENCRequest: answered, then startup
_CANCEL = 80877102


class Fault(StrEnum):
    """What happens to the connection that sends the chosen statement."""

    LOST_REQUEST = auto()
    """The connection breaks before the server hears of the statement."""
    LOST_REPLY = auto()
    """The server runs the statement, and the connection breaks before its reply."""
    OVERTAKEN = auto()
    """The connection breaks for the client, and the server runs the statement somewhat later."""
    SILENCE = auto()
    """The server runs the statement, and from then on no byte comes back."""


class FaultProxy:
    """A listener on the loopback that forwards to a database: `with FaultProxy(url) as proxy:`."""

    def __init__(self, database_url: str) -> None:
        self._upstream = make_url(database_url)
        self._armed: list[tuple[str, Fault]] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.struck = 0
        """How many connections a fault has met."""

    @property
    def url(self) -> str:
        """The database's URL by way of the proxy."""
        here = self._upstream.set(
            host="127.0.0.1",
            port=self.port,
            query={"sslmode": "disable", "gssencmode": "disable"},
        )
        return here.render_as_string(hide_password=False)

    def arm(self, fault: Fault, statement: str = "COMMIT", *, times: int = 1) -> None:
        """Let the next `times` statements that begin so meet `fault`."""
        with self._lock:
            self._armed += [(statement, fault)] * times

    @property
    def left(self) -> int:
        """How many armed faults have not happened."""
        return len(self._armed)

    def take(self, query: str) -> Fault | None:
        """The fault that is armed for a statement, once."""
        with self._lock:
            for armed in self._armed:
                if query.lstrip().startswith(armed[0]):
                    self._armed.remove(armed)
                    self.struck += 1
                    return armed[1]
        return None

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the real database."""
        host = self._upstream.query.get("host") or self._upstream.host
        port = int(str(self._upstream.query.get("port") or self._upstream.port or 5432))
        assert isinstance(host, str)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_START_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_START_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_Link(self, reader, writer).run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Link:
    """One client's connection and its counterpart to the server."""

    def __init__(
        self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.proxy = proxy
        self.from_client, self.to_client = reader, writer
        self.statements: dict[bytes, str] = {}
        self.deaf = False
        """Replies are swallowed from now on."""
        self.replied = asyncio.Event()

    async def run(self) -> None:
        """Forward both ways until one side ends or a fault ends it."""
        try:
            self.from_server, self.to_server = await self.proxy.connect()
        except OSError:
            self.to_client.transport.abort()
            return
        back = asyncio.ensure_future(self._backward())
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._forward()
        finally:
            back.cancel()
            self.to_client.transport.abort()
            self.to_server.transport.abort()

    async def _backward(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await self.from_server.read(65536):
                if self.deaf:
                    self.replied.set()
                    continue
                self.to_client.write(data)
                await self.to_client.drain()
        self.replied.set()
        self.to_client.transport.abort()

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

    def _fault_of(self, kind: bytes, body: bytes) -> Fault | None:
        """The fault that the message's statement meets, if it starts one that is armed."""
        query = None
        if kind == b"Q":
            query = body.rstrip(b"\0").decode()
        elif kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self.statements[name] = text.decode()
        elif kind == b"B":
            query = self.statements.get(body.split(b"\0", 2)[1])
        return None if query is None else self.proxy.take(query)

    async def _strike(self, fault: Fault, message: bytes) -> None:
        self.deaf = True
        if fault is Fault.LOST_REQUEST:
            return
        if fault is Fault.OVERTAKEN:
            self.to_client.transport.abort()
            await asyncio.sleep(_OVERTAKE_S)
        await self._send(message)
        await self.replied.wait()
        if fault is Fault.SILENCE:
            await asyncio.Event().wait()

    async def _message(self) -> tuple[bytes, bytes]:
        head = await self.from_client.readexactly(5)
        body = await self.from_client.readexactly(int.from_bytes(head[1:]) - 4)
        return head[:1], head + body

    async def _send(self, data: bytes) -> None:
        self.to_server.write(data)
        await self.to_server.drain()
