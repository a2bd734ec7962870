"""A processor's trouble stays its own: circuit breaker, slots, and metrics."""

import asyncio
from typing import Any

import pytest

from app.base.telemetry import metrics
from app.processors import Banks, Cards, Disputes, Verdict
from app.processors.guard import Guard, GuardLimits
from tests.processors import asks
from tests.processors.conftest import OpenProcessors
from tests.processors.outside import Outside, answer

OPEN = Verdict("not_executed", code="circuit_open")
LEFT_ALONE_MS = 600_000  # longer than any test


async def _approve(acquirer: Cards, outside: Outside) -> Verdict:
    ask = asks.capture()
    told = {"id": "c1", "reference": ask.reference, "status": "approved", "amount": 1234}
    outside.how = answer(200, told)
    return await acquirer.capture(ask)


async def _fail(acquirer: Cards, outside: Outside) -> Verdict:
    outside.how = 500
    return await acquirer.capture(asks.capture())


async def test_outages_in_a_row_open_the_circuit(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """After so many outages in a row the processor is not called."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_failures_max=3, processor_pause_ms=LEFT_ALONE_MS
        )
    ).cards("acquirer")
    for _ in range(3):
        assert (await _fail(acquirer, outside)).code == "said_500"
    sent = len(outside.requests)

    assert await acquirer.capture(asks.capture()) == OPEN
    assert await acquirer.find_capture(asks.capture()) == Verdict("unknown", code="circuit_open")
    assert len(outside.requests) == sent


async def test_only_outages_open_it(outside: Outside, open_processors: OpenProcessors) -> None:
    """Declines and refused requests are answers, and an answer begins the count anew."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_failures_max=2, processor_pause_ms=LEFT_ALONE_MS
        )
    ).cards("acquirer")

    for _ in range(4):
        await _fail(acquirer, outside)
        outside.how = 422
        assert (await acquirer.capture(asks.capture())).code == "said_422"


async def test_an_answer_that_nothing_is_known_is_no_outage(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """A processor that answers "not known yet" works, and is still called."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_failures_max=1, processor_pause_ms=LEFT_ALONE_MS
        )
    ).cards("acquirer")
    outside.how = answer(503, {"code": "undecided"})

    said = [await acquirer.find_authorization(asks.authorization()) for _ in range(3)]

    assert said == [Verdict("unknown", code="undecided")] * 3


async def test_one_call_tries_after_the_pause(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """While one call tries the processor the others are not sent, and its answer closes."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_failures_max=1, processor_pause_ms=10
        )
    ).cards("acquirer")
    await _fail(acquirer, outside)
    await asyncio.sleep(0.05)
    outside.how = "black-hole"
    probe = asyncio.create_task(acquirer.find_capture(asks.capture()))
    await outside.wait_held(1)

    assert await acquirer.capture(asks.capture()) == OPEN

    probe.cancel()
    await asyncio.wait([probe])
    # A probe that nobody waited for decided nothing: the next call tries.
    assert (await _approve(acquirer, outside)).outcome == "approved"
    outside.how = 422
    assert (await acquirer.capture(asks.capture())).code == "said_422"


async def test_a_failed_try_opens_it_again(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """One more outage after the pause is enough."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_failures_max=2, processor_pause_ms=1_000
        )
    ).cards("acquirer")
    await _fail(acquirer, outside)
    await _fail(acquirer, outside)
    while await acquirer.capture(asks.capture()) == OPEN:
        await asyncio.sleep(0.01)

    outside.how = "closed"
    codes = {(await acquirer.capture(asks.capture())).code for _ in range(2)}

    assert "circuit_open" in codes


async def test_a_dead_vault_stops_cards_only(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """Authorizations have a circuit of their own, because they pass through the vault."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url,
            vault_url="http://127.0.0.1:9",
            processor_failures_max=1,
            processor_pause_ms=LEFT_ALONE_MS,
        )
    ).cards("acquirer")
    said = [await acquirer.authorize(asks.authorization()) for _ in range(2)]

    assert said == [Verdict("not_executed", code="vault_unreachable"), OPEN]
    assert (await _approve(acquirer, outside)).outcome == "approved"


async def test_a_call_without_a_slot_is_not_executed(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """A slow processor holds so many calls and no more; further ones are not executed."""
    outside.how = "black-hole"
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_calls_max=3, processor_queue_ms=20
        )
    ).cards("acquirer")
    calls = [asyncio.create_task(acquirer.capture(asks.capture())) for _ in range(3)]
    await outside.wait_held(3)

    said = await asyncio.gather(*(acquirer.capture(asks.capture()) for _ in range(8)))

    assert said == [Verdict("not_executed", code="too_many_calls")] * 8
    assert len(outside.requests) == 3
    outside.released.set()
    assert {(await call).outcome for call in calls} == {"unknown"}
    assert (await _approve(acquirer, outside)).outcome == "approved"


async def test_a_slot_that_becomes_free_is_taken(
    outside: Outside, open_processors: OpenProcessors
) -> None:
    """A waiting call gets the slot when another ends, even one whose caller was canceled."""
    outside.how = "black-hole"
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_calls_max=1, processor_queue_ms=60_000
        )
    ).cards("acquirer")
    first = asyncio.create_task(acquirer.capture(asks.capture()))
    await outside.wait_held(1)
    second = asyncio.create_task(_approve(acquirer, outside))
    await asyncio.sleep(0)

    first.cancel()

    assert (await second).outcome == "approved"


def _sample(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0


async def test_calls_are_counted(outside: Outside, open_processors: OpenProcessors) -> None:
    """Metrics count calls by outcome, their time, and whether the processor is called."""
    acquirer = (
        await open_processors(
            acquirer_url=outside.url, processor_failures_max=1, processor_pause_ms=LEFT_ALONE_MS
        )
    ).cards("acquirer")
    labels = {"processor": "acquirer", "operation": "capture"}
    circuit = {"processor": "acquirer", "lane": "rest"}
    approved = _sample("suya_processor_calls_total", outcome="approved", **labels)
    timed = _sample("suya_processor_seconds_count", **labels)
    assert _sample("suya_processor_circuit", **circuit) == 0

    await _approve(acquirer, outside)
    await _fail(acquirer, outside)

    assert _sample("suya_processor_calls_total", outcome="approved", **labels) == approved + 1
    assert _sample("suya_processor_seconds_count", **labels) == timed + 2
    assert _sample("suya_processor_circuit", **circuit) == 2
    assert _sample("suya_processor_in_flight", **circuit) == 0


class _Unreachable:
    """A processor that offers every port, and to which no call is sent."""

    def __getattr__(self, operation: str) -> Any:
        async def refuse(*_: Any) -> Verdict:
            return Verdict("not_executed", code="unreachable")

        return refuse


def _operations(port: type) -> list[str]:
    return [name for name in vars(port) if not name.startswith("_")]


@pytest.mark.parametrize("port", [Cards, Banks, Disputes])
async def test_every_call_of_every_port_is_guarded(port: type) -> None:
    """A call counts towards its circuit breaker, and a query never ends as `not_executed`."""
    limits = GuardLimits(
        timeout_ms=60_000, calls_max=1, queue_ms=0, failures_max=1, pause_ms=LEFT_ALONE_MS
    )
    assert len(_operations(port)) >= 3
    for operation in _operations(port):
        call = getattr(Guard("acquirer", limits).wrap(_Unreachable()), operation)

        results = [await call(), await call()]

        outcome = "unknown" if operation.startswith("find_") else "not_executed"
        assert [(result.outcome, result.code) for result in results] == [
            (outcome, "unreachable"),
            (outcome, "circuit_open"),
        ]
