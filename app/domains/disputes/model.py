"""Disputes, their evidence, and what their flows have to know, kept as JSON in their rows.

needs_response -> under_review -> won | lost
needs_response -> won | lost                (accepted, overdue, or not looked at meanwhile)
under_review -> needs_response              (an inquiry became a dispute, or there is more time)
"""

from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar
from uuid import UUID

import msgspec

from app.base import ids
from app.domains.fx import Conversion
from app.engine.saga import Flow

WATCH: Final = "dispute"
"""The name of the flow that looks at a dispute until it is decided."""

DisputeStatus = Literal["needs_response", "under_review", "won", "lost"]

RANK: Final = {"needs_response": 0, "under_review": 1, "won": 2, "lost": 2}

FINAL: Final = frozenset({"won", "lost"})

PIECES_MAX: Final = 20  # what a person reads; the schema has the same bound

CHARACTERS_MAX: Final = 10_000
"""Of all texts of a dispute: what processors take (20,000), less the list of files."""

DUE_SOON: Final = timedelta(days=1)
"""How long before its time runs out a merchant is reminded."""

REVIEW_PAUSE: Final = timedelta(days=1)
"""Between looks at what a bank reviews, in case that no notification tells what it decided."""

REVIEW_TIME_MAX: Final = timedelta(days=365)
"""Networks decide within months; after a year people should ask."""


class TakenBack(Conversion, frozen=True):
    """What of a payment's conversion a dispute takes back; `target_minor` is the merchant's."""

    fee_minor: int
    """The dispute's fee in the target currency, at the payment's own rate."""
    returned_minor: int = 0
    """What the merchant got again when it won, in the target currency. It may be a minor unit from
    what it gave, where refunds and other disputes have come or gone meanwhile."""


class Dispute(msgspec.Struct):
    """A dispute of a captured payment. Amounts in minor units."""

    merchant_id: UUID
    id: UUID
    payment_id: UUID
    processor: str
    processor_reference: str
    """The processor's own id."""
    status: DisputeStatus
    reason: str
    currency: str
    amount_minor: int
    fee_minor: int
    """The highest fee that the processor has reported; the merchant pays it as soon as it is
    reported, in the currency that the merchant gets."""
    fee_returned_minor: int
    """What of it the merchant got back."""
    due_at: datetime
    """Until when evidence is taken."""
    due_soon_told: bool
    evidence_count: int
    evidence_bytes: int
    evidence_characters: int
    """Of the texts among it."""
    evidence_submitted_at: datetime | None
    """The last time; an inquiry that became a dispute has to be answered again."""
    operation_id: UUID | None
    """The flow that answers it at the processor just now."""
    opening_transfer_id: UUID
    closing_transfer_id: UUID | None
    version: int
    """Counts the dispute's events."""
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    exchanged: TakenBack | None = None
    """Where the merchant had got another currency."""
    inquiry: bool = False
    """The bank only asks, and has withdrawn nothing. The amount is held all the same, so that it
    is there when it does."""

    @property
    def name(self) -> str:
        """The id on the wire."""
        return ids.encode("dispute", self.id)

    @property
    def is_final(self) -> bool:
        """Whether the processor has decided."""
        return self.status in FINAL

    @property
    def contests(self) -> bool:
        """Whether its payment is disputed by it: the bank has the money, or decides about it.

        While a bank only asks, nothing was withdrawn, and a refund is the usual way to answer.
        """
        if self.is_final:
            return self.status != "won"
        return not self.inquiry

    @property
    def merchants_fee_minor(self) -> int:
        """The fee in the currency that the merchant gets."""
        return self.fee_minor if self.exchanged is None else self.exchanged.fee_minor


class Evidence(msgspec.Struct, frozen=True):
    """A piece of what a merchant says to a dispute."""

    merchant_id: UUID
    id: UUID
    dispute_id: UUID
    media_type: str
    file_name: str | None
    """None: a text that came without a file."""
    size_bytes: int
    sha256: str
    correlation_id: str
    created_at: datetime


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
    return msgspec.json.decode(flow.data, type=kind)
