"""Declaring flows, and the state of one run: pure.

A flow is one declaration of steps. An atomic step is one transaction over many commands; an
external step touches the world, with no transaction open, and may be repeated, because what it asks
for carries a reference under which the world acts once. The atomic step after it books what it
brought back. What undoes an external step stands next to it.

    begin -> [ recovery point: call -> book ] -> answer
                     |                   |
                     | nobody knows      | it must be undone
                     v                   v
                postponed, with     [ recovery point: undo -> book ] -> answer
                growing pauses
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from app.engine.database import GroupCommit, Receipt, Step
from app.engine.idempotency import Answer

C = TypeVar("C")

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
    """The external step that runs next: its function's name."""
    status: FlowStatus
    attempts: int
    """How often the outside left us without an answer."""
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
    """Nobody goes on with it before."""
    lease_until: datetime | None
    """Until when somebody works on it; a lease that ran out is nobody's."""
    former_region: str | None = None
    """Not stored: the other region of a merchant that moves."""
    fresh: bool = False
    """Not stored: nobody but its beginner has worked on it, so nobody else can have asked the
    outside for anything."""
    due_at: datetime | None = None
    """Not stored: when it would have been its turn, if it was taken up before."""

    @property
    def intent(self) -> None:
        """A flow goes on by itself: nobody names its steps."""
        return None


class Postpone(msgspec.Struct, frozen=True):
    """What an external step brings back when nobody knows: ask again later."""

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


Call: TypeAlias = Callable[[Any, Flow], Awaitable[Any]]
"""(world, flow) -> what to book, or Postpone. Repeatable; no transaction is open."""


class Atomic(msgspec.Struct, frozen=True):
    """A step that is one transaction, shared with everyone who asks for the same just then."""

    step: Step[Any, Answer]


class External(msgspec.Struct, frozen=True):
    """A step that touches the world, and the one that undoes it."""

    call: Call
    undo: Call | None = None


def atomic(step: Step[Any, Answer]) -> Atomic:
    """Declare an atomic step."""
    return Atomic(step)


def external(call: Call, *, undo: Call | None = None) -> External:
    """Declare an external step; `undo` takes back what it did, and may be repeated too."""
    return External(call, undo)


class Saga(Generic[C]):
    """A flow: a name, and what happens, in order.

    It begins with an atomic step; then come pairs of an external step and the atomic step that
    books what it brought back. A flow that is all inside the database ends with the first step, and
    so does each run of a longer one whose first step answers without a `flow`.
    """

    def __init__(self, name: str, begin: Atomic, *steps: External | Atomic) -> None:
        self.name = name
        self.begin = begin
        self.steps = steps
        self._pairs: dict[str, tuple[Call, Atomic]] = {}
        for at in range(0, len(steps), 2):
            outside, book = steps[at : at + 2]
            assert isinstance(outside, External)
            assert isinstance(book, Atomic)
            self._pairs[name_of(outside.call)] = (outside.call, book)
            if outside.undo is not None:
                self._pairs[name_of(outside.undo)] = (outside.undo, book)

    async def start(
        self, group_commit: GroupCommit, region: str, commands: Sequence[C], *, deadline: float
    ) -> Receipt[Answer]:
        """Run the first step alone; `Sagas.run` goes on with the flows that it begins.

        Raises:
            QueueFull, ShuttingDown: nothing was done.
        """
        return await group_commit.submit(self.begin.step, region, commands, deadline=deadline)

    @property
    def recovery_points(self) -> Sequence[str]:
        """Where runs of it may be found after a crash."""
        return tuple(self._pairs)

    def at(self, recovery_point: str) -> tuple[Call, Atomic] | None:
        """The call of a recovery point and the step that books it; none: not of this flow."""
        return self._pairs.get(recovery_point)


def name_of(call: Call) -> str:
    """The recovery point of an external step."""
    return str(getattr(call, "__name__", call))


def pause_after(attempts: int, backoff_ms: Sequence[int]) -> timedelta:
    """How long to wait after `attempts` failures, the last pause again and again."""
    return timedelta(milliseconds=backoff_ms[min(attempts, len(backoff_ms)) - 1])


def end(flow: Flow, now: datetime, note: str | None = None) -> None:
    """The flow is over; why it waited last is kept, for people."""
    flow.status = "done"
    _rest(flow, now, note or flow.note)


def wait(flow: Flow, now: datetime, until: datetime, note: str) -> None:
    """The flow waits for the world: until somebody wakes it, or until then."""
    _rest(flow, now, note)
    flow.next_attempt_at = until


def go_on(flow: Flow, now: datetime, recovery_point: str, note: str) -> None:
    """The flow goes on with another external step, in the same hands."""
    flow.recovery_point = recovery_point
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
    """Nobody knows what happened: try again later, or park it where people see it.

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
    """Nobody goes on with it until people say so."""
    flow.status = "parked"
    _rest(flow, now, why)


def _rest(flow: Flow, now: datetime, note: str | None) -> None:
    flow.lease_until = None
    flow.note = note
    flow.updated_at = now
