"""The atomic steps that every flow shares: to take it up, to put it off, to wake it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from app.engine.database import Database, Tx, moving, regions_of, step, transact
from app.engine.idempotency import Answer
from app.engine.saga import model, store
from app.engine.saga.model import Booking, Flow, Postpone

TAKEN = 200
NOT_TAKEN = 409


class TakeFlow(msgspec.Struct, frozen=True):
    """Take up a flow that no process has."""

    region: str
    merchant_id: UUID
    flow_id: UUID
    former_region: str | None = None
    even_parked: bool = False
    """Take a parked flow as well, because there is news or a request waits for it."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Where to look for its merchant's rows outside a transaction, in this order."""
        return regions_of(self.region, self.former_region)


@step
async def take_flows(tx: Tx, commands: Sequence[TakeFlow]) -> list[Answer]:
    """Lease flows; one that is over, parked or in other hands is answered 409, without a `flow`.

    A lease that ran out counts as an attempt without an answer, because its holder may have asked
    the processor. So a flow that ends every process that takes it up is parked in the end.
    """
    region = commands[0].region
    keys = {(c.merchant_id, c.flow_id) for c in commands}
    flows = await store.lock_flows(tx, region, moving(commands), keys)
    now = tx.now
    lease_until = now + timedelta(milliseconds=tx.settings.saga_lease_ms)
    answers: list[Answer] = []
    taken: list[Flow] = []
    for command in commands:
        flow = flows.get(command.flow_id)
        if flow is None or not _is_free(flow, even_parked=command.even_parked):
            answers.append(Answer(NOT_TAKEN, ""))
            continue
        if flow.lease_until is not None and flow.lease_until > now:
            answers.append(Answer(NOT_TAKEN, ""))
            continue
        if flow.lease_until is not None:
            flow.attempts += 1
            if flow.attempts >= tx.settings.saga_attempts_max:
                model.park(flow, now, "whoever took it up did not get to its end")
                taken.append(flow)
                answers.append(Answer(NOT_TAKEN, ""))
                continue
        elif flow.status == "running" and flow.next_attempt_at > now:
            flow.due_at = flow.next_attempt_at
        flow.status = "running"
        flow.lease_until = flow.next_attempt_at = lease_until
        flow.former_region = command.former_region
        taken.append(flow)
        answers.append(Answer(TAKEN, "", flow=flow))
    # After this line only writes.
    store.update_flows(tx, region, taken)
    return answers


def _is_free(flow: Flow, *, even_parked: bool) -> bool:
    return flow.status == "running" or (even_parked and flow.status == "parked")


@step
async def postpone_flows(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Put off flows whose outside step brought back no answer; after too many, park them."""
    region = bookings[0].region
    keys = {(b.merchant_id, b.flow.id) for b in bookings}
    flows = await store.lock_flows(tx, region, moving(bookings), keys)
    now = tx.now
    changed: dict[UUID, Flow] = {}
    for booking in bookings:
        flow = flows.get(booking.flow.id)
        if flow is None or not booking.counts_for(flow):
            continue
        assert isinstance(booking.result, Postpone)
        settings = tx.settings
        model.postpone(
            flow,
            now,
            booking.result.why,
            backoff_ms=settings.saga_backoff_ms,
            most=settings.saga_attempts_max,
            due_at=booking.flow.due_at,
        )
        changed[flow.id] = flow
    # After this line only writes.
    store.update_flows(tx, region, list(changed.values()))
    return [Answer(200, flows[b.flow.id].status if b.flow.id in flows else "") for b in bookings]


async def wake(database: Database, flow: Flow) -> str:
    """Let a worker take a flow up at once, also one that was given up; says what was done."""

    async def work(tx: Tx) -> str:
        found = await store.lock_flows(tx, flow.region, {}, [(flow.merchant_id, flow.id)])
        now = tx.now
        latest = found.get(flow.id)
        if latest is None or latest.status == "done":
            return "it is over"
        if latest.lease_until is not None and latest.lease_until > now:
            return "somebody works on it"
        # One attempt stays on record: the processor may have acted, so it is asked first.
        latest.status, latest.attempts = "running", min(1, latest.attempts)
        latest.next_attempt_at, latest.lease_until = now, None
        # After this line only writes.
        store.update_flows(tx, flow.region, [latest])
        return "a worker takes it up"

    return await transact(database, work)
