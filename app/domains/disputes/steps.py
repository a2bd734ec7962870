"""The first steps of disputes' flows: many commands in, one answer per command out, in `tx`.

What processors say is booked in `apply_dispute_states`; what merchants answer begins a flow, whose
external step and booking are in `asks.py` and `bookings.py`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains.disputes import decisions, store
from app.domains.disputes.asks import accept_at_processor, submit_to_processor
from app.domains.disputes.batch import dispute_event, load_batch
from app.domains.disputes.commands import AddEvidence, AnswerDispute, ReportDispute
from app.domains.disputes.errors import DisputeBusy, DisputeNotFound
from app.domains.disputes.model import AnswerPlan, Dispute, Evidence, plan_text
from app.domains.disputes.views import dispute_text, evidence_text
from app.engine import events, idempotency, saga
from app.engine.database import Tx, moving, step
from app.engine.events import Fact
from app.engine.idempotency import Answer, Claims, refusal
from app.engine.saga import External, Flow

C = TypeVar("C", AddEvidence, AnswerDispute)

_Locked = dict[tuple[UUID, UUID], Dispute]


@step
async def apply_dispute_states(tx: Tx, commands: Sequence[ReportDispute]) -> list[Answer]:
    """Book what processors say of disputes, whatever of it is known already.

    Each answers 200 with the dispute. What is new appends `dispute.opened|updated|won|lost`, and
    `payment.disputed|undisputed` where that changes. A flow looks at each dispute until it is
    decided. What cannot be booked answers 409 (DisputeNotBookable), and its flow looks again.
    """
    batch = await load_batch(tx, commands[0].region, moving(commands), commands)
    answers = []
    for command in commands:
        outcome = batch.apply(command)
        if isinstance(outcome, Dispute):
            answers.append(Answer(200, dispute_text(outcome)))
        else:
            answers.append(refusal(outcome, command.correlation_id))
    # After this line only writes.
    batch.write()
    return answers


# Of the largest pieces this is 16 MiB in one commit: half a second, and memory for it twice.
@step(batch_size_max=16)
async def add_evidence(tx: Tx, commands: Sequence[AddEvidence]) -> list[Answer]:
    """Add pieces of evidence; each answers 201 with the piece and appends `dispute.updated`.

    Refusals, the first that applies: DisputeNotFound, DisputeClosed, DisputeBusy, EvidenceOverdue,
    EvidenceLimit.
    """
    claims, disputes, now = await _load(tx, commands)
    region = commands[0].region
    answers: list[Answer] = []
    facts: list[Fact] = []
    pieces: list[AddEvidence] = []
    changed: dict[UUID, Dispute] = {}
    for command in claims.fresh:
        dispute = disputes.get((command.merchant_id, command.dispute_id))
        error = _not_found(command)
        if dispute is not None:
            error = decisions.refuse_evidence(dispute, now, command.characters)
        if dispute is None or error is not None:
            answers.append(_refuse(command, dispute, error))
            continue
        dispute.evidence_count += 1
        dispute.evidence_bytes += len(command.content)
        dispute.evidence_characters += command.characters
        dispute.version += 1
        dispute.updated_at = now
        changed[dispute.id] = dispute
        pieces.append(command)
        text = dispute_text(dispute)
        facts.append(dispute_event(dispute, command.correlation_id, text, "dispute.updated"))
        answers.append(Answer(201, evidence_text(_piece(command, now))))
    # After this line only writes.
    store.update_disputes(tx, region, list(changed.values()))
    store.insert_evidence(tx, region, pieces, now)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


@step
async def submit_evidence(tx: Tx, commands: Sequence[AnswerDispute]) -> list[Answer]:
    """Begin to submit what evidence there is; each answers 202, and its flow goes on.

    Refusals, the first that applies: DisputeNotFound, DisputeClosed, DisputeBusy, EvidenceOverdue,
    EvidenceMissing. Where another answer is under way the command waits for it.
    """
    return await _begin(tx, commands, submit_to_processor, needs_evidence=True)


@step
async def accept_disputes(tx: Tx, commands: Sequence[AnswerDispute]) -> list[Answer]:
    """Begin to give disputes up; each answers 202, and its flow goes on.

    Refusals, the first that applies: DisputeNotFound, DisputeClosed, DisputeBusy, EvidenceOverdue.
    Where another answer is under way the command waits for it.
    """
    return await _begin(tx, commands, accept_at_processor, needs_evidence=False)


async def _begin(
    tx: Tx,
    commands: Sequence[AnswerDispute],
    ask: External[Any, Any],
    *,
    needs_evidence: bool,
) -> list[Answer]:
    claims, disputes, now = await _load(tx, commands)
    answers: list[Answer] = []
    flows: list[Flow] = []
    changed: dict[UUID, Dispute] = {}
    for command in claims.fresh:
        dispute = disputes.get((command.merchant_id, command.dispute_id))
        error = _not_found(command)
        if dispute is not None:
            error = decisions.refuse_response(dispute, now, needs_evidence=needs_evidence)
        if dispute is None or error is not None:
            answers.append(_refuse(command, dispute, error))
            continue
        plan = AnswerPlan(
            processor=dispute.processor,
            reference=dispute.processor_reference,
            payment_id=dispute.payment_id,
            pieces=dispute.evidence_count,
            inquiry=dispute.inquiry,
            due_at=dispute.due_at,
        )
        flow = saga.new_flow(
            tx,
            command,
            ask,
            flow_id=command.flow_id,
            object_id=dispute.id,
            data=plan_text(plan),
        )
        flows.append(flow)
        dispute.operation_id = flow.id
        changed[dispute.id] = dispute
        answers.append(Answer(idempotency.PROVISIONAL, dispute_text(dispute), flow=flow))
    # After this line only writes.
    store.update_disputes(tx, commands[0].region, list(changed.values()))
    saga.insert_flows(tx, commands[0].region, flows)
    return idempotency.keep(tx, claims, answers)


async def _load(tx: Tx, commands: Sequence[C]) -> tuple[Claims[C], _Locked, datetime]:
    """Claim the keys, and lock the disputes of the commands that act."""
    claims = await idempotency.claim(tx, commands)
    keys = {(c.merchant_id, c.dispute_id) for c in claims.fresh}
    disputes = await store.lock_disputes(tx, commands[0].region, claims.moving, keys)
    return claims, disputes, tx.now


def _not_found(command: AddEvidence | AnswerDispute) -> PlatformError | None:
    return DisputeNotFound(dispute=ids.encode("dispute", command.dispute_id))


def _refuse(
    command: AddEvidence | AnswerDispute, dispute: Dispute | None, error: PlatformError | None
) -> Answer:
    """The refusal as an answer; a command that only came too early waits."""
    assert error is not None
    answer = refusal(error, command.correlation_id)
    if isinstance(error, DisputeBusy) and dispute is not None:
        return msgspec.structs.replace(answer, waits_for=dispute.operation_id)
    return answer


def _piece(command: AddEvidence, now: datetime) -> Evidence:
    return Evidence(
        merchant_id=command.merchant_id,
        id=command.evidence_id,
        dispute_id=command.dispute_id,
        media_type=command.media_type,
        file_name=command.file_name,
        size_bytes=len(command.content),
        sha256=command.sha256,
        correlation_id=command.correlation_id,
        created_at=now,
    )
