"""The flows of disputes."""

from app.domains.disputes.asks import accept_at_processor, look_at_processor, submit_to_processor
from app.domains.disputes.bookings import book_answers, book_looks
from app.domains.disputes.steps import accept_disputes, apply_dispute_states, submit_evidence
from app.engine.saga import Saga

DISPUTE = Saga(
    apply_dispute_states,  # open it, or follow it, as the processor says
    look_at_processor,  # before evidence is due, when it was, and daily under review
    book_looks,  # remind, follow, and look again until it is decided
)

EVIDENCE = Saga(
    submit_evidence,  # claim the key; nothing is added from now on
    submit_to_processor,  # keyed by the flow's id
    book_answers,  # under review, or refused; answer the key
)

ACCEPTANCE = Saga(accept_disputes, accept_at_processor, book_answers)
