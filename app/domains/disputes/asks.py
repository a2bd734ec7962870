"""The external steps of disputes' flows: no transaction is open, and each may be repeated.

Each request carries our flow's id, under which the processor acts once. Whatever it answers, the
dispute's state is read afterwards, and only that state is booked.
"""

from uuid import UUID

import msgspec

from app.base import ids
from app.domains.disputes import formats, reads
from app.domains.disputes.commands import ReportDispute, report_of
from app.domains.disputes.model import WATCH, AnswerPlan, WatchPlan, plan_of
from app.engine.saga import Flow, Postpone, external
from app.processors import DisputeState, Verdict, World


class EvidenceAnswer(msgspec.Struct, frozen=True):
    """What a processor said to an answer, and of the dispute afterwards."""

    verdict: Verdict
    report: ReportDispute | None
    """None: it could not be looked at."""


@external(WATCH)
async def look_at_processor(world: World, flow: Flow) -> ReportDispute | Verdict:
    """What the processor says of a dispute now; a verdict where it says nothing of it.

    A deadline comes whether the processor answers or not, so a look in vain is booked as well.
    """
    plan = plan_of(flow, WatchPlan)
    return await _look(world, flow, plan.processor, plan.reference, dispute_id=plan.dispute_id)


@external("evidence")
async def submit_to_processor(world: World, flow: Flow) -> EvidenceAnswer | Postpone:
    """What the processor says to all evidence there is; nothing is added meanwhile."""
    plan = plan_of(flow, AnswerPlan)
    pieces = await reads.read_evidence(
        world.database, flow.regions, flow.merchant_id, flow.object_id
    )
    if len(pieces) != plan.pieces:
        return Postpone("evidence is on its way to another region")
    text = formats.compose_evidence(pieces)
    disputes = world.processors.disputes(plan.processor)
    verdict = await disputes.submit_evidence(plan.reference, text, _reference(flow))
    return await _known(world, flow, plan, verdict)


@external("acceptance")
async def accept_at_processor(world: World, flow: Flow) -> EvidenceAnswer | Postpone:
    """What the processor says to giving the dispute up."""
    plan = plan_of(flow, AnswerPlan)
    disputes = world.processors.disputes(plan.processor)
    verdict = await disputes.accept_dispute(plan.reference, _reference(flow))
    said = await _known(world, flow, plan, verdict)
    if isinstance(said, EvidenceAnswer) and said.report is None:
        return Postpone("it was answered, and cannot be looked at")
    return said


async def _known(
    world: World, flow: Flow, plan: AnswerPlan, verdict: Verdict
) -> EvidenceAnswer | Postpone:
    if verdict.outcome not in {"approved", "declined"}:
        return Postpone(f"{verdict.outcome}: {verdict.code}")
    report = await _look(world, flow, plan.processor, plan.reference)
    return EvidenceAnswer(verdict, None if isinstance(report, Verdict) else report)


async def _look(
    world: World, flow: Flow, processor: str, reference: str, *, dispute_id: UUID | None = None
) -> ReportDispute | Verdict:
    state = await world.processors.disputes(processor).find_dispute(reference)
    if not isinstance(state, DisputeState):
        return state
    if state.merchant != ids.encode("merchant", flow.merchant_id) or state.id != reference:
        return Verdict("unknown", code="told_of_another")
    return report_of(flow, processor, state, dispute_id=dispute_id)


def _reference(flow: Flow) -> str:
    return ids.encode("saga", flow.id)
