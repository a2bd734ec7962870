"""Group commit: requests that arrive while a commit is under way form the next batch.

There is no timer. An idle process commits a lone command at once; a busy one commits hundreds with
one fsync, one round of consensus and one lock of each hot account. Everyone gets their own answer,
and no command before it is durable.

Several batches may be in flight, but never two on one merchant: batches that met on a row would
abort each other, and a merchant's commands of one kind keep their order.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar, overload
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.base.errors import InvariantViolated, PlatformError
from app.base.telemetry import describe, log, metrics
from app.engine.database.engine import Database
from app.engine.database.errors import DeadlineExceeded, QueueFull, ShuttingDown
from app.engine.database.transaction import Tx, Writer, transact

C = TypeVar("C")
Out = TypeVar("Out")

# A batch that takes longer than this, and than twice the usual, waits for something, and others
# need not wait with it. What is usual depends on the database: a batch of 128 took 20 ms on
# PostgreSQL and 100 ms on CockroachDB (two cores), and small ones side by side take far longer.
_YOUNG_S, _YOUNG_S_MAX, _YOUNG_FACTOR = 0.05, 1.0, 2.0
_TIMER_S = 0.002  # a loop's clock may be a millisecond behind
_USUAL_WEIGHT = 0.2  # of the newest batch; some ten batches make a habit

Work: TypeAlias = Callable[[Tx, Sequence[C]], Awaitable[Sequence[Out]]]


class Step(Generic[C, Out]):
    """An atomic step: many commands of one kind and region in, one outcome for each out, in order.

    Called like the function that it was declared with, it works in the caller's transaction.
    """

    def __init__(self, work: Work[C, Out], batch_size_max: int | None = None) -> None:
        self.name = work.__name__
        """In metrics and logs."""
        self.work = work
        self.batch_size_max = batch_size_max
        """Where its commands are too large for as many as the settings allow."""

    def __call__(self, tx: Tx, commands: Sequence[C]) -> Awaitable[Sequence[Out]]:
        """The outcomes, durable when `tx` is."""
        return self.work(tx, commands)


@overload
def step(work: Work[C, Out], /) -> Step[C, Out]: ...
@overload
def step(*, batch_size_max: int) -> Callable[[Work[C, Out]], Step[C, Out]]: ...
def step(work: Any = None, /, *, batch_size_max: int | None = None) -> Any:
    """Declare an atomic step: `@step`, or `@step(batch_size_max=16)`."""
    if work is None:
        return lambda work: Step(work, batch_size_max)
    return Step(work, batch_size_max)


Outcomes: TypeAlias = Sequence[Out | Exception]
"""An exception stands where a command failed for itself alone; refusals are ordinary outcomes."""


class Receipt(msgspec.Struct, Generic[Out], frozen=True):
    """What a caller gets back: its outcomes, and how many commands shared its commit."""

    outcomes: Sequence[Out | Exception]
    batch_size: int

    def only(self) -> Out:
        """The outcome of a lone command; where that failed, its exception is raised."""
        (outcome,) = self.outcomes
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class _Parcel(msgspec.Struct, eq=False):
    """Commands of one caller that stay together, and the caller's future."""

    commands: Sequence[Any]
    merchant_id: UUID | None
    future: "asyncio.Future[Receipt[Any]]"
    arrived: float
    deadline: float


class _Slot:
    """The right to have one batch in flight, with what batches must not share."""

    def __init__(self, stripe: int) -> None:
        self.stripe = stripe
        self._writers: dict[str, Writer] = {}

    def writer(self, region: str) -> Writer:
        """The journal chain this slot extends in a region."""
        if region not in self._writers:
            self._writers[region] = Writer(self.stripe)
        return self._writers[region]


