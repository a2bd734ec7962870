"""The atomic steps of notifications: to keep them, and to be done with them."""

from collections.abc import Sequence

import msgspec

from app.domains.notifications.asks import follow_up
from app.domains.notifications.commands import TakeNotification
from app.domains.notifications.model import Doorbell
from app.engine import saga
from app.engine.database import Tx, moving, step
from app.engine.idempotency import PROVISIONAL, Answer
from app.engine.saga import Booking


@step
async def take_notifications(tx: Tx, commands: Sequence[TakeNotification]) -> list[Answer]:
    """Keep notifications; each answers 202, and its flow goes on with `follow_up`.

    One that is kept already is left alone, and answered without a flow.
    """
    region = commands[0].region
    keys = {(c.merchant_id, c.flow_id) for c in commands}
    known = await saga.lock_flows(tx, region, moving(commands), keys)
    answers, flows = [], []
    for command in commands:
        if command.flow_id in known:
            answers.append(Answer(200, "{}", replayed=True))
            continue
        flow = saga.new_flow(
            tx,
            command,
            follow_up,
            flow_id=command.flow_id,
            object_id=command.flow_id,
            data=msgspec.json.encode(Doorbell(command.processor, command.notification)).decode(),
        )
        known[flow.id] = flow
        flows.append(flow)
        answers.append(Answer(PROVISIONAL, "{}", flow=flow))
    # After this line only writes.
    saga.insert_flows(tx, region, flows)
    return answers


@step
async def finish_notifications(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """End the flows of notifications that were followed up."""
    region = bookings[0].region
    keys = {(b.merchant_id, b.flow.id) for b in bookings}
    flows = await saga.lock_flows(tx, region, moving(bookings), keys)
    now = tx.now
    for booking in bookings:
        if booking.counts_for(flows[booking.flow.id]):
            saga.end(flows[booking.flow.id], now, str(booking.result))
    # After this line only writes.
    saga.update_flows(tx, region, list(flows.values()))
    return [Answer(200, "{}") for _ in bookings]
