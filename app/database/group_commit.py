"""Group commit: requests that arrive while a commit is under way form the next batch.

There is no timer. An idle lane commits a lone command at once; a busy one commits hundreds with one
fsync, one round of consensus and one lock of each hot account. Everyone gets their own answer, and
nobody before it is durable.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from app import clock
from app.database.engine import Database
from app.database.errors import DeadlineExceeded, QueueFull, ShuttingDown
from app.database.transact import Tx, Writer, transact
from app.errors import InvariantViolated, PlatformError
from app.telemetry import describe, log, metrics

C = TypeVar("C")
Out = TypeVar("Out")

Step: TypeAlias = Callable[[Tx, Sequence[C]], Awaitable[Sequence[Out]]]
"""An atomic step: many commands of one kind and region in, one outcome for each out, in order."""

Outcomes: TypeAlias = Sequence[Out | Exception]
"""An exception stands where a command failed for itself alone; refusals are ordinary outcomes."""


class Receipt(msgspec.Struct, Generic[Out], frozen=True):
    """What a caller gets back: its outcomes, and how many commands shared its commit."""

    outcomes: Sequence[Out | Exception]
    batch_size: int


class _Parcel(msgspec.Struct, eq=False):
    """Commands of one caller that stay together, and the caller's future."""

    commands: Sequence[Any]
    future: "asyncio.Future[Receipt[Any]]"
    arrived: float
    deadline: float


class GroupCommit:
    """The lanes of one process: one per region and step."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._closed = False
        # A batch is taken from its queue only when it can run, so it is as large as it can be.
        self.slots = asyncio.Semaphore(database.writers)

    async def submit(
        self, step: Step[C, Out], region: str, commands: Sequence[C], *, deadline: float
    ) -> Receipt[Out]:
        """The outcomes of `commands`, in order, once they are durable.

        The caller may go away: what was queued commits (or not) all the same, because a cancelled
        wait cancels nothing but itself. What failed without an answer (`Unavailable`, a bug) comes
        back as an exception in its command's place.

        Raises:
            QueueFull, ShuttingDown: nothing was done.
        """
        if self._closed:
            raise ShuttingDown
        name = getattr(step, "__name__", "step")
        lane = self._lanes.get((region, name))
        if lane is None:
            lane = self._lanes[region, name] = _Lane(self, name, step)
        futures = lane.put(commands, deadline)
        receipts = [await future for future in futures]
        if len(receipts) == 1:
            return receipts[0]
        outcomes = [outcome for receipt in receipts for outcome in receipt.outcomes]
        return Receipt(outcomes, max(receipt.batch_size for receipt in receipts))

    async def close(self, timeout_s: float) -> None:
        """Take no more commands, and finish what is queued within `timeout_s`."""
        self._closed = True
        tasks = [task for lane in self._lanes.values() for task in lane.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)


class _Lane:
    """The queue of one kind of command in one region."""

    def __init__(self, owner: GroupCommit, name: str, step: Step[Any, Any]) -> None:
        settings = owner.database.settings
        self.owner = owner
        self.name = name
        self.step = step
        self.batch_size_max = settings.batch_size_max
        self.length_max = settings.queue_length_max
        self.queue: deque[_Parcel] = deque()
        self.length = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.running = 0
        """Runners that will look at the queue again; a task that is about to end no longer does."""
        self.writers: list[Writer] = []
        """Journal chains no running batch uses; a chain is used by one batch at a time."""

    def put(self, commands: Sequence[Any], deadline: float) -> list["asyncio.Future[Receipt[Any]]"]:
        """Queue commands, in parcels no larger than a batch, and see that somebody runs them."""
        if self.length + len(commands) > self.length_max:
            raise QueueFull
        loop = asyncio.get_running_loop()
        now = clock.monotonic()
        futures = []
        for at in range(0, len(commands), self.batch_size_max):
            part = commands[at : at + self.batch_size_max]
            parcel = _Parcel(part, loop.create_future(), now, deadline)
            self.queue.append(parcel)
            futures.append(parcel.future)
        self.length += len(commands)
        if self.running < self.owner.database.writers:
            self.running += 1
            task = loop.create_task(self._run())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return futures

    async def _run(self) -> None:
        """Commit batch after batch until the queue is empty."""
        writer = self.writers.pop() if self.writers else Writer()
        try:
            while self.queue:
                async with self.owner.slots:
                    parcels = self._take()
                    if parcels:
                        await self._commit(parcels, writer)
        finally:
            self.writers.append(writer)
            self.running -= 1

    def _take(self) -> list[_Parcel]:
        """The next batch: whole parcels, as many as fit, without those nobody waits for."""
        taken: list[_Parcel] = []
        size = 0
        now = clock.monotonic()
        while self.queue and size + len(self.queue[0].commands) <= self.batch_size_max:
            parcel = self.queue.popleft()
            self.length -= len(parcel.commands)
            if parcel.deadline <= now:
                if not parcel.future.done():
                    expired = [DeadlineExceeded()] * len(parcel.commands)
                    parcel.future.set_result(Receipt(expired, 0))
                continue
            taken.append(parcel)
            size += len(parcel.commands)
        if taken:
            metrics.batch_size.labels(self.name).observe(size)
            metrics.queue_seconds.labels(self.name).observe(now - taken[0].arrived)
        return taken

    async def _commit(self, parcels: Sequence[_Parcel], writer: Writer) -> None:
        """Commit a batch and hand everyone their outcomes."""
        commands = [command for parcel in parcels for command in parcel.commands]
        deadline = max(parcel.deadline for parcel in parcels)
        started = clock.monotonic()
        outcomes: Outcomes[Any] = [InvariantViolated("the batch ended without outcomes")]
        try:
            outcomes = await self._outcomes(commands, deadline, writer)
            metrics.commit_seconds.labels(self.name).observe(clock.monotonic() - started)
        finally:
            # Whatever happens here, nobody is left waiting for ever.
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
            outcomes: Sequence[Any] = await self.step(tx, commands)
            if len(outcomes) != len(commands):
                message = f"{self.name} gave {len(outcomes)} outcomes for {len(commands)} commands"
                raise InvariantViolated(message)
            return outcomes

        try:
            return await transact(self.owner.database, work, deadline=deadline, writer=writer)
        except PlatformError as error:
            return [error] * len(commands)
        except Exception as error:  # noqa: BLE001 - it must not take the others along
            log.error("batch_failed", kind=self.name, commands=len(commands), **describe(error))
            if len(commands) == 1:
                return [error]
            metrics.bisected.inc()
            middle = len(commands) // 2
            return [
                *await self._outcomes(commands[:middle], deadline, writer),
                *await self._outcomes(commands[middle:], deadline, writer),
            ]
