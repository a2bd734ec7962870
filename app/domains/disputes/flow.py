"""The flows of disputes."""

from app.domains.disputes.asks import accept_at_processor, look_at_processor, submit_to_processor
from app.domains.disputes.bookings import book_answers, book_looks
from app.domains.disputes.commands import AddEvidence, AnswerDispute, ReportDispute
from app.domains.disputes.steps import (
    accept_disputes,
    add_evidence,
    apply_dispute_states,
    submit_evidence,
)
from app.engine.saga import Saga, atomic, external

DISPUTE: Saga[ReportDispute] = Saga(
    "dispute",
    atomic(apply_dispute_states),  # open it, or follow it, as the processor says
    external(look_at_processor),  # before evidence is due, when it was, and daily under review
    atomic(book_looks),  # remind, follow, and look again until it is decided
)

EVIDENCE_PIECE: Saga[AddEvidence] = Saga("evidence_piece", atomic(add_evidence))

EVIDENCE: Saga[AnswerDispute] = Saga(
    "evidence",
    atomic(submit_evidence),  # claim the key; nothing is added from now on
    external(submit_to_processor),  # keyed by the flow's id
    atomic(book_answers),  # under review, or refused; answer the key
)

ACCEPTANCE: Saga[AnswerDispute] = Saga(
    "acceptance",
    atomic(accept_disputes),
    external(accept_at_processor),
    atomic(book_answers),
)
