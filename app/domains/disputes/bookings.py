"""The steps that book what disputes' external steps brought back."""

from collections.abc import Sequence
from uuid import UUID

from app.base.errors import InvariantViolated
from app.domains.disputes.asks import EvidenceAnswer, submit_to_processor
from app.domains.disputes.batch import DisputeBatch, load_batch
from app.domains.disputes.commands import ReportDispute
from app.domains.disputes.errors import ResponseRefused
from app.domains.disputes.model import AnswerPlan, Dispute, WatchPlan, plan_of
from app.domains.disputes.views import dispute_text
from app.engine import idempotency
from app.engine.database import Tx, moving, step
from app.engine.idempotency import Answer, refusal
from app.engine.saga import Booking, Flow
from app.processors import Verdict

_Final = tuple[UUID, UUID, Answer]
"""(merchant, key), and what is kept there from now on."""


@step
async def book_looks(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Book what looks at disputes found; remind merchants whose time runs out.

    Appends what `apply_dispute_states` does, and `dispute.evidence_due_soon`.
    """
    report = [b.result for b in bookings if isinstance(b.result, ReportDispute)]
    plans = [plan_of(b.flow, WatchPlan) for b in bookings]
    batch = await load_batch(
        tx,
        bookings[0].region,
        moving(bookings),
        report,
        payments={
            (b.merchant_id, plan.payment_id)
            for b, plan in zip(bookings, plans, strict=True)
            if plan.payment_id is not None
        },
        flows={(b.merchant_id, b.flow.id) for b in bookings},
    )
    answers = [_book_look(batch, b, p) for b, p in zip(bookings, plans, strict=True)]
    # After this line only writes.
    batch.write()
    return answers


def _book_look(batch: DisputeBatch, booking: Booking, plan: WatchPlan) -> Answer:
    flow = batch.flows.get(booking.flow.id)
    if flow is None:
        raise InvariantViolated(f"flow {booking.flow.id} is lost")
    if isinstance(booking.result, ReportDispute):
        batch.apply_look(flow, booking.result, counts=booking.counts_for(flow))
        return Answer(200, flow.status)
    verdict: Verdict = booking.result
    dispute = batch.find(plan.dispute_id)
    if dispute is not None:
        batch.remind(dispute, flow.correlation_id)
    if booking.counts_for(flow):
        batch.postpone(flow, f"{verdict.outcome}: {verdict.code}")
    return Answer(200, flow.status)


@step
async def book_answers(tx: Tx, bookings: Sequence[Booking]) -> list[Answer]:
    """Book what processors said to merchants' answers; 200 with the dispute, or 409.

    Evidence that was taken appends `dispute.evidence_submitted`; then the reported
    state of the dispute is booked. Refusal: ResponseRefused.
    """
    results: list[EvidenceAnswer] = [b.result for b in bookings]
    report = [said.report for said in results if said.report is not None]
    plans = [plan_of(b.flow, AnswerPlan) for b in bookings]
    batch = await load_batch(
        tx,
        bookings[0].region,
        moving(bookings),
        report,
        payments={
            (b.merchant_id, plan.payment_id) for b, plan in zip(bookings, plans, strict=True)
        },
        flows={(b.merchant_id, b.flow.id) for b in bookings},
    )
    final: list[_Final] = []
    answers = []
    for booking, said, plan in zip(bookings, results, plans, strict=True):
        flow, dispute = batch.flows.get(booking.flow.id), batch.find(booking.flow.object_id)
        if flow is None or dispute is None:
            raise InvariantViolated(f"flow {booking.flow.id} has lost its dispute")
        if not booking.counts_for(flow):
            # It has ended, or is in other hands: its answer is kept elsewhere.
            answers.append(Answer(idempotency.PROVISIONAL, dispute_text(dispute)))
            continue
        answer = _book_answer(batch, flow, dispute, said, plan)
        if flow.key_id is not None:
            final.append((flow.merchant_id, flow.key_id, answer))
        answers.append(answer)
    # After this line only writes.
    batch.write()
    idempotency.answer(tx, batch.region, final)
    return answers


def _book_answer(
    batch: DisputeBatch, flow: Flow, dispute: Dispute, said: EvidenceAnswer, plan: AnswerPlan
) -> Answer:
    dispute.operation_id = None
    batch.change(dispute)
    batch.end(flow)
    taken = said.verdict.outcome == "approved"
    if taken and flow.name == submit_to_processor.flow:
        dispute.evidence_submitted_at = batch.book.booked_at
        if dispute.status == "needs_response" and plan.is_of(dispute):
            dispute.status = "under_review"
        dispute.version += 1
        batch.note(dispute, flow.correlation_id, "dispute.evidence_submitted")
    if said.report is not None:
        batch.apply(said.report)
    if not taken:
        reason = said.verdict.code or "declined"
        return refusal(ResponseRefused(dispute=dispute.name, reason=reason), flow.correlation_id)
    return Answer(200, dispute_text(dispute))
