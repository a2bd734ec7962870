"""A proxy between the product and its database that breaks the network in chosen ways.

It reads the client's half of PostgreSQL's protocol, so it knows which message is the COMMIT, and
can break the connection exactly there. It also delays, swallows and cuts whatever passes. It runs
in a thread of its own, so its user may block.
"""

import asyncio
import threading
from collections.abc import Coroutine
from enum import StrEnum, auto
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqlalchemy.engine import URL, make_url

from app.devkit.chaos.address import Upstream, upstreams
from app.devkit.chaos.link import Link

_START_S = 10  # listening takes a millisecond, and longer on a busy machine


class ConnectionFault(StrEnum):
    """What happens to the connection that sends the chosen statement."""

    LOST_REQUEST = auto()
    """The connection breaks before the server receives the statement."""
    LOST_REPLY = auto()
    """The server runs the statement, and the connection breaks before its reply."""
    OVERTAKEN = auto()
    """The connection breaks for the client, and the server runs the statement somewhat later."""
    SILENCE = auto()
    """The server runs the statement, and from then on no byte comes back."""


class Weather(NamedTuple):
    """What happens to every byte."""

    to_server_s: float = 0.0
    """Delay on the way there."""
    to_client_s: float = 0.0
    """Delay on the way back."""
    swallows: bool = False
    """No byte arrives, in either direction, and no connection is closed."""


class FaultProxy:
    """A listener on the loopback per server of a URL: `with FaultProxy(url) as proxy:`."""

    def __init__(self, database_url: str) -> None:
        self._database = make_url(database_url)
        self.upstreams = upstreams(self._database)
        self.weather = Weather()
        self._armed: list[tuple[str, ConnectionFault]] = []
        self._bytes_left: list[int] = []
        self._lock = threading.Lock()
        self._happened = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: set[Link] = set()
        self._servers: list[asyncio.Server] = []
        self.ports: list[int] = []
        self.struck = 0
        """How many connections a fault has met."""

    @property
    def port(self) -> int:
        """The port that leads to the first server."""
        return self.ports[0]

    @property
    def url(self) -> str:
        """The database's URL through the proxy."""
        return self.url_from(0)

    def url_from(self, first: int) -> str:
        """The same, beginning with another of the servers: callers spread over them."""
        first %= len(self.ports)
        ports = self.ports[first:] + self.ports[:first]
        query = {
            **self._database.query,
            "host": ",".join(["127.0.0.1"] * len(ports)),
            "port": ",".join(map(str, ports)),
            "sslmode": "disable",
            "gssencmode": "disable",
        }
        here = URL.create(
            self._database.drivername,
            self._database.username,
            self._database.password,
            database=self._database.database,
            query=query,
        )
        return here.render_as_string(hide_password=False)

    def arm(self, fault: ConnectionFault, statement: str = "COMMIT", *, times: int = 1) -> None:
        """Let the next `times` statements that begin so meet `fault`."""
        with self._lock:
            self._happened.clear()
            self._armed += [(statement, fault)] * times

    @property
    def left(self) -> int:
        """How many armed faults have not happened."""
        return len(self._armed)

    def wait_until_struck(self, timeout_s: float) -> None:
        """Wait until an armed fault has happened, or the time is up."""
        self._happened.wait(timeout_s)

    def disarm(self) -> None:
        """Remove the armed faults that have not happened, including resets."""
        with self._lock:
            self._armed.clear()
            self._bytes_left.clear()

    def take(self, query: str) -> ConnectionFault | None:
        """Take the fault that is armed for a statement, once."""
        with self._lock:
            for armed in self._armed:
                if query.lstrip().startswith(armed[0]):
                    self._armed.remove(armed)
                    self._happened.set()
                    self.struck += 1
                    return armed[1]
        return None

    def reset_after(self, count: int) -> None:
        """Reset the next connection that brings an answer, after `count` more bytes of it."""
        with self._lock:
            self._bytes_left.append(count)

    def take_reset(self) -> int | None:
        """After how many bytes an answering connection is reset, once."""
        with self._lock:
            if not self._bytes_left:
                return None
            self.struck += 1
            return self._bytes_left.pop(0)

    def slow(self, *, to_server_s: float, to_client_s: float) -> None:
        """Delay every byte from now on."""
        self.weather = Weather(to_server_s, to_client_s)

    def swallow(self) -> None:
        """Swallow every byte from now on and close no connection: a black hole."""
        self.weather = Weather(swallows=True)

    def clear(self) -> None:
        """End delays and black holes; connections that lost bytes are reset."""
        holed, self.weather = self.weather.swallows, Weather()
        if holed:
            self.cut()

    def cut(self) -> None:
        """Reset every connection there is."""
        self._call(self._cut())

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_S)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)

    async def _listen(self) -> None:
        for upstream in self.upstreams:
            server = await asyncio.start_server(self._accept_for(upstream), "127.0.0.1", 0)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    def _accept_for(self, upstream: Upstream) -> Any:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link = Link(self, upstream, reader, writer)
            self._links.add(link)
            task = asyncio.get_running_loop().create_task(link.run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: self._links.discard(link))

        return accept

    async def _cut(self) -> None:
        self.struck += len(self._links)
        for link in self._links:
            link.reset()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
