"""The commands on disputes: what is reported or asked, and the ids that make asking twice harmless.

`former_region` is the other region in which rows of the merchant may be, while it moves.
"""

from uuid import UUID

import msgspec

from app.base import ids
from app.domains.disputes.formats import TEXT
from app.engine.idempotency import Intent
from app.processors import DisputeState


class ReportDispute(msgspec.Struct, frozen=True):
    """Book what a processor says of a dispute."""

    region: str
    merchant_id: UUID
    correlation_id: str
    processor: str
    state: DisputeState
    dispute_id: UUID
    """Of the dispute, if it is new to us."""
    opening_transfer_id: UUID
    closing_transfer_id: UUID
    former_region: str | None = None

    @property
    def intent(self) -> Intent | None:
        """None: a repeated report changes nothing, so it needs no key."""
        return None

    @property
    def payment_id(self) -> UUID | None:
        """The disputed payment; none where the processor names something else."""
        return payment_named(self.state.authorization)

    @property
    def watch_id(self) -> UUID:
        """The flow that looks at this dispute: the same whoever learns of it first."""
        return watch_of(self.merchant_id, self.processor, self.state.id)


class AddEvidence(msgspec.Struct, frozen=True):
    """Add a piece of evidence to a dispute."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    dispute_id: UUID
    evidence_id: UUID
    media_type: str
    file_name: str | None
    content: bytes
    sha256: str
    former_region: str | None = None

    @property
    def characters(self) -> int:
        """Of a text, which is written out for the processor; other files are only named."""
        return len(self.content.decode()) if self.media_type == TEXT else 0


class AnswerDispute(msgspec.Struct, frozen=True):
    """Answer a dispute at the processor: submit what evidence there is, or accept it."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    dispute_id: UUID
    flow_id: UUID
    former_region: str | None = None


def report_of(
    home: tuple[str, str | None],
    merchant_id: UUID,
    correlation_id: str,
    processor: str,
    state: DisputeState,
    *,
    dispute_id: UUID | None = None,
) -> ReportDispute:
    """The command to book what a processor says, with fresh ids for what may come of it.

    Args:
        home: the merchant's region, and its former one while it moves.
    """
    region, former_region = home
    return ReportDispute(
        region=region,
        merchant_id=merchant_id,
        correlation_id=correlation_id,
        processor=processor,
        state=state,
        dispute_id=dispute_id or ids.new(),
        opening_transfer_id=ids.new(),
        closing_transfer_id=ids.new(),
        former_region=former_region,
    )


def watch_of(merchant_id: UUID, processor: str, reference: str) -> UUID:
    """The flow that looks at the dispute that a processor knows by a reference."""
    return ids.derived("dispute", processor, reference, at=merchant_id)


def payment_named(reference: str) -> UUID | None:
    """The payment that a reference of ours names."""
    try:
        payment_id: UUID = ids.decode("payment", reference)
    except ids.MalformedId:
        return None
    return payment_id
