"""The two kinds of load, closed and open loop.

Closed loop: each connection sends its next request when the last was answered. It shows what the
server can do, but flatters latencies: while the server stalls, no request is sent. Open loop:
requests arrive at a constant rate whether or not the server keeps up, and each latency counts from
the moment the request was due, including the wait for a free connection.
"""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from array import array
from collections import Counter, deque
from collections.abc import Callable

from app.devkit.bench.client import Connection, Endpoint, UnsupportedAnswer, connect
from app.devkit.bench.traffic import PaymentCounts, Traffic

GRACE_S = 20.0  # how long answers may come after the window: the api's own request timeout
RECONNECT_S = 0.1  # a lost connection is tried again ten times a second, not in a busy loop
BACKLOG_S = 10  # seconds of arrivals that may wait; more would only time out, so they are errors
TICK_S = 0.001  # the event loop's timers are no finer; a shorter sleep would spin and eat a core
DRAIN_POLL_S = 0.01

Clock = Callable[[], float]


class WindowTally:
    """The answers to the requests of one window."""

    def __init__(self) -> None:
        self.settled = 0
        self.refused = 0
        self.errors = 0
        self.requests = 0
        self.latencies_s = array("d")
        self.errors_by_kind: Counter[str] = Counter()
        self.last_answer_at = 0.0

    def answered(self, counts: PaymentCounts, status: int, meant_at: float, now: float) -> None:
        """Record one answer."""
        settled, refused, errors = counts
        self.settled += settled
        self.refused += refused
        if errors:
            self.errors += errors
            self.errors_by_kind[f"answered with {status}"] += errors
        self.requests += 1
        self.latencies_s.append(now - meant_at)
        self.last_answer_at = now

    def failed(self, payments: int, kind: str) -> None:
        """Record payments without an answer; they have no latency."""
        self.errors += payments
        self.errors_by_kind[kind] += payments


