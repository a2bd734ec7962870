"""What clients see of disputes and evidence; events carry the same text."""

from datetime import datetime

import msgspec

from app.base import ids
from app.domains.disputes.model import Dispute, Evidence


class EvidenceSummary(msgspec.Struct, frozen=True):
    """What evidence a dispute has."""

    count: int
    bytes: int
    due_at: datetime
    """Until when it is taken."""
    submitted_at: datetime | None
    """The last time: a dispute that was an inquiry needs evidence again."""


class DisputeExchangeView(msgspec.Struct, frozen=True):
    """What a dispute takes from a merchant that had got another currency."""

    currency: str
    amount: int
    """In minor units of that currency, converted back at the payment's own rate."""
    fee: int
    """The dispute's fee, in that currency and at that rate."""


class DisputeView(msgspec.Struct, frozen=True):
    """A payer's bank wants captured money back. Amounts in minor units of the currency."""

    id: str
    status: str
    """`needs_response`, `under_review`, `won` or `lost`."""
    payment: str
    amount: int
    fee: int
    """What the dispute costs the merchant, however it ends; it may grow when money is withdrawn."""
    fee_returned: int
    currency: str
    reason: str
    processor: str
    evidence: EvidenceSummary
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    exchange: DisputeExchangeView | msgspec.UnsetType = msgspec.UNSET
    """Where the merchant had got another currency."""
    object: str = "dispute"


class EvidenceView(msgspec.Struct, frozen=True):
    """A piece of evidence; its content stays where it is."""

    id: str
    dispute: str
    media_type: str
    file_name: str | None
    size_bytes: int
    sha256: str
    correlation_id: str
    created_at: datetime
    object: str = "dispute_evidence"


_encoder = msgspec.json.Encoder()


def dispute_view(dispute: Dispute) -> DisputeView:
    return DisputeView(
        id=dispute.name,
        status=dispute.status,
        payment=ids.encode("payment", dispute.payment_id),
        amount=dispute.amount_minor,
        fee=dispute.fee_minor,
        fee_returned=dispute.fee_returned_minor,
        currency=dispute.currency,
        reason=dispute.reason,
        processor=dispute.processor,
        evidence=EvidenceSummary(
            dispute.evidence_count,
            dispute.evidence_bytes,
            dispute.due_at,
            dispute.evidence_submitted_at,
        ),
        correlation_id=dispute.correlation_id,
        created_at=ids.instant(dispute.id),
        updated_at=dispute.updated_at,
        exchange=_exchange_view(dispute),
    )


def _exchange_view(dispute: Dispute) -> DisputeExchangeView | msgspec.UnsetType:
    exchanged = dispute.exchanged
    if exchanged is None:
        return msgspec.UNSET
    return DisputeExchangeView(
        exchanged.target_currency, exchanged.target_minor, exchanged.fee_minor
    )


def evidence_view(evidence: Evidence) -> EvidenceView:
    """A piece of evidence on the wire."""
    return EvidenceView(
        id=ids.encode("dispute_evidence", evidence.id),
        dispute=ids.encode("dispute", evidence.dispute_id),
        media_type=evidence.media_type,
        file_name=evidence.file_name,
        size_bytes=evidence.size_bytes,
        sha256=evidence.sha256,
        correlation_id=evidence.correlation_id,
        created_at=ids.instant(evidence.id),
    )


def dispute_text(dispute: Dispute) -> str:
    """The dispute as JSON: the answer, the kept answer and the event's data in one."""
    return _encoder.encode(dispute_view(dispute)).decode()


def evidence_text(evidence: Evidence) -> str:
    """The piece of evidence as JSON."""
    return _encoder.encode(evidence_view(evidence)).decode()