class GroupCommit:
    """The lanes of one process: one per region and step."""

    def __init__(self, database: Database, *, fenced: bool = True) -> None:
        """Commit on `database`; `fenced`: steps book or append events (see `fences`)."""
        self.database = database
        self.fenced = fenced
        self._lanes: dict[tuple[str, Step[Any, Any]], _Lane] = {}
        # Processes begin at a stripe of their own choice, their slots at one after the other.
        first = ids.new().int
        self._free = [_Slot(first + number) for number in range(database.writers)]
        self._busy: set[tuple[str, UUID | None]] = set()
        """(region, merchant) of the batches in flight."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = False
        self._closed = False

    async def submit(
        self,
        step: Step[C, Out],
        region: str,
        commands: Sequence[C],
        *,
        deadline: float | None = None,
    ) -> Receipt[Out]:
        """The outcomes of `commands`, in order, once they are durable.

        Commands of one call belong to one merchant. The caller may be cancelled: what was queued
        commits (or not) all the same, because a cancelled wait cancels nothing but itself. What
        failed without an answer (`Unavailable`, a bug) comes back as an exception in its command's
        place.

        Args:
            deadline: on `clock.monotonic()`; the request timeout from now where none is given.

        Raises:
            QueueFull, ShuttingDown: nothing was done.
        """
        if self._closed:
            raise ShuttingDown
        lane = self._lanes.get((region, step))
        if lane is None:
            lane = self._lanes[region, step] = _Lane(self, region, step)
        futures = lane.put(commands, self.database.deadline() if deadline is None else deadline)
        if not self._starting:
            # Not at once: requests that arrived with this one are still being read.
            self._starting = True
            asyncio.get_running_loop().call_soon(self._start)
        receipts = [await future for future in futures]
        if len(receipts) == 1:
            return receipts[0]
        outcomes = [outcome for receipt in receipts for outcome in receipt.outcomes]
        return Receipt(outcomes, max(receipt.batch_size for receipt in receipts))

    async def close(self, timeout_s: float) -> None:
        """Take no more commands, and finish what is queued within `timeout_s`."""
        self._closed = True
        self._start()
        end = clock.monotonic() + timeout_s
        # A batch that ends starts the next one, until the queues are empty.
        while self._tasks and (left := end - clock.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left)

    def _start(self) -> None:
        """Start batches while there are free slots and commands that may run."""
        self._starting = False
        for key, lane in list(self._lanes.items()):
            while self._free and (parcels := lane.take(self._busy)):
                # To the end of the line, so that no kind of command starves another.
                self._lanes[key] = self._lanes.pop(key)
                slot = self._free.pop()
                merchants = {(lane.region, parcel.merchant_id) for parcel in parcels}
                self._busy |= merchants
                task = asyncio.get_running_loop().create_task(
                    self._run(lane, parcels, merchants, slot)
                )
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _run(
        self,
        lane: "_Lane",
        parcels: Sequence[_Parcel],
        merchants: set[tuple[str, UUID | None]],
        slot: _Slot,
    ) -> None:
        """Commit one batch; then its slot and its merchants are free for the next."""
        # Somewhat later than that, because timers are not exact.
        asyncio.get_running_loop().call_later(lane.young_s + _TIMER_S, self._start)
        try:
            await lane.commit(parcels, slot.writer(lane.region))
        finally:
            self._free.append(slot)
            self._busy -= merchants
            self._start()


class _Lane:
    """The queue of one kind of command in one region."""

    def __init__(self, group: GroupCommit, region: str, step: Step[Any, Any]) -> None:
        settings = group.database.settings
        self.database = group.database
        self.region = region
        self.fenced_region = region if group.fenced else None
        self.step = step
        most = step.batch_size_max or settings.batch_size_max
        self.batch_size_max = min(most, settings.batch_size_max)
        self.length_max = settings.queue_length_max
        self.queue: deque[_Parcel] = deque()
        self.aside: dict[UUID | None, deque[_Parcel]] = {}
        """Parcels that were passed over because their merchant was busy, and are before what is in
        the queue. Each is put here once, so that passing over many costs no more than queueing."""
        self.length = 0
        self.lengths: Counter[UUID | None] = Counter()
        """Of it, by merchant."""
        self.running = 0
        """Batches in flight."""
        self.started = 0.0
        """When the newest of them began."""
        self.usual_s = 0.0
        """How long a commit takes lately."""
        self.young_s = _YOUNG_S
        """For how long the newest batch in flight is one that simply takes its time."""

    def put(self, commands: Sequence[Any], deadline: float) -> list["asyncio.Future[Receipt[Any]]"]:
        """Queue commands, in parcels no larger than a batch."""
        merchant_id = _merchant_of(commands[0])
        # Who is busy is known by the first one: another merchant's would meet its own batch.
        assert all(_merchant_of(each) == merchant_id for each in commands), "of several merchants"
        if self.length + len(commands) > self.length_max or self._is_greedy(merchant_id, commands):
            raise QueueFull
        loop = asyncio.get_running_loop()
        now = clock.monotonic()
        futures = []
        for at in range(0, len(commands), self.batch_size_max):
            part = commands[at : at + self.batch_size_max]
            parcel = _Parcel(part, merchant_id, loop.create_future(), now, deadline)
            self.queue.append(parcel)
            futures.append(parcel.future)
        self.length += len(commands)
        self.lengths[merchant_id] += len(commands)
        return futures

    def _is_greedy(self, merchant_id: UUID | None, commands: Sequence[Any]) -> bool:
        """Whether a merchant that has to wait would take the room that others need."""
        if merchant_id is None or merchant_id not in self.aside:
            return False
        # Half of the room has a bulk request of the largest size.
        return self.lengths[merchant_id] + len(commands) > self.length_max // 2

    def take(self, busy: set[tuple[str, UUID | None]]) -> list[_Parcel]:
        """The next batch: whole parcels, as many as fit, in order, of merchants that are not busy.

        While a batch of this lane is in flight, another begins only if it is large, as small ones
        side by side cost more than one after the other; or if the first takes long, so that a
        merchant who has to wait for a lock does not hold up all others.
        """
        small = self.length < self.batch_size_max // 2
        if self.running and small and clock.monotonic() - self.started < self.young_s:
            return []
        taken: list[_Parcel] = []
        size = 0
        now = clock.monotonic()
        for line in self._lines(busy):
            if size + len(line[0].commands) > self.batch_size_max:
                break
            parcel = line.popleft()
            self._leave(parcel)
            if parcel.deadline <= now:
                _expire(parcel)
                continue
            taken.append(parcel)
            size += len(parcel.commands)
        if taken:
            self.running += 1
            self.started = now
            self.young_s = min(_YOUNG_S_MAX, max(_YOUNG_S, _YOUNG_FACTOR * self.usual_s))
            metrics.batch_size.labels(self.step.name).observe(size)
            metrics.queue_seconds.labels(self.step.name).observe(now - taken[0].arrived)
        return taken

    def _lines(self, busy: set[tuple[str, UUID | None]]) -> Iterator[deque[_Parcel]]:
        """Where the next parcel is that may run, again and again; each is taken before the next.

        First come those that were passed over; then the queue, of which those of busy merchants
        are passed over now.
        """
        for merchant_id in [m for m in self.aside if (self.region, m) not in busy]:
            while line := self.aside[merchant_id]:
                yield line
            del self.aside[merchant_id]
        while self.queue:
            merchant_id = self.queue[0].merchant_id
            if (self.region, merchant_id) in busy:
                self.aside.setdefault(merchant_id, deque()).append(self.queue.popleft())
            else:
                yield self.queue

    def _leave(self, parcel: _Parcel) -> None:
        """Give back the room of a parcel that waits no longer."""
        self.length -= len(parcel.commands)
        self.lengths[parcel.merchant_id] -= len(parcel.commands)
        if not self.lengths[parcel.merchant_id]:
            del self.lengths[parcel.merchant_id]

    async def commit(self, parcels: Sequence[_Parcel], writer: Writer) -> None:
        """Commit a batch and hand everyone their outcomes."""
        commands = [command for parcel in parcels for command in parcel.commands]
        deadline = max(parcel.deadline for parcel in parcels)
        started = clock.monotonic()
        outcomes: Outcomes[Any] = [InvariantViolated("the batch ended without outcomes")]
        try:
            outcomes = await self._outcomes(commands, deadline, writer)
            taken_s = clock.monotonic() - started
            self.usual_s += _USUAL_WEIGHT * (min(taken_s, _YOUNG_S_MAX) - self.usual_s)
            metrics.commit_seconds.labels(self.step.name).observe(taken_s)
        finally:
            # Whatever fails here, every waiting command gets an outcome.
            self.running -= 1
            self._hand_out(parcels, outcomes, len(commands))

    @staticmethod
    def _hand_out(parcels: Sequence[_Parcel], outcomes: Outcomes[Any], size: int) -> None:
        if len(outcomes) != size:
            outcomes = [outcomes[0]] * size
        at = 0
        for parcel in parcels:
            end = at + len(parcel.commands)
            if not parcel.future.done():
                parcel.future.set_result(Receipt(outcomes[at:end], size))
            at = end

    async def _outcomes(
        self, commands: Sequence[Any], deadline: float, writer: Writer
    ) -> Outcomes[Any]:
        """One outcome per command; an unexpected error halves the batch until it stands alone."""

        async def work(tx: Tx) -> Sequence[Any]:
            outcomes: Sequence[Any] = await self.step.work(tx, commands)
            if len(outcomes) != len(commands):
                message = (
                    f"{self.step.name} gave {len(outcomes)} outcomes for {len(commands)} commands"
                )
                raise InvariantViolated(message)
            return outcomes

        try:
            return await transact(
                self.database, work, region=self.fenced_region, deadline=deadline, writer=writer
            )
        except PlatformError as error:
            return [error] * len(commands)
        except Exception as error:  # noqa: BLE001 - it must not take the others along
            log.error(
                "batch_failed", kind=self.step.name, commands=len(commands), **describe(error)
            )
            if len(commands) == 1:
                return [error]
            metrics.bisected.inc()
            middle = len(commands) // 2
            return [
                *await self._outcomes(commands[:middle], deadline, writer),
                *await self._outcomes(commands[middle:], deadline, writer),
            ]


def _merchant_of(command: Any) -> UUID | None:
    merchant_id: UUID | None = getattr(command, "merchant_id", None)
    return merchant_id


def _expire(parcel: _Parcel) -> None:
    """Tell a caller that nothing was done in time."""
    if not parcel.future.done():
        parcel.future.set_result(Receipt([DeadlineExceeded()] * len(parcel.commands), 0))
