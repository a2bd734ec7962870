"""A guard around each call of a processor, so that one processor's trouble stays its own.

A call gets a deadline and one of a bounded number of slots, and is made only while its circuit
breaker is closed. A call that is not made, or not answered in time, ends as a verdict and never as
an exception.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar, cast

import msgspec

from app.base import clock
from app.base.telemetry import describe, log, metrics
from app.processors.circuit_breaker import BreakerState, CircuitBreaker
from app.processors.model import Verdict, not_executed, unknown
from app.processors.ports import Processor

_STATES: Final[dict[BreakerState, int]] = {"closed": 0, "half_open": 1, "open": 2}
_OUTAGES = {"unreachable", "vault_unreachable", "vault_unavailable"}
"""Codes of `not_executed` that mean an outage, and no refusal."""
_NO_OUTAGES = {
    "undecided",
    "reference_reused",
    "authorization_not_found",
    "payment_intent_unexpected_state",
    "too_many_refunds",
    "idempotency_key_in_use",
}
"""Codes of `unknown` with which a healthy processor says that it does not know."""
_THROUGH_VAULT = {"authorize"}
"""The operations that carry a card, and so need a healthy vault."""
T = TypeVar("T")
PortT = TypeVar("PortT")


class GuardLimits(msgspec.Struct, frozen=True):
    """The limits of a processor's calls; each is a setting `processor_*`."""

    timeout_ms: int
    calls_max: int
    queue_ms: int
    failures_max: int
    pause_ms: int


class Slots:
    """At most `calls_max` calls at a time; as many again wait, for `queue_ms` at most."""

    def __init__(self, limits: GuardLimits) -> None:
        self._free = asyncio.Semaphore(limits.calls_max)
        self._waiting = 0
        self._waiting_max = limits.calls_max
        self._wait_s = limits.queue_ms / 1000

    async def take(self) -> bool:
        """Whether a slot was free in time; the caller that got one releases it."""
        if not self._free.locked():
            return await self._free.acquire()
        if self._waiting >= self._waiting_max:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._free.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1

    def release(self) -> None:
        self._free.release()


class Bulkhead:
    """One kind of calls of one processor, with a circuit breaker and slots of its own.

    Authorizations have their own bulkhead. They pass through the vault; when it is down or new
    payments fill every slot, captures, refunds and queries go on.
    """

    def __init__(self, processor: str, name: str, limits: GuardLimits) -> None:
        self._processor = processor
        self._name = name
        self._timeout_s = limits.timeout_ms / 1000
        self._slots = Slots(limits)
        self._in_flight = metrics.processor_in_flight.labels(processor, name)
        self._gauge = metrics.processor_circuit.labels(processor, name)
        self._breaker = CircuitBreaker(
            failures_max=limits.failures_max,
            pause_s=limits.pause_ms / 1000,
            on_change=self._report_state,
        )

    async def run(self, make: Callable[..., Awaitable[T]], *arguments: Any) -> T | Verdict:
        """Make the call.

        Returns its result, or the verdict on one that was not made or not answered.
        """
        if not self._breaker.admits():
            return not_executed("circuit_open")
        if not await self._slots.take():
            return not_executed("too_many_calls")
        try:
            # The circuit may have opened while the call waited.
            if not self._breaker.admits():
                return not_executed("circuit_open")
            return await self._make(make, *arguments)
        finally:
            self._slots.release()

    async def _make(self, make: Callable[..., Awaitable[T]], *arguments: Any) -> T | Verdict:
        was_probe = self._breaker.begin()
        was_outage = None
        self._in_flight.inc()
        try:
            result = await self._within_time(make, *arguments)
            was_outage = isinstance(result, Verdict) and _is_outage(result)
            return result
        finally:
            self._in_flight.dec()
            self._breaker.end(was_probe=was_probe, was_failure=was_outage)

    async def _within_time(self, make: Callable[..., Awaitable[T]], *arguments: Any) -> T | Verdict:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await make(*arguments)
        except TimeoutError:
            return unknown("timeout")
        except Exception as error:  # noqa: BLE001 - the processor may have acted or not
            # A bug of an adapter. Money may have moved, so the call did not fail either.
            log.error("processor_adapter_failed", processor=self._processor, **describe(error))
            return unknown("adapter_failed")

    def _report_state(self, state: BreakerState) -> None:
        self._gauge.set(_STATES[state])
        if state != "closed":
            log.warning(
                "processor_circuit", processor=self._processor, lane=self._name, state=state
            )


def _is_outage(verdict: Verdict) -> bool:
    if verdict.outcome == "not_executed":
        return verdict.code in _OUTAGES
    return verdict.outcome == "unknown" and verdict.code not in _NO_OUTAGES


class Guard:
    """The guard of one processor: every call of its ports passes it."""

    def __init__(self, processor: str, limits: GuardLimits) -> None:
        self._processor = processor
        self._cards = Bulkhead(processor, "cards", limits)
        self._rest = Bulkhead(processor, "rest", limits)

    def wrap(self, port: PortT) -> PortT:
        """`port`, with this guard around each call."""
        return cast("PortT", _GuardedPort(self, port))

    async def call(
        self, operation: str, make: Callable[..., Awaitable[T]], *arguments: Any
    ) -> T | Verdict:
        """Call `make(*arguments)` within the limits, counted as `operation`."""
        bulkhead = self._cards if operation in _THROUGH_VAULT else self._rest
        began = clock.monotonic()
        result = await bulkhead.run(make, *arguments)
        self._count(operation, result, clock.monotonic() - began)
        if not isinstance(result, Verdict) or result.outcome != "not_executed":
            return result
        # `not_executed` of a query would be taken for that of the request that it asks about.
        is_question = operation.startswith("find_")
        return unknown(result.code or "unreachable") if is_question else result

    def _count(self, operation: str, result: Any, seconds: float) -> None:
        outcome = result.outcome if isinstance(result, Verdict) else "found"
        metrics.processor_calls.labels(self._processor, operation, outcome).inc()
        metrics.processor_seconds.labels(self._processor, operation).observe(seconds)


class _GuardedPort:
    """Any port; the guard makes its operations, so that no adapter can leave one out."""

    def __init__(self, guard: Guard, port: object) -> None:
        self._guard = guard
        self._port = port

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Any]]:
        """Called once for each operation; afterwards it is an attribute like any other."""
        guarded = partial(self._guard.call, operation, getattr(self._port, operation))
        setattr(self, operation, guarded)
        return guarded


def guard_processor(processor: Processor, limits: GuardLimits) -> Processor:
    """`processor`, with one guard around all its ports."""
    guard = Guard(processor.name, limits)
    return replace(
        processor,
        cards=guard.wrap(processor.cards) if processor.cards else None,
        banks=guard.wrap(processor.banks) if processor.banks else None,
        disputes=guard.wrap(processor.disputes) if processor.disputes else None,
    )
