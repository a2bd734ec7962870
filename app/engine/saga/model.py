"""Declaring flows, and the state of one run: pure.

A flow is one declaration of steps. An atomic step is one transaction over many commands. An
external step asks a processor or a bank, with no transaction open. It may be repeated, because its
request carries a reference under which the processor acts once. The atomic step after it books the
answer. The step that undoes an external step stands next to it.

    begin -> [ recovery point: call -> book ] -> answer
                     |                   |
                     | outcome unknown   | it must be undone
                     v                   v
                postponed, with     [ recovery point: undo -> book ] -> answer
                growing pauses
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from app.engine.database import Step, regions_of
from app.engine.idempotency import Answer, Command, Intent, Kind

C = TypeVar("C", bound=Command)
P = ParamSpec("P")
W_contra = TypeVar("W_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

FlowStatus = Literal["running", "parked", "done"]

FLOW_BUCKETS: Final = 16
"""Buckets of the index by due time."""


class Flow(msgspec.Struct):
    """One run of a flow: what it is about, and where it goes on."""

    region: str
    merchant_id: UUID
    id: UUID
    name: str
    """Of the saga."""
    object_id: UUID
    """The payment, refund, payout ... it is about."""
    recovery_point: str
    """The external step that runs next: its name."""
    status: FlowStatus
    attempts: int
    """How many attempts brought no answer from outside."""
    data: str
    """JSON; what the steps need to know, and what to answer."""
    note: str | None
    """Why it waits, for people."""
    key_id: UUID | None
    """The idempotency key whose answer is provisional until the flow ends."""
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    next_attempt_at: datetime
    """No process takes the flow up before this instant."""
    lease_until: datetime | None
    """Until when one process has the flow; after it any process may take it up."""
    former_region: str | None = None
    """Not stored: the other region of a merchant that moves."""
    fresh: bool = False
    """Not stored: only the process that began the flow has worked on it, so no other one can have
    asked a processor for anything."""
    due_at: datetime | None = None
    """Not stored: when it would have been its turn, if it was taken up before."""

    def command(
        self, kind: Kind[P, C], intent: Intent | None, *args: P.args, **fields: P.kwargs
    ) -> C:
        """A command on behalf of the flow: of its merchant, and caused by the same request."""
        return kind(
            self.region,
            self.merchant_id,
            intent,
            self.correlation_id,
            self.former_region,
            *args,
            **fields,
        )

    @property
    def bucket(self) -> int:
        """In which bucket of the index by due time it is."""
        return self.id.int % FLOW_BUCKETS

    @property
    def regions(self) -> tuple[str, ...]:
        """Where to look for its merchant's rows outside a transaction, in this order."""
        return regions_of(self.region, self.former_region)


class Postpone(msgspec.Struct, frozen=True):
    """What an external step brings back when the outcome is unknown: ask again later."""

    why: str


class Booking(msgspec.Struct, frozen=True):
    """The command of an atomic step that follows an external one."""

    flow: Flow
    """As it was when the external step ran; the step locks and reads it again."""
    result: Any
    """What the external step brought back."""

    @property
    def region(self) -> str:
        """Where the merchant is at home."""
        return self.flow.region

    @property
    def merchant_id(self) -> UUID:
        """Whose flow it is."""
        return self.flow.merchant_id

    @property
    def former_region(self) -> str | None:
        """The other region of a merchant that moves."""
        return self.flow.former_region

    @property
    def regions(self) -> tuple[str, ...]:
        """Where to look for the merchant's rows outside a transaction, in this order."""
        return self.flow.regions

    @property
    def correlation_id(self) -> str:
        """Of the request that began the flow."""
        return self.flow.correlation_id

    def counts_for(self, latest: Flow) -> bool:
        """Whether the flow is still in the hands that ran the external step, and where it was.

        A driver that was paused for longer than its lease may bring back what is no longer true:
        that one processor did nothing, when the flow has gone on with another.
        """
        return (
            latest.status == "running"
            and latest.recovery_point == self.flow.recovery_point
            and latest.lease_until == self.flow.lease_until
            # The next processor is asked at the same point: what was booked must not be again.
            and latest.data == self.flow.data
        )


