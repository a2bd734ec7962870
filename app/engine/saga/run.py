"""Running flows: beginning them, going on with them, resuming what a dead process left.

The process that begins a flow holds its lease and drives it. If that process dies, the lease runs
out and a worker takes the flow up at its recovery point. Two that drive the same flow do no harm:
a processor acts once per reference, and the step that books locks the flow's row first.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from app.base import clock
from app.base.errors import PlatformError, Unavailable
from app.base.telemetry import describe, log, metrics
from app.engine import idempotency
from app.engine.database import Database, GroupCommit, Placed, Receipt, Step, faults
from app.engine.database.errors import ShuttingDown
from app.engine.database.faults import FaultPoint
from app.engine.idempotency import Answer, Command
from app.engine.saga import store
from app.engine.saga.errors import NothingDone
from app.engine.saga.model import Begins, Booking, Flow, Postpone, Saga
from app.engine.saga.steps import TakeFlow, postpone_flows, take_flows

C = TypeVar("C", bound=Command)
T = TypeVar("T")
Outcome: TypeAlias = Answer | Exception

Homes: TypeAlias = Callable[
    [Database, Iterable[UUID]], Awaitable[Mapping[UUID, tuple[str, str | None]]]
]
"""Merchants -> (home region, former region), as they are now."""

ROUNDS_MAX = 8  # external steps of one drive: each route of a payment, and what undoes it
WAIT_S = 10.0  # how long an answer waits for its flow, where the client does not say
DRIVES_OF_ONE_MAX = 64  # at a time, of one bulk request: a quarter of a processor's places
DRIVES_MAX = 20_000  # flows one process drives at a time; what is beyond that a worker resumes
_ASKS_MAX = 2  # the first may meet an asking that began before; the second one is ours, or later
_POLL_MIN_S, _POLL_MAX_S = 0.02, 0.5  # between looks at what another process drives
_HOME_KNOWN_S = 5.0  # a mover waits for a request's time (20 s); a booking takes the rest of it


class Sagas:
    """The flows of one process."""

    def __init__(
        self,
        database: Database,
        group_commit: GroupCommit,
        sagas: Iterable[Saga[Any]],
        homes: Homes,
        world: Callable[["Sagas"], Any],
    ) -> None:
        self.database = database
        self.group_commit = group_commit
        self.sagas = {saga.name: saga for saga in sagas}
        self._homes = homes
        self._driving: dict[UUID, asyncio.Task[Answer | None]] = {}
        self.world = world(self)
        """What external steps are given; it knows the flows, and may go on with them."""

    async def run(
        self,
        what: Begins[C],
        commands: Sequence[C],
        *,
        deadline: float | None = None,
        wait_s: float = WAIT_S,
    ) -> Receipt[Answer]:
        """The answers of `commands`, in order, once they are durable; they are of one merchant.

        An answer that is provisional is replaced by its flow's own if that ends within `wait_s`.
        Where it does not, the flow goes on in the background, and a worker resumes it if this
        process dies.

        Args:
            deadline: on `clock.monotonic()`; the request timeout from now where none is given.
            wait_s: how long an answer waits for its flow; never beyond `deadline`.

        Raises:
            QueueFull, ShuttingDown: nothing was done, for none of them. Whatever happens later is
                the outcome of its own command.
        """
        step = what.begin if isinstance(what, Saga) else what
        deadline = self.database.deadline() if deadline is None else deadline
        region = commands[0].region
        receipt = await self.group_commit.submit(step, region, commands, deadline=deadline)
        if not any(map(_goes_on, receipt.outcomes)):
            return receipt
        until = min(clock.monotonic() + wait_s, deadline)
        # One caller with thousands of flows must not take all places of a processor.
        gate = asyncio.Semaphore(DRIVES_OF_ONE_MAX)
        for outcome in receipt.outcomes if len(commands) > 1 else ():
            if isinstance(outcome, Answer) and outcome.flow is not None:
                self.drive(outcome.flow, gate)
        following = [
            self._follow(step, command, outcome, deadline, until)
            for command, outcome in zip(commands, receipt.outcomes, strict=True)
        ]
        return Receipt(await asyncio.gather(*following), receipt.batch_size)

    async def run_all(
        self, what: Begins[C], commands: Sequence[C], *, deadline: float | None = None
    ) -> list[Answer | BaseException]:
        """The outcomes of `commands` of many merchants, in order; none waits for its flow.

        Each merchant's are a call of `run` of their own, so that no merchant, and no region, waits
        for another one's. What a call raises is the outcome of each of its commands.
        """
        calls: defaultdict[tuple[str, UUID], list[int]] = defaultdict(list)
        for at, command in enumerate(commands):
            calls[command.region, command.merchant_id].append(at)
        receipts = await asyncio.gather(
            *[
                self.run(what, [commands[at] for at in places], deadline=deadline, wait_s=0.0)
                for places in calls.values()
            ],
            return_exceptions=True,
        )
        outcomes: dict[int, Answer | BaseException] = {}
        for places, receipt in zip(calls.values(), receipts, strict=True):
            if isinstance(receipt, BaseException):
                outcomes.update(dict.fromkeys(places, receipt))
            else:
                outcomes.update(zip(places, receipt.outcomes, strict=True))
        return [outcomes[at] for at in range(len(commands))]

    async def close(self, timeout_s: float) -> None:
        """Finish the flows in hand, within `timeout_s`; workers resume the others."""
        tasks = set(self._driving.values())
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    async def _follow(
        self, step: Step[C, Answer], command: C, outcome: Outcome, deadline: float, until: float
    ) -> Outcome:
        """The outcome of one command by `until`, which is its own whatever becomes of others.

        Once the first step is durable, no error may say that nothing was done. Where what follows
        cannot be looked at (the database is unreachable, the queue full), what is known stands: a
        provisional answer, whose flow goes on, or why the command waits.
        """
        if not _goes_on(outcome):
            return outcome
        assert isinstance(outcome, Answer)
        try:
            return await self._follow_on(step, command, outcome, deadline, until)
        except Unavailable as error:
            log.warning("flow_not_followed", step=step.name, **describe(error))
            return msgspec.structs.replace(outcome, flow=None)
        except Exception as error:  # noqa: BLE001 - it must not take the others along
            return error

    async def _follow_on(
        self, step: Step[C, Answer], command: C, outcome: Answer, deadline: float, until: float
    ) -> Outcome:
        if outcome.waits_for is not None:
            return await self._retry_after(step, command, outcome, deadline, until)
        if outcome.flow is not None:
            answer = await _within(self.drive(outcome.flow), until)
            outcome = msgspec.structs.replace(outcome, flow=None)
            if answer is None:
                return outcome
            # Provisional: another process has taken the flow over, and keeps its answer.
            return await self._poll(command, outcome, until) if answer.is_provisional else answer
        return await self._poll(command, outcome, until)

    async def _retry_after(
        self, step: Step[C, Answer], command: C, outcome: Answer, deadline: float, until: float
    ) -> Outcome:
        """Run a command again once the flow that it waits for has ended.

        The processor is asked at once, and not again and again: an outcome that is unknown now will
        still be unknown a moment later. The time that is left is for those that ask in their
        pauses.
        """
        asked, pause = 0, _POLL_MIN_S
        while outcome.waits_for is not None:
            if asked < _ASKS_MAX:
                await self.advance(command, outcome.waits_for, until=until)
                asked += 1
            else:
                await asyncio.sleep(min(pause, max(0.0, until - clock.monotonic())))
                pause = min(2 * pause, _POLL_MAX_S)
            latest = await self._run_alone(step, command, deadline)
            if isinstance(latest, Exception):
                return latest
            if latest.waits_for is None:
                return await self._follow(step, command, latest, deadline, until)
            outcome = latest
            if clock.monotonic() >= until:
                return await self._insist(step, command, latest, deadline)
        return outcome

    async def _insist(
        self, step: Step[C, Answer], command: C, outcome: Answer, deadline: float
    ) -> Outcome:
        """The last word on a command that waited in vain: one that can insist does so."""
        if not hasattr(command, "insist"):
            return outcome
        insisting = msgspec.structs.replace(command, insist=True)
        latest = await self._run_alone(step, insisting, deadline)
        if isinstance(latest, Answer) and latest.flow is not None:
            self.drive(latest.flow)
            return msgspec.structs.replace(latest, flow=None)
        return latest

    async def _run_alone(self, step: Step[C, Answer], command: C, deadline: float) -> Outcome:
        """The first step's outcome for one command that is run again."""
        receipt = await self.group_commit.submit(step, command.region, [command], deadline=deadline)
        return receipt.outcomes[0]

    async def _poll(self, command: Command, outcome: Answer, until: float) -> Outcome:
        """The final answer under a key whose flow another process drives."""
        if command.intent is None:
            return outcome
        regions = command.regions
        pause, missed = _POLL_MIN_S, False
        while clock.monotonic() < until:
            await asyncio.sleep(min(pause, max(0.0, until - clock.monotonic())))
            pause = min(2 * pause, _POLL_MAX_S)
            latest = await idempotency.find_answer(
                self.database, regions, command.merchant_id, command.intent
            )
            if latest is None and missed:
                # The key was released, because surely nothing was done: a repetition begins anew.
                return NothingDone()
            # A row that moves between regions may be missed once, by two looks in a row.
            missed = latest is None
            if latest is not None and not latest.is_provisional:
                return latest
        return outcome

    def drive(
        self, flow: Flow, gate: asyncio.Semaphore | None = None
    ) -> "asyncio.Task[Answer | None]":
        """Go on with a flow whose lease this process has; its answer, or none if it waits.

        Args:
            gate: to be passed first; a flow whose lease runs out meanwhile is left to a worker.
        """
        known = self._driving.get(flow.id)
        if known is not None:
            return known
        work = self._drive(flow) if gate is None else self._drive_through(gate, flow)
        task = asyncio.get_running_loop().create_task(work)
        self._driving[flow.id] = task
        task.add_done_callback(lambda _: self._driving.pop(flow.id, None))
        return task

    async def advance(self, place: Placed, flow_id: UUID, *, until: float) -> bool:
        """Go on with a flow now, parked or not; returns whether it is in no hands any more.

        Where another process has its lease, this one looks on until it has ended or time is up.
        """
        pause = _POLL_MIN_S
        while True:
            task = self._driving.get(flow_id)
            if task is None:
                taken = await self._take(place, flow_id)
                task = self.drive(taken) if taken is not None else None
            if task is not None:
                await _within(task, until)
                return task.done()
            merchant_id = place.merchant_id
            flow = await store.find_flow(self.database, place.regions, merchant_id, flow_id)
            if flow is None or flow.status != "running":
                return True
            if clock.monotonic() + pause > until:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _POLL_MAX_S)

    async def _take(self, place: Placed, flow_id: UUID) -> Flow | None:
        take = TakeFlow(
            place.region, place.merchant_id, flow_id, place.former_region, even_parked=True
        )
        (outcome,) = await self._submit(take_flows, place.region, [take])
        return outcome.flow if isinstance(outcome, Answer) else None

    async def resume(self, flows: Sequence[Flow]) -> int:
        """Take up flows that are due and go on with them; returns how many ended or moved on."""
        homes = await self._homes(self.database, [flow.merchant_id for flow in flows])
        by_merchant: dict[UUID, list[TakeFlow]] = {}
        for flow in flows:
            if flow.id in self._driving or len(self._driving) >= DRIVES_MAX:
                continue
            home, former = homes.get(flow.merchant_id, (flow.region, None))
            take = TakeFlow(home, flow.merchant_id, flow.id, former)
            by_merchant.setdefault(flow.merchant_id, []).append(take)
        taken = await asyncio.gather(
            *[self._submit(take_flows, takes[0].region, takes) for takes in by_merchant.values()]
        )
        tasks = [
            self.drive(outcome.flow)
            for outcomes in taken
            for outcome in outcomes
            if isinstance(outcome, Answer) and outcome.flow is not None
        ]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        metrics.flows_resumed.inc(len(tasks))
        for bug in answers:
            if isinstance(bug, Exception):
                # Its lease runs out; the others of its page have moved on all the same.
                log.error("flow_failed", **describe(bug))
        return sum(isinstance(answer, Answer) for answer in answers)

    async def _drive_through(self, gate: asyncio.Semaphore, flow: Flow) -> Answer | None:
        async with gate:
            if flow.lease_until is None or flow.lease_until <= clock.now():
                return None
            return await self._drive(flow)

    async def _drive(self, flow: Flow) -> Answer | None:
        """External step, booking, and again, until the flow ends or waits."""
        known_at = clock.monotonic()
        for _ in range(ROUNDS_MAX):
            result = await self._call(flow)
            if clock.monotonic() - known_at > _HOME_KNOWN_S:
                try:
                    homes = await self._homes(self.database, [flow.merchant_id])
                except PlatformError as error:
                    # As where it cannot be booked: the lease runs out.
                    log.warning("flow_not_booked", flow=flow.name, **describe(error))
                    return None
                flow.region, flow.former_region = homes[flow.merchant_id]
                known_at = clock.monotonic()
            outcome = await self._book(flow, result)
            if isinstance(outcome, Exception) or isinstance(result, Postpone):
                return None
            if outcome.flow is None:
                return outcome
            flow = outcome.flow
        return None

    async def _call(self, flow: Flow) -> Any:
        """What the external step brought back; one that fails is a bug, and is tried again."""
        saga = self.sagas.get(flow.name)
        ask = None if saga is None else saga.recovery_points.get(flow.recovery_point)
        if ask is None:
            # Of a newer version, or of none: people have to look at it.
            return Postpone(f"nobody here knows {flow.name} at {flow.recovery_point}")
        faults.hit(FaultPoint.BEFORE_EXTERNAL)
        try:
            result = await ask(self.world, flow)
        except PlatformError as error:
            result = Postpone(error.code)
        except Exception as error:  # noqa: BLE001 - the flow must not be lost with the task
            log.error("flow_failed", flow=flow.name, id=str(flow.id), **describe(error))
            result = Postpone(f"bug: {type(error).__name__}")
        faults.hit(FaultPoint.AFTER_EXTERNAL)
        return result

    async def _book(self, flow: Flow, result: Any) -> Outcome:
        """Make what the external step brought back durable."""
        if isinstance(result, Postpone):
            metrics.flows_postponed.labels(flow.name).inc()
            step = postpone_flows
        else:
            step = self.sagas[flow.name].book
        (outcome,) = await self._submit(step, flow.region, [Booking(flow, result)])
        if isinstance(outcome, Exception):
            # The lease runs out, and a worker asks the processor again.
            log.warning("flow_not_booked", flow=flow.name, id=str(flow.id), **describe(outcome))
        elif outcome.flow is not None:
            outcome.flow.former_region = flow.former_region
            outcome.flow.fresh = flow.fresh
        return outcome

    async def _submit(
        self, step: Step[T, Answer], region: str, commands: Sequence[T]
    ) -> Sequence[Outcome]:
        try:
            receipt = await self.group_commit.submit(step, region, commands)
        except (PlatformError, ShuttingDown) as error:
            return [error] * len(commands)
        return receipt.outcomes


def _goes_on(outcome: Outcome) -> bool:
    """Whether there is more to an outcome than its answer."""
    return isinstance(outcome, Answer) and (
        outcome.flow is not None or outcome.waits_for is not None or outcome.is_provisional
    )


async def _within(task: "asyncio.Task[Answer | None]", until: float) -> Answer | None:
    """The task's answer if it has one in time; it goes on otherwise."""
    await asyncio.wait({task}, timeout=max(0.0, until - clock.monotonic()))
    return task.result() if task.done() else None