class Loop(ABC):
    """Connections that send a traffic, and the tally of the open window."""

    def __init__(
        self,
        endpoint: Endpoint,
        traffic: Traffic,
        connections: int,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._endpoint = endpoint
        self._traffic = traffic
        self._wanted = connections
        self._clock = clock
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._dropped = False
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.opened_at = math.inf
        self.closed_at = math.inf
        self.tally = WindowTally()

    async def start(self) -> None:
        """Connect everything and begin to send.

        Raises:
            OSError: the server is not reachable.
        """
        await asyncio.gather(*(self._connect() for _ in range(self._wanted)))

    def open_window(self) -> None:
        """Begin to count."""
        self.opened_at = self._clock()

    def close_window(self) -> None:
        """Stop sending; open requests may still be answered."""
        self.closed_at = self._clock()
        self._stopped = True

    async def sleep(self, seconds: float) -> None:
        """Let the load run.

        Raises:
            UnsupportedAnswer: the client cannot read the server's answers.
        """
        await asyncio.wait({self._broken}, timeout=seconds)
        if self._broken.done():
            self._broken.result()

    async def drain(self) -> None:
        """Wait for open answers, for at most GRACE_S; what is left is an error."""
        deadline = self._clock() + GRACE_S
        while self._pending() and self._clock() < deadline:
            await self.sleep(DRAIN_POLL_S)
        for connection in self._connections:
            if connection.busy and connection.meant_at < self.closed_at:
                self.tally.failed(self._traffic.payments_per_request, "no answer")

    def stop(self) -> None:
        """Drop all connections; their open requests are no longer counted."""
        self._stopped = self._dropped = True
        for task in self._tasks:
            task.cancel()
        for connection in tuple(self._connections):
            connection.close()

    @abstractmethod
    def counts(self, meant_at: float, now: float) -> bool:
        """Whether a request belongs to the window."""

    @abstractmethod
    def freed(self, connection: Connection) -> None:
        """Called when `connection` is free."""

    def unreachable(self) -> None:  # noqa: B027 - only one loop needs it
        """Called when a lost connection cannot be made again."""

    def send(self, connection: Connection, meant_at: float) -> None:
        """Send the traffic's next request."""
        connection.meant_at = meant_at
        connection.send(self._traffic.next_request())

    def _pending(self) -> bool:
        return any(connection.busy for connection in self._connections)

    def _answered(self, connection: Connection, status: int, raw: bytes) -> None:
        now = self._clock()
        if self.counts(connection.meant_at, now):
            counts = self._traffic.judge(status, raw)
            self.tally.answered(counts, status, connection.meant_at, now)
        self.freed(connection)

    def _lost(self, connection: Connection, error: Exception | None) -> None:
        self._connections.discard(connection)
        if isinstance(error, UnsupportedAnswer) and not self._broken.done():
            self._broken.set_exception(error)
            return
        if self._dropped:
            return
        if connection.busy and self.counts(connection.meant_at, self._clock()):
            self.tally.failed(self._traffic.payments_per_request, "connection lost")
        if not self._stopped:
            task = asyncio.create_task(self._reconnect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        connection = Connection(self._answered, self._lost)
        await connect(self._endpoint, connection)
        self._connections.add(connection)
        self.freed(connection)

    async def _reconnect(self) -> None:
        while not self._stopped:
            await asyncio.sleep(RECONNECT_S)
            try:
                await self._connect()
            except OSError:
                self.unreachable()
            else:
                return


class ClosedLoop(Loop):
    """Every connection is always busy; a request counts when it is answered in the window."""

    def counts(self, meant_at: float, now: float) -> bool:  # noqa: ARG002 - the other loop needs it
        """By the time of the answer, so that throughput is answers per second of the window."""
        return self.opened_at <= now < self.closed_at

    def freed(self, connection: Connection) -> None:
        """Send the next request at once."""
        if not self._stopped:
            self.send(connection, self._clock())

    def unreachable(self) -> None:
        """Count a connection that cannot be made as a failed request."""
        now = self._clock()
        if self.counts(now, now):
            self.tally.failed(self._traffic.payments_per_request, "no connection")


class OpenLoop(Loop):
    """Arrivals at a constant rate; a request counts if it was due in the window."""

    def __init__(
        self,
        endpoint: Endpoint,
        traffic: Traffic,
        connections: int,
        rate: float,
        clock: Clock = time.perf_counter,
    ) -> None:
        super().__init__(endpoint, traffic, connections, clock)
        self._rate = rate
        self._backlog_limit = max(1, round(rate * BACKLOG_S))
        self._backlog: deque[float] = deque()
        self._free: deque[Connection] = deque()
        self._began_at = 0.0
        self._arrivals = 0
        self.backlog_max = 0
        self.late_s = array("d")
        """How late the generator sent each arrival, independent of the server."""

    async def start(self) -> None:
        """Connect everything; arrivals begin now."""
        await super().start()
        self.begin()
        task = asyncio.create_task(self._pace())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def begin(self) -> None:
        """Begin with the first arrival now."""
        self._began_at = self._clock()

    def arrive(self) -> None:
        """Send every request that is due, or let it wait for a free connection."""
        now = self._clock()
        while (due := self._due_at(self._arrivals)) <= now:
            self._arrivals += 1
            counts = self.counts(due, now)
            if counts:
                self.late_s.append(now - due)
            connection = self._take_free()
            if connection is not None:
                self.send(connection, due)
            elif len(self._backlog) < self._backlog_limit:
                self._backlog.append(due)
                self.backlog_max = max(self.backlog_max, len(self._backlog))
            elif counts:
                self.tally.failed(self._traffic.payments_per_request, "backlog full")

    def close_window(self) -> None:
        """Stop arrivals; everything that was due in the window is sent or waits."""
        self.arrive()
        super().close_window()

    async def drain(self) -> None:
        """As `Loop.drain`; what still waits for a connection after GRACE_S is an error, too."""
        await super().drain()
        unsent = sum(self.counts(due, due) for due in self._backlog)
        if unsent:
            self.tally.failed(unsent * self._traffic.payments_per_request, "never sent")

    def counts(self, meant_at: float, now: float) -> bool:  # noqa: ARG002 - the other loop needs it
        """By the time at which it was due.

        So that a stall cannot push requests out of the window.
        """
        return self.opened_at <= meant_at < self.closed_at

    def freed(self, connection: Connection) -> None:
        """Send what has waited longest; its latency counts from when it was due."""
        if self._backlog:
            self.send(connection, self._backlog.popleft())
        else:
            self._free.append(connection)

    def _due_at(self, arrival: int) -> float:
        return self._began_at + arrival / self._rate

    def _take_free(self) -> Connection | None:
        while self._free:
            connection = self._free.popleft()
            if connection.connected:
                return connection
        return None

    def _pending(self) -> bool:
        return bool(self._backlog) or super()._pending()

    async def _pace(self) -> None:
        while not self._stopped:
            self.arrive()
            await asyncio.sleep(max(TICK_S, self._due_at(self._arrivals) - self._clock()))
