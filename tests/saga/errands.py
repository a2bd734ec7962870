"""A flow of the tests' own: an errand that is run outside, and marked in a table when booked.

The world is a script: a coroutine function (flow) -> what the external step brings back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

from app.base import clock, ids
from app.domains.merchants import admin
from app.domains.merchants.reads import find_homes
from app.engine import idempotency
from app.engine.database import Database, GroupCommit, Tx, moving, step
from app.engine.idempotency import PROVISIONAL, Answer, Command, refusal
from app.engine.saga import (
    Booking,
    Flow,
    Postpone,
    Saga,
    Sagas,
    end,
    external,
    find_anywhere,
    go_on,
    insert_flows,
    lock_flows,
    new_flow,
    update_flows,
)
from app.engine.saga.errors import NothingDone
from tests.support.engine import LEAVE, opened

Script: TypeAlias = Callable[[Flow], Awaitable[Any]]
FORGET, UNDO = "forget", "undo"
"""What an external step may bring back; anything else is booked."""


class RunErrand(Command, frozen=True):
    flow_id: UUID


@external("errand")
async def run_errand(world: Script, flow: Flow) -> Any:
    return await world(flow)


@external("errand")
async def undo_errand(world: Script, flow: Flow) -> Any:
    return await world(flow)


@step
async def take_errands(tx: Tx, commands: Sequence[RunErrand]) -> list[Answer]:
    """Begin errands, one per key."""
    claims = await idempotency.claim(tx, commands)
    flows = [
        new_flow(tx, c, run_errand, flow_id=c.flow_id, object_id=c.flow_id) for c in claims.fresh
    ]
    insert_flows(tx, commands[0].region, flows)
    answers = [Answer(PROVISIONAL, "{}", flow=flow) for flow in flows]
    return idempotency.keep(tx, claims, answers)


@step
async def book_errands(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Mark errands that were run, once each."""
    region = bookings[0].region
    keys = {(b.merchant_id, b.flow.id) for b in bookings}
    flows = await lock_flows(tx, region, moving(bookings), keys)
    answers: list[Answer] = []
    marks: list[str] = []
    final: list[tuple[UUID, UUID, Answer]] = []
    forgotten: list[tuple[UUID, UUID]] = []
    for booking in bookings:
        flow = flows[booking.flow.id]
        if not booking.counts_for(flow):
            answers.append(Answer(PROVISIONAL, "{}"))
            continue
        if booking.result == UNDO:
            go_on(flow, clock.now(), undo_errand, "to be undone")
            answers.append(Answer(PROVISIONAL, "{}", flow=flow))
            continue
        end(flow, clock.now())
        if booking.result == FORGET:
            assert flow.key_id is not None
            forgotten.append((flow.merchant_id, flow.key_id))
            answers.append(refusal(NothingDone(), flow.correlation_id))
            continue
        marks.append(f"{flow.recovery_point} {flow.id}")
        answers.append(Answer(201, f'"{booking.result}"'))
        if flow.key_id is not None:
            final.append((flow.merchant_id, flow.key_id, answers[-1]))
    if marks:
        tx.write(LEAVE, lambda: {"names": marks})
    update_flows(tx, region, list(flows.values()))
    idempotency.answer(tx, region, final)
    idempotency.release_keys(tx, region, forgotten)
    return answers


ERRAND = Saga(take_errands, run_errand, book_errands, undo=undo_errand)


class Office:
    """One process that runs errands, in this one; several may share a database."""

    def __init__(self, database: Database, script: Script, merchant_id: UUID) -> None:
        self.database = database
        self.group = GroupCommit(database)
        self.sagas = Sagas(database, self.group, [ERRAND], find_homes, lambda _: script)
        self.merchant_id = merchant_id

    def errand(self, key: str | None = None) -> RunErrand:
        """The command that begins a new errand."""
        intent = None if key is None else idempotency.intent(key, "POST", "/errands", "{}")
        return RunErrand("local", self.merchant_id, intent, "req_errand", None, ids.new())

    async def run(self, errand: RunErrand, wait_s: float = 10.0) -> Answer:
        """The answer to an errand."""
        return (await self.sagas.run(ERRAND, [errand], wait_s=wait_s)).only()

    async def begin(self, errand: RunErrand) -> Flow:
        """Begin an errand, and die before anything else is done."""
        answer = (await self.group.submit(take_errands, "local", [errand])).only()
        assert isinstance(answer.flow, Flow)
        return answer.flow

    async def find(self, flow_id: UUID) -> Flow:
        """The flow as it is stored."""
        flow = await find_anywhere(self.database, flow_id)
        assert flow is not None
        return flow


@asynccontextmanager
async def office(url: str, script: Script, **settings: Any) -> AsyncIterator[Office]:
    """A process on the database, with a merchant of its own."""
    async with opened(url, **settings) as database:
        merchant = await admin.create_merchant(database, name="stall", home_region="local")
        made = Office(database, script, merchant.id)
        yield made
        await made.group.close(5.0)


class Outside:
    """A script that counts what it is asked, and answers as it is told."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)
        self.asked: list[Flow] = []

    async def __call__(self, flow: Flow) -> Any:
        """The next result; the last one again and again. An exception is raised."""
        self.asked.append(flow)
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


NOBODY_KNOWS = Postpone("nobody knows")
