"""The atomic step that books what a bank said about payouts, and answers who waits for it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.base.telemetry import log
from app.domains.payouts import decisions, model
from app.domains.payouts.asks import recall_payout, send_payout
from app.domains.payouts.batch import PayoutBatch
from app.domains.payouts.errors import PayoutNotStopped
from app.domains.payouts.model import Payout, PayoutChange, Recall
from app.domains.payouts.views import payout_text
from app.engine import idempotency
from app.engine.database import Tx, moving, step
from app.engine.idempotency import Answer, refusal
from app.engine.saga import Booking, Flow, end, park, wait
from app.processors import Verdict

_CHANGES_MAX = 2  # by one word: what was paid and came back

_NOTES = {
    "pending": "waits for the day's file",
    "in_transit": "waits for the bank's word",
}


@step
async def book_payouts(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Book what the bank said: `payout.in_transit`, `.paid`, `.failed` or `.canceled`.

    A flow ends with its payout; until then it waits for a notification, or for its time to ask. A
    cancellation that waited for the bank's word is answered, 200 or by PayoutNotStopped. The flow
    of a payout that has ended here, and that the bank pays all the same, is parked for people.
    """
    region = bookings[0].region
    keys = {(b.merchant_id, b.flow.id) for b in bookings}
    batch = await PayoutBatch.load(tx, region, moving(bookings), keys)
    answered: list[tuple[UUID, UUID, Answer]] = []
    answers = [_book(tx, batch, booking, answered) for booking in bookings]
    # A flow brings its own key home, and not those of cancellations.
    named = {(merchant_id, key_id) for merchant_id, key_id, _ in answered}
    await idempotency.pull_named(tx, region, moving(bookings), named)
    # After this line only writes.
    batch.write(tx)
    idempotency.answer(tx, region, answered)
    return answers


def _book(
    tx: Tx, batch: PayoutBatch, booking: Booking, answered: list[tuple[UUID, UUID, Answer]]
) -> Answer:
    payout, flow = batch.payouts[booking.flow.object_id], batch.flows[booking.flow.id]
    verdict: Verdict = booking.result
    is_recall = booking.flow.recovery_point == recall_payout.name
    recall = Recall.of(booking.flow.data if is_recall else flow.data)
    asked_by = recall.correlation_id if is_recall else booking.correlation_id
    if verdict.is_permanent and not booking.counts_for(flow):
        # The process that has the flow by now may have given the order again, and seen it taken.
        return Answer(200, payout_text(payout))
    if flow.status != "done":
        judge = decisions.decide_recall if is_recall else decisions.decide_verdict
        for _ in range(_CHANGES_MAX):
            change = judge(payout, verdict)
            refused = batch.settle(payout, change, verdict.code, asked_by)
            if refused is not None:
                _rest(tx, flow, refused.code)
                batch.move(flow)
                return refusal(refused, asked_by)
        if payout.ended_unpaid and verdict.outcome == "pending" and not is_recall:
            _rest(tx, flow, f"it is {payout.status} here, and on its way at the bank")
            batch.move(flow)
        elif payout.status not in model.OPEN:
            _answer_recall(flow, payout, answered)
            end(flow, tx.now, payout.status)
            batch.move(flow)
        elif flow.recovery_point != booking.flow.recovery_point:
            pass  # another process has taken it further, and goes on with it
        elif is_recall:
            _answer_recall(flow, payout, answered)
            _rest(tx, flow, _NOTES[payout.status], at_once=True)
            batch.move(flow)
        else:
            _rest(tx, flow, _NOTES[payout.status])
            batch.move(flow)
    # Where it is done, a faster process has booked the same word, or a later one.
    if payout.ended_unpaid and verdict.outcome == "approved" and not is_recall:
        log.error("payout_ended_without_its_bank", payout=payout.name)
        park(flow, tx.now, f"it is {payout.status} here, and the bank has paid it")
        batch.move(flow)
    return _reply_to_recall(payout, asked_by) if is_recall else Answer(200, payout_text(payout))


def _answer_recall(flow: Flow, payout: Payout, answered: list[tuple[UUID, UUID, Answer]]) -> None:
    """Answer the cancellation that waits for the bank's word, if there is one."""
    recall = Recall.of(flow.data)
    if recall.key is not None:
        reply = _reply_to_recall(payout, recall.correlation_id)
        answered.append((payout.merchant_id, recall.key, reply))
    flow.data = Recall().to_data()
    flow.recovery_point = send_payout.name


def _reply_to_recall(payout: Payout, correlation_id: str) -> Answer:
    if payout.status == PayoutChange.CANCEL.value:
        return Answer(200, payout_text(payout))
    return refusal(PayoutNotStopped(payout=payout.name), correlation_id)


def _rest(tx: Tx, flow: Flow, note: str, *, at_once: bool = False) -> None:
    """Let the flow wait for a doorbell, or for its time to ask; failures are counted anew."""
    now = tx.now
    pause = timedelta(0) if at_once else timedelta(milliseconds=tx.settings.payout_check_ms)
    flow.status = "running"
    flow.attempts = 0
    wait(flow, now, now + pause, note)
