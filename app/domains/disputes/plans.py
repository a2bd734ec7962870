"""What the flows of disputes have to know: kept as JSON in their rows."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from app.domains.disputes.model import Dispute
from app.engine.saga import Flow

P = TypeVar("P", bound=msgspec.Struct)


class WatchPlan(msgspec.Struct):
    """Of looking at a dispute until it is decided."""

    processor: str
    reference: str
    """The processor's own id."""
    dispute_id: UUID
    """Ours: of the dispute, or of what will be one when it can be booked."""
    payment_id: UUID | None


class AnswerPlan(msgspec.Struct):
    """Of answering a dispute at the processor."""

    processor: str
    reference: str
    payment_id: UUID
    pieces: int
    """Of evidence: what is read later must be all of it."""
    inquiry: bool = False
    due_at: datetime | None = None
    """What is answered, and until when it had to be. None: begun before this was written down."""

    def is_of(self, dispute: Dispute) -> bool:
        """Whether the dispute still asks what is answered, and not more meanwhile."""
        if self.due_at is None:
            return True
        return (self.inquiry, self.due_at) == (dispute.inquiry, dispute.due_at)


def plan_text(plan: msgspec.Struct) -> str:
    """A plan as it is kept."""
    return msgspec.json.encode(plan).decode()


def plan_of(flow: Flow, kind: type[P]) -> P:
    """The plan of a flow."""
    return msgspec.json.decode(flow.data, type=kind)
