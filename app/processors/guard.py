"""A guard in front of each processor, so that its trouble stays its own.

A call gets a deadline, a place among those in flight, and is made only while the processor is
thought to be well. None of that is ever an exception for the caller.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from app.base import clock
from app.base.telemetry import describe, log, metrics
from app.processors.circuit_breaker import BreakerState, CircuitBreaker
from app.processors.model import (
    AskAuthorization,
    AskBankTransfer,
    AskCapture,
    AskPayout,
    AskRefund,
    AskReversal,
    DisputeState,
    FileState,
    Notification,
    Processor,
    Verdict,
    not_executed,
    unknown,
)

_STATES: Final[dict[BreakerState, int]] = {"closed": 0, "half_open": 1, "open": 2}
_OUTAGES = {"unreachable", "vault_unreachable", "vault_unavailable"}
"""Why nothing was done, where that is a sign of illness and no refusal."""
_NO_OUTAGES = {
    "undecided",
    "reference_reused",
    "authorization_not_found",
    "payment_intent_unexpected_state",
    "too_many_refunds",
    "idempotency_key_in_use",
}
"""Why nothing is known, where the processor was well enough to say so."""
T = TypeVar("T")


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
        """Whether a slot was free in time; whoever takes one releases it."""
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

    Authorizations have their own bulkhead: they pass through the vault, and when that is down or
    new payments fill every slot, captures, refunds and questions go on.
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
        """The call's result, or the verdict on one that was not made or not answered."""
        if not self._breaker.admits():
            return not_executed("circuit_open")
        if not await self._slots.take():
            return not_executed("too_many_calls")
        try:
            # While it waited the circuit may have opened.
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
        except Exception as error:  # noqa: BLE001 - nobody knows what the processor did
            # A bug of an adapter, told loudly: money may have moved, so it is no failure either.
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
    """A processor behind its guard; one without an adapter is not configured."""

    def __init__(self, name: str, processor: Processor, limits: GuardLimits) -> None:
        self.name = name
        self._processor = processor
        self._cards = Bulkhead(name, "cards", limits)
        self._rest = Bulkhead(name, "rest", limits)

    async def authorize(self, ask: AskAuthorization) -> Verdict:
        return await self._do(self._cards, "authorize", self._processor.authorize, ask)

    async def find_authorization(self, ask: AskAuthorization) -> Verdict:
        return await self._find("find_authorization", self._processor.find_authorization, ask)

    async def capture(self, ask: AskCapture) -> Verdict:
        return await self._do(self._rest, "capture", self._processor.capture, ask)

    async def find_capture(self, ask: AskCapture) -> Verdict:
        return await self._find("find_capture", self._processor.find_capture, ask)

    async def reverse(self, ask: AskReversal) -> Verdict:
        return await self._do(self._rest, "reverse", self._processor.reverse, ask)

    async def refund(self, ask: AskRefund) -> Verdict:
        return await self._do(self._rest, "refund", self._processor.refund, ask)

    async def find_refund(self, ask: AskRefund) -> Verdict:
        return await self._find("find_refund", self._processor.find_refund, ask)

    async def expect_transfer(self, ask: AskBankTransfer) -> Verdict:
        return await self._do(self._rest, "expect_transfer", self._processor.expect_transfer, ask)

    async def find_transfer(self, ask: AskBankTransfer) -> Verdict:
        return await self._find("find_transfer", self._processor.find_transfer, ask)

    async def pay_out(self, ask: AskPayout) -> Verdict:
        return await self._do(self._rest, "pay_out", self._processor.pay_out, ask)

    async def find_payout(self, ask: AskPayout) -> Verdict:
        return await self._find("find_payout", self._processor.find_payout, ask)

    async def cancel_payout(self, ask: AskPayout) -> Verdict:
        return await self._do(self._rest, "cancel_payout", self._processor.cancel_payout, ask)

    async def submit_file(self, content: str) -> FileState | Verdict:
        return await self._do(self._rest, "submit_file", self._processor.submit_file, content)

    async def find_dispute(self, dispute_id: str) -> DisputeState | Verdict:
        return await self._find("find_dispute", self._processor.find_dispute, dispute_id)

    async def submit_evidence(self, dispute_id: str, evidence: str, reference: str) -> Verdict:
        make = self._processor.submit_evidence
        return await self._do(self._rest, "submit_evidence", make, dispute_id, evidence, reference)

    async def accept_dispute(self, dispute_id: str, reference: str) -> Verdict:
        make = self._processor.accept_dispute
        return await self._do(self._rest, "accept_dispute", make, dispute_id, reference)

    def read_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        return self._processor.read_notification(headers, body)

    async def _do(
        self, bulkhead: Bulkhead, operation: str, make: Callable[..., Awaitable[T]], *arguments: Any
    ) -> T | Verdict:
        began = clock.monotonic()
        result = await bulkhead.run(make, *arguments)
        self._count(operation, result, clock.monotonic() - began)
        return result

    async def _find(
        self, operation: str, make: Callable[..., Awaitable[T]], *arguments: Any
    ) -> T | Verdict:
        """What a question brought; one that could not be put says nothing of what it is about.

        `not_executed` of a question would be taken for that of the request asked about.
        """
        result = await self._do(self._rest, operation, make, *arguments)
        if isinstance(result, Verdict) and result.outcome == "not_executed":
            return unknown(result.code or "unreachable")
        return result

    def _count(self, operation: str, result: Any, seconds: float) -> None:
        outcome = result.outcome if isinstance(result, Verdict) else "found"
        metrics.processor_calls.labels(self.name, operation, outcome).inc()
        metrics.processor_seconds.labels(self.name, operation).observe(seconds)
