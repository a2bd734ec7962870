"""Following disputes: a notification says what to look at, and the processor what is true."""

from app.base import clock, ids
from app.base.telemetry import log, metrics
from app.domains.disputes.commands import payment_named, report_of
from app.domains.disputes.flow import DISPUTE
from app.domains.payments.reads import find_payment
from app.engine.database import find_in
from app.engine.idempotency import Answer
from app.engine.saga import Flow, Postpone
from app.processors import DisputeState, Notification, World

BOOKED = 200
_SETTLE_S = 20.0  # for the flow of a payment that asks its processor and commits


async def follow_dispute(
    world: World, flow: Flow, processor: str, notification: Notification
) -> str | Postpone:
    """Look at the dispute that a notification is about, and book what its processor says.

    Whether it is new, known, old news, or cannot be booked: the notification is done with then,
    because what may still become of a dispute is looked after by a flow of its own.
    """
    reference = notification.reference
    state = await world.processors.disputes(processor).find_dispute(reference)
    if not isinstance(state, DisputeState):
        if state.outcome == "not_found":
            return _tell_people(processor, reference, "the processor has no such dispute")
        return Postpone(f"{state.outcome}: {state.code}")
    if state.merchant != ids.encode("merchant", flow.merchant_id) or state.id != reference:
        return _tell_people(processor, reference, "the processor tells of another one")
    answer = await _book(world, flow, processor, state)
    if answer.status != BOOKED and await _settle_payment(world, flow, state):
        # The processor was faster than the booking of its own answer to us.
        answer = await _book(world, flow, processor, state)
    if answer.status != BOOKED:
        return _tell_people(processor, reference, answer.body)
    return f"it is {state.status}"


async def _book(world: World, flow: Flow, processor: str, state: DisputeState) -> Answer:
    command = report_of(flow, processor, state)
    return (await world.sagas.run(DISPUTE, [command], wait_s=0.0)).only()


async def _settle_payment(world: World, flow: Flow, state: DisputeState) -> bool:
    """Whether the disputed payment is known, and nothing is under way on it any more."""
    payment_id = payment_named(state.authorization)
    if payment_id is None:
        return False
    payment = await find_in(
        flow.regions,
        lambda region: find_payment(world.database, region, flow.merchant_id, payment_id),
    )
    if payment is None or payment.operation_id is None:
        return payment is not None
    until = clock.monotonic() + _SETTLE_S
    return await world.sagas.advance(flow, payment.operation_id, until=until)


def _tell_people(processor: str, reference: str, why: str) -> str:
    """Make a dispute that cannot be booked visible."""
    metrics.dispute_findings.inc()
    log.error("dispute_not_bookable", processor=processor, dispute=reference[:64], why=why)
    return why[:200]
