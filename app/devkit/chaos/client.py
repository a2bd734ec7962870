"""Clients that retry: they send a request with its key again until it is decided.

Connections are kept alive and reused when they are free; an open loop needs as many open requests
as a stalled server leaves it.
"""

import asyncio
import random
from collections.abc import Callable, Sequence

from app.base import clock
from app.devkit.bench import Endpoint, UnsupportedAnswer
from app.devkit.bench.client import Connection, body_of, connect
from app.devkit.chaos.history import History
from app.devkit.chaos.model import NO_ANSWER, Attempt, Outcome, Request

PAUSE_S = 0.05  # before the second try; a killed process needs longer, a restarted pool does not
# During a long outage thousands wait; more frequent tries would prolong the outage.
PAUSE_MAX_S = 3.0


class ClientTimeouts:
    """How long a client waits, in seconds."""

    def __init__(self, *, attempt_s: float, request_s: float) -> None:
        self.attempt_s = attempt_s
        """For one answer, before the same request is sent to another address."""
        self.request_s = request_s
        """For a decision; after that the client gives up, and the outcome is unknown."""


class RetryingClient:
    """Sends the requests of a run, to one address after the other."""

    def __init__(
        self,
        addresses: Sequence[str],
        history: History,
        limits: ClientTimeouts,
        pause: "Pause",
    ) -> None:
        self._endpoints = [Endpoint(address) for address in addresses]
        self._idle: list[list[Connection]] = [[] for _ in addresses]
        self._waiting: dict[Connection, asyncio.Future[tuple[int, bytes]]] = {}
        self._history = history
        self._limits = limits
        self._pause = pause
        self._turn = 0

    async def decide(
        self,
        request: Request,
        body: bytes | None,
        token: str,
        hear: Callable[[Request, Attempt], None] = lambda *_: None,
    ) -> Attempt | None:
        """Send a recorded request until it is decided; returns that answer, or none in its time.

        Args:
            hear: called with every answer, also those that decide nothing.
        """
        return await self._try_until_decided(request, body, token, hear, resolving=False)

    async def resolve(self, request: Request, body: bytes | None, token: str) -> Attempt | None:
        """As `decide`, after the load: the same key finds out how the request ended."""
        return await self._try_until_decided(request, body, token, lambda *_: None, resolving=True)

    def close(self) -> None:
        """Drop every connection."""
        for connections in self._idle:
            for connection in connections:
                connection.close()
            connections.clear()

    async def _try_until_decided(
        self,
        request: Request,
        body: bytes | None,
        token: str,
        hear: Callable[[Request, Attempt], None],
        *,
        resolving: bool,
    ) -> Attempt | None:
        deadline = clock.monotonic() + self._limits.request_s
        attempt = len(self._history.answers.get(request.key, ()))
        self._turn += 1
        at = self._turn % len(self._endpoints)
        while True:
            attempt += 1
            limit_s = min(self._limits.attempt_s, deadline - clock.monotonic())
            try:
                async with asyncio.timeout(limit_s):
                    status, text = await self._send(at, request, body, token)
            except TimeoutError:
                status, text = NO_ANSWER, f"no answer within {limit_s:.1f} s"
            except (OSError, UnsupportedAnswer) as error:
                status, text = NO_ANSWER, str(error) or type(error).__name__
            answer = Attempt(request.key, attempt, clock.monotonic(), status, text, resolving)
            self._history.add(answer)
            hear(request, answer)
            if answer.outcome is not Outcome.UNKNOWN:
                return answer
            pause_s = self._pause.next(attempt)
            if clock.monotonic() + pause_s >= deadline:
                return None
            await asyncio.sleep(pause_s)
            at = (at + 1) % len(self._endpoints)

    async def _send(
        self, at: int, request: Request, body: bytes | None, token: str
    ) -> tuple[int, str]:
        connection = await self._take(at)
        endpoint = self._endpoints[at]
        method = "GET" if body is None else "POST"
        head = endpoint.head(method, request.path, token, None if body is None else len(body))
        head += f"\r\nX-Request-Id: {request.key}\r\nIdempotency-Key: {request.key}".encode()
        answer = asyncio.get_running_loop().create_future()
        self._waiting[connection] = answer
        try:
            connection.send(head + b"\r\n\r\n" + (body or b""))
            status, raw = await answer
        except BaseException:
            self._waiting.pop(connection, None)
            connection.close()
            raise
        self._idle[at].append(connection)
        return status, body_of(raw).decode(errors="replace")

    async def _take(self, at: int) -> Connection:
        idle = self._idle[at]
        while idle:
            connection = idle.pop()
            if connection.connected:
                return connection
        connection = Connection(self._answered, self._lost)
        return await connect(self._endpoints[at], connection)

    def _answered(self, connection: Connection, status: int, raw: bytes) -> None:
        answer = self._waiting.pop(connection, None)
        if answer is not None and not answer.done():
            answer.set_result((status, raw))

    def _lost(self, connection: Connection, error: Exception | None) -> None:
        answer = self._waiting.pop(connection, None)
        if answer is not None and not answer.done():
            answer.set_exception(error or ConnectionResetError("the connection was closed"))


class Pause:
    """Pauses that double up to a limit, with random parts, so that clients do not retry at once."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def next(self, attempt: int) -> float:
        """Seconds before the try after `attempt`."""
        whole = min(PAUSE_MAX_S, PAUSE_S * (1 << min(attempt, 10)) / 2)
        return self._random.uniform(whole / 2, whole)
