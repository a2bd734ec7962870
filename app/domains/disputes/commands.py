"""The commands on disputes: what is reported or asked, with ids that make asking twice harmless."""

from uuid import UUID

from app.base import ids
from app.domains.disputes.formats import TEXT
from app.engine.idempotency import Command
from app.engine.saga import Flow
from app.processors import DisputeState


class ReportDispute(Command, frozen=True):
    """Book what a processor says of a dispute; that changes nothing twice, and needs no key."""

    processor: str
    state: DisputeState
    dispute_id: UUID
    """Of the dispute, if it is new to us."""
    opening_transfer_id: UUID
    closing_transfer_id: UUID

    @property
    def payment_id(self) -> UUID | None:
        """The disputed payment; none where the processor names something else."""
        return payment_named(self.state.authorization)

    @property
    def watch_id(self) -> UUID:
        """The flow that looks at this dispute: the same whichever process learns of it first."""
        return watch_of(self.merchant_id, self.processor, self.state.id)


class AddEvidence(Command, frozen=True):
    """Add a piece of evidence to a dispute."""

    dispute_id: UUID
    evidence_id: UUID
    media_type: str
    file_name: str | None
    content: bytes
    sha256: str

    @property
    def characters(self) -> int:
        """Of a text, which is written out for the processor; other files are only named."""
        return len(self.content.decode()) if self.media_type == TEXT else 0


class AnswerDispute(Command, frozen=True):
    """Answer a dispute at the processor: submit what evidence there is, or accept it."""

    dispute_id: UUID
    flow_id: UUID


def report_of(
    flow: Flow, processor: str, state: DisputeState, *, dispute_id: UUID | None = None
) -> ReportDispute:
    """The command to book what a processor says, with fresh ids for what may come of it.

    Args:
        flow: which has asked the processor.
    """
    return flow.command(
        ReportDispute,
        None,
        processor=processor,
        state=state,
        dispute_id=dispute_id or ids.new(),
        opening_transfer_id=ids.new(),
        closing_transfer_id=ids.new(),
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