class External(Generic[W_contra, R_co]):
    """A step that asks a processor or a bank, with no transaction open; it may be repeated.

    (world, flow) -> what to book, or Postpone. Called like the function that it was declared with.
    """

    def __init__(self, flow: str, call: Callable[[W_contra, Flow], Awaitable[R_co]]) -> None:
        self.flow = flow
        """The name of the flow that it is a part of."""
        self.name = call.__name__
        """A recovery point: what a flow's row says while this is what it goes on with."""
        self._call = call

    def __call__(self, world: W_contra, flow: Flow) -> Awaitable[R_co]:
        return self._call(world, flow)


def external(
    flow: str,
) -> Callable[[Callable[[W_contra, Flow], Awaitable[R_co]]], External[W_contra, R_co]]:
    """Declare an external step of the flow that is called `flow`."""
    return lambda call: External(flow, call)


class Saga(Generic[C]):
    """A flow with an external step: the step that begins it, the external one, and the booking.

    A run whose first step answers without a `flow` ends there. What undoes the external step is a
    recovery point of its own, and is booked by the same step.
    """

    def __init__(
        self,
        begin: Step[C, Answer],
        ask: External[Any, Any],
        book: Step[Booking, Answer],
        *,
        undo: External[Any, Any] | None = None,
    ) -> None:
        externals = [ask] if undo is None else [ask, undo]
        assert all(each.flow == ask.flow for each in externals), "they are of different flows"
        self.name = ask.flow
        self.begin = begin
        self.book = book
        self.recovery_points: Mapping[str, External[Any, Any]] = {e.name: e for e in externals}
        """Where runs of it may be found after a crash, and what they go on with."""


Begins: TypeAlias = Saga[C] | Step[C, Answer]
"""What takes commands: a flow, by its first step; or a step that is all there is to do."""


def pause_after(attempts: int, backoff_ms: Sequence[int]) -> timedelta:
    """How long to wait after `attempts` failures, the last pause again and again."""
    return timedelta(milliseconds=backoff_ms[min(attempts, len(backoff_ms)) - 1])


def end(flow: Flow, now: datetime, note: str | None = None) -> None:
    """The flow is over; its last note is kept, for people."""
    flow.status = "done"
    _rest(flow, now, note or flow.note)


def wait(flow: Flow, now: datetime, until: datetime, note: str) -> None:
    """The flow waits until a notification wakes it, or until `until`."""
    _rest(flow, now, note)
    flow.next_attempt_at = until


def go_on(flow: Flow, now: datetime, ask: External[Any, Any], note: str) -> None:
    """The flow goes on with another external step, in the same hands."""
    flow.recovery_point = ask.name
    flow.attempts = 0
    flow.note = note
    flow.updated_at = now


def postpone(
    flow: Flow,
    now: datetime,
    why: str,
    *,
    backoff_ms: Sequence[int],
    most: int,
    due_at: datetime | None = None,
) -> None:
    """The outcome is unknown: try again later, or park the flow where people see it.

    Args:
        due_at: it was taken up before its time, which this is. Whoever asks for that, and how
            often, uses up no attempt and puts off no other.
    """
    _rest(flow, now, why)
    if due_at is not None and due_at > now:
        flow.attempts = max(1, flow.attempts)
        flow.next_attempt_at = min(due_at, now + pause_after(flow.attempts, backoff_ms))
        return
    flow.attempts += 1
    if flow.attempts >= most:
        flow.status = "parked"
    else:
        flow.next_attempt_at = now + pause_after(flow.attempts, backoff_ms)


def park(flow: Flow, now: datetime, why: str) -> None:
    """No process takes the flow up until people say so."""
    flow.status = "parked"
    _rest(flow, now, why)


def _rest(flow: Flow, now: datetime, note: str | None) -> None:
    flow.lease_until = None
    flow.note = note
    flow.updated_at = now
