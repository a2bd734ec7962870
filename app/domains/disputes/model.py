"""Disputes and the decisions about them: pure.

    needs_response -> under_review -> won | lost
    needs_response -> won | lost                (accepted, overdue, or not looked at meanwhile)
    under_review -> needs_response              (an inquiry became a dispute, or there is more time)

The processor decides; we learn of it by looking, so what we are told may be older than what we
know. What is told therefore has a place in an order, and a dispute never goes back in it: an
inquiry lies before the dispute that it becomes, an earlier deadline before a later one, and then
each state before the next. A fee only grows; the amount is held from the first word on.
"""

from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains.disputes.errors import (
    DisputeBusy,
    DisputeClosed,
    EvidenceLimit,
    EvidenceMissing,
    EvidenceOverdue,
)
from app.domains.fx import Conversion
from app.domains.payments import Payment
from app.processors import DisputeState

DisputeStatus = Literal["needs_response", "under_review", "won", "lost"]

RANK: Final = {"needs_response": 0, "under_review": 1, "won": 2, "lost": 2}

FINAL: Final = frozenset({"won", "lost"})

PIECES_MAX: Final = 20  # what a person reads; the schema has the same bound
CHARACTERS_MAX: Final = 10_000
"""Of all texts of a dispute: what processors take (20,000), less the list of files."""

DUE_SOON: Final = timedelta(days=1)
"""How long before its time runs out a merchant is reminded."""

REVIEW_PAUSE: Final = timedelta(days=1)
"""Between looks at what a bank reviews, in case that nobody tells us what it decided."""

REVIEW_TIME_MAX: Final = timedelta(days=365)
"""Networks decide within months; after a year people should ask."""


class TakenBack(Conversion, frozen=True):
    """What of a payment's conversion a dispute takes back; `target_minor` is the merchant's."""

    fee_minor: int
    """The dispute's fee in the target currency, at the payment's own rate."""


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
    """The most that the processor ever said it takes for the work; the merchant pays it as soon as
    it is told, in the currency that it gets."""
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


def why_not_open(payment: Payment | None, others_minor: int, reported: DisputeState) -> str | None:
    """Why a dispute that is new to us cannot be booked, if it cannot.

    Args:
        others_minor: what the payment's other disputes took, or hold while they are open.
    """
    if payment is None:
        return f"there is no payment {reported.authorization[:64]} over this processor"
    if reported.currency != payment.currency:
        return f"it is in {reported.currency[:8]}, and the payment in {payment.currency}"
    if reported.amount_minor <= 0 or reported.fee_minor < 0:
        return f"it is about {reported.amount_minor} with a fee of {reported.fee_minor}"
    left = payment.amount_captured_minor - payment.amount_refunded_minor - others_minor
    if reported.amount_minor > left:
        return f"it is about {reported.amount_minor}, and {left} of the payment can be disputed"
    return None


def why_not_follow(dispute: Dispute, payment_id: UUID | None, reported: DisputeState) -> str | None:
    """Why what is told of a known dispute contradicts what was booked, if it does."""
    if payment_id != dispute.payment_id:
        known = ids.encode("payment", dispute.payment_id)
        return f"it is now about {reported.authorization[:64]}, and was about {known}"
    if (reported.amount_minor, reported.currency) != (dispute.amount_minor, dispute.currency):
        was = f"{dispute.amount_minor} {dispute.currency}"
        return (
            f"it is now about {reported.amount_minor} {reported.currency[:8]}, and was about {was}"
        )
    is_other = dispute.is_final and reported.status != dispute.status
    if is_other and reported.status in FINAL:
        return f"it is now {reported.status}, and was {dispute.status}"
    if is_other and dispute.inquiry and not reported.inquiry:
        return f"it is now a dispute that is {reported.status}, and was closed as an inquiry"
    return None


def is_news(dispute: Dispute, reported: DisputeState) -> bool:
    """Whether what is told lies ahead of what is known; what lies behind was learned too late."""
    if dispute.is_final or reported.status in FINAL:
        return not dispute.is_final
    return _place(reported) > _place(dispute)


def _place(said: Dispute | DisputeState) -> tuple[bool, datetime, int]:
    """Where something lies in a dispute's life.

    A dispute gives another deadline than its inquiry did, even an earlier one; but within each of
    the two no processor gives less time than it gave before.
    """
    return not said.inquiry, said.due_at, RANK[said.status]


def is_dearer(dispute: Dispute, reported: DisputeState, *, fee_back: bool) -> bool:
    """Whether more is taken for a dispute than is known, such as once something is withdrawn.

    Less is old news, or a fee that is given back, which is the platform's.

    Args:
        fee_back: a merchant who wins gets the fee back, and does not pay more of it afterwards.
    """
    is_back = dispute.status == "won" and (fee_back or dispute.fee_returned_minor > 0)
    return reported.fee_minor > dispute.fee_minor and not is_back


def fee_transfer_of(dispute_id: UUID, merchants_fee_minor: int) -> UUID:
    """The transfer that brings what a merchant pays for a dispute up to so much: there is one."""
    return ids.derived("dispute_fee", dispute_id, merchants_fee_minor, at=dispute_id)


def refuse_response(
    dispute: Dispute, now: datetime, *, needs_evidence: bool
) -> PlatformError | None:
    """Why a dispute cannot be answered at the processor now, if it cannot.

    Refusals, the first that applies: DisputeClosed, DisputeBusy, EvidenceOverdue, EvidenceMissing.
    """
    error = _refuse(dispute, now)
    if error is None and needs_evidence and dispute.evidence_count == 0:
        return EvidenceMissing(dispute=dispute.name)
    return error


def refuse_evidence(dispute: Dispute, now: datetime, characters: int) -> PlatformError | None:
    """Why a piece of evidence cannot be added now, if it cannot.

    Refusals, the first that applies: DisputeClosed, DisputeBusy, EvidenceOverdue, EvidenceLimit.

    Args:
        characters: of a text; of a file none.
    """
    error = _refuse(dispute, now)
    too_many = dispute.evidence_count >= PIECES_MAX
    if error is None and (too_many or dispute.evidence_characters + characters > CHARACTERS_MAX):
        return EvidenceLimit(dispute=dispute.name, pieces=PIECES_MAX, characters=CHARACTERS_MAX)
    return error


def _refuse(dispute: Dispute, now: datetime) -> PlatformError | None:
    if dispute.status != "needs_response":
        return DisputeClosed(dispute=dispute.name, status=dispute.status)
    if dispute.operation_id is not None:
        return DisputeBusy(dispute=dispute.name)
    if now >= dispute.due_at:
        return EvidenceOverdue(dispute=dispute.name, due_at=dispute.due_at.isoformat())
    return None


def is_due_soon(dispute: Dispute, now: datetime) -> bool:
    """Whether the merchant is to be reminded now."""
    open_ = dispute.status == "needs_response" and not dispute.due_soon_told
    return open_ and dispute.due_at - DUE_SOON <= now < dispute.due_at


def look_at(dispute: Dispute, now: datetime) -> datetime | None:
    """When to look at a dispute that the processor has spoken of; none: it should have decided."""
    if dispute.status == "under_review":
        return now + REVIEW_PAUSE
    if now >= dispute.due_at:
        return None
    return dispute.due_at if dispute.due_soon_told else max(now, dispute.due_at - DUE_SOON)
