"""The two loops: what they send, when, and what they count."""

import asyncio
from collections.abc import Callable

import pytest

from app.devkit.bench import BenchShop, Dataset, Endpoint, LoadProfile, UnsupportedAnswer, run
from app.devkit.bench.load import GRACE_S, ClosedLoop, OpenLoop
from app.devkit.bench.traffic import PaymentCounts
from tests.bench.server import Request, answer, serving

_SHOPS = (BenchShop("sk_1", ("acct_1", "acct_2")), BenchShop("sk_2", ("acct_3",)))


class Clock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Pings:
    """The smallest traffic: a request without a body, settled if it is answered with 200."""

    payments_per_request = 1

    def next_request(self) -> bytes:
        """A GET."""
        return b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    def judge(self, status: int, raw: bytes) -> PaymentCounts:  # noqa: ARG002 - a judge gets both
        """By the status alone."""
        return PaymentCounts(1, 0, 0) if status == 200 else PaymentCounts(0, 0, 1)


class Gate:
    """A server's answers, given when the test says so."""

    def __init__(self) -> None:
        self._permits = asyncio.Semaphore(0)

    async def respond(self, _: Request) -> bytes:
        """200, once allowed."""
        await self._permits.acquire()
        return answer(200)

    def allow(self, answers: int) -> None:
        """Let `count` answers go."""
        for _ in range(answers):
            self._permits.release()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def test_an_open_loop_measures_from_the_intended_time() -> None:
    """While the server stalls, requests go on being due, and their wait counts as latency."""
    clock, gate = Clock(), Gate()
    async with serving(gate.respond) as server:
        loop = OpenLoop(Endpoint(server.url), Pings(), connections=1, rate=10, clock=clock)
        loop.open_window()
        await loop.start()
        await _until(lambda: len(server.requests) == 1)

        clock.now += 0.5
        await _until(lambda: loop.backlog_max == 5)
        gate.allow(6)
        await _until(lambda: loop.tally.requests == 6)
        loop.stop()

    assert list(loop.tally.latencies_s) == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1, 0.0])


async def test_an_open_loop_counts_what_was_due_in_the_window() -> None:
    """A request of the warm-up that is answered in the window is not counted."""
    clock, gate = Clock(), Gate()
    async with serving(gate.respond) as server:
        loop = OpenLoop(Endpoint(server.url), Pings(), connections=4, rate=10, clock=clock)
        await loop.start()
        clock.now += 0.15
        await _until(lambda: len(server.requests) == 2)

        loop.open_window()
        clock.now += 0.1
        await _until(lambda: len(server.requests) == 3)
        loop.close_window()
        gate.allow(3)
        await loop.drain()
        loop.stop()

    assert loop.tally.requests == 1
    assert loop.tally.errors == 0


async def test_arrivals_beyond_the_backlog_are_errors() -> None:
    """An open loop that the server cannot follow reports what it could not send."""
    clock, gate = Clock(), Gate()
    async with serving(gate.respond) as server:
        loop = OpenLoop(Endpoint(server.url), Pings(), connections=1, rate=1, clock=clock)
        loop.open_window()
        await loop.start()
        await _until(lambda: len(server.requests) == 1)

        clock.now += 20  # arrivals 1 to 10 may wait, 11 to 20 may not
        await _until(lambda: bool(loop.tally.errors))
        clock.now += 0.5
        loop.close_window()
        draining = asyncio.create_task(loop.drain())
        await asyncio.sleep(0)
        clock.now += GRACE_S
        await draining
        loop.stop()

    assert loop.tally.errors_by_kind == {"backlog full": 10, "never sent": 10, "no answer": 1}
    assert loop.tally.errors == 21


async def test_a_closed_loop_sends_the_next_when_answered() -> None:
    """Each connection has one request under way, and answers count from the opened window on."""
    clock, gate = Clock(), Gate()
    async with serving(gate.respond) as server:
        loop = ClosedLoop(Endpoint(server.url), Pings(), connections=3, clock=clock)
        await loop.start()
        await _until(lambda: len(server.requests) == 3)
        gate.allow(2)
        await _until(lambda: len(server.requests) == 5)

        loop.open_window()
        clock.now += 1
        gate.allow(1)
        await _until(lambda: loop.tally.requests == 1)
        loop.close_window()
        gate.allow(3)
        await loop.drain()
        loop.stop()

    assert list(loop.tally.latencies_s) == [1.0]
    assert loop.tally.errors == 0


async def test_a_lost_connection_is_an_error_and_is_replaced() -> None:
    """The request under way counts as failed, and the load goes on over a new connection."""
    clock = Clock()
    answers = iter([b""])

    async def respond(_: Request) -> bytes:
        return next(answers, answer(200))

    async with serving(respond) as server:
        loop = ClosedLoop(Endpoint(server.url), Pings(), connections=1, clock=clock)
        loop.open_window()
        await loop.start()
        await _until(lambda: loop.tally.settled > 2)
        loop.stop()

    assert loop.tally.errors_by_kind == {"connection lost": 1}


async def test_a_run_ends_when_the_server_speaks_something_else() -> None:
    """Instead of figures there is the reason."""

    async def respond(_: Request) -> bytes:
        return answer(200, b"chunks", content_length=False)

    async with serving(respond) as server:
        with pytest.raises(UnsupportedAnswer, match="Content-Length"):
            await run(Endpoint(server.url), Dataset(_SHOPS), LoadProfile(connections=2, seconds=60))


@pytest.mark.parametrize("rate", [None, 200.0])
async def test_a_run_reports_every_payment(rate: float | None) -> None:
    """The report has exactly what the server answered, in either loop."""

    async def respond(request: Request) -> bytes:
        if request.path == "/metrics":
            return answer(404)
        return answer(201, b'{"id":"pay_1","status":"captured"}')

    async with serving(respond) as server:
        plan = LoadProfile(connections=4, rate=rate, seconds=0.2, warmup_s=0.0)
        report = await run(Endpoint(server.url), Dataset(_SHOPS), plan)

    paid = [request for request in server.requests if request.path == "/v1/payments"]
    assert report.errors == report.refused == 0
    assert report.settled == report.requests <= len(paid)
    assert report.retries is None
    assert report.batch_mean is None
    assert len({request.headers["idempotency-key"] for request in paid}) == len(paid)
    assert {request.headers["authorization"] for request in paid} <= {"Bearer sk_1", "Bearer sk_2"}
