"""The sandbox's records: immutable, and written on the wire as they are.

A record's fields are also its answer, so what must not be seen outside (a card's number) is not
kept. Amounts are minor units of the record's currency.
"""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct, field

AuthorizationStatus = Literal["undecided", "requires_action", "approved", "declined", "voided"]
"""`undecided` is never answered: the client is told to ask later."""

CaptureStatus = Literal["approved", "declined"]
RefundStatus = Literal["approved", "declined", "failed"]
TransferStatus = Literal["pending", "approved", "expired"]
PayoutStatus = Literal["pending", "approved", "declined", "returned", "canceled"]
DisputeStatus = Literal["needs_response", "under_review", "won", "lost"]
FileStatus = Literal["accepted", "partially_accepted", "rejected"]


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every record has; within a kind a reference names one record."""

    kind: ClassVar[str]
    prefix: ClassVar[str]

    id: str
    """The sandbox's own id; later records have higher ids."""
    reference: str
    """The client's name for it."""
    merchant: str
    created_at: datetime


class AuthorizationRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A card's promise to pay up to an amount, and its state."""

    kind = "authorization"
    prefix = "au"

    status: AuthorizationStatus
    amount_minor: int = field(name="amount")
    captured_minor: int = field(name="captured_amount")
    refunded_minor: int = field(name="refunded_amount")
    voided_minor: int = field(name="voided_amount")
    """What will not be captured any more."""
    currency: str
    capture: bool
    """Whether all of it is captured as soon as it is approved."""
    brand: str
    last4: str
    decline_code: str | None = None
    action_url: str | None = None
    dispute: str | None = None
    traits: tuple[str, ...] = ()
    """The sandbox's faults with it, as documented in docs/sandbox.md."""

    @property
    def capturable_minor(self) -> int:
        """What may still be captured."""
        return self.amount_minor - self.captured_minor - self.voided_minor

    @property
    def refundable_minor(self) -> int:
        """What may still be refunded."""
        return self.captured_minor - self.refunded_minor


class CaptureRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A captured part of an authorization, or a declined capture."""

    kind = "capture"
    prefix = "ca"

    authorization: str
    status: CaptureStatus
    amount_minor: int = field(name="amount")
    currency: str
    final: bool
    decline_code: str | None = None


class ReversalRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The end of an authorization by request; also of one that never arrived."""

    kind = "reversal"
    prefix = "rv"

    authorization: str
    status: Literal["approved"]
    amount_minor: int = field(name="amount")
    """What it released and gave back."""


class TombstoneRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Marks an authorization that was reversed before it arrived, under that reference."""

    kind = "tombstone"
    prefix = "ts"


class ChallengeRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A 3-D Secure page; its reference is the secret part of its address."""

    kind = "challenge"
    prefix = "ch"

    authorization: str


class RefundRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A refund: approved, declined, or failed days later."""

    kind = "refund"
    prefix = "rf"

    authorization: str
    status: RefundStatus
    amount_minor: int = field(name="amount")
    currency: str
    decline_code: str | None = None


class Instructions(Struct, frozen=True):
    """Where a payer's bank sends the money."""

    iban: str
    reference_text: str


class BankTransferRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Money expected from a payer's bank."""

    kind = "bank_transfer"
    prefix = "bt"

    status: TransferStatus
    amount_minor: int = field(name="amount")
    currency: str
    instructions: Instructions
    received_minor: int | None = field(default=None, name="received_amount")
    """What arrived, which payers may get wrong; none until then."""
    traits: tuple[str, ...] = ()


class PayoutRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Money on its way to a bank account."""

    kind = "payout"
    prefix = "po"

    status: PayoutStatus
    amount_minor: int = field(name="amount")
    currency: str
    iban: str
    name: str
    decline_code: str | None = None
    """Why it was declined or returned."""
    file: str | None = None
    """The payout file that had it."""
    traits: tuple[str, ...] = ()


class PayoutFileRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A pain.001 file as it was received; its reference is its message id."""

    kind = "payout_file"
    prefix = "pf"

    status: FileStatus
    count: int
    payouts: tuple[str, ...] = ()
    """References of the payouts that it made."""
    rejected: dict[str, str] = {}
    """Reference -> why it was refused."""
    reason: str | None = None


class DisputeRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A payer's bank wants captured money back; its reference is its own id."""

    kind = "dispute"
    prefix = "dp"

    authorization: str
    status: DisputeStatus
    reason: str
    amount_minor: int = field(name="amount")
    fee_minor: int = field(name="fee")
    currency: str
    due_at: datetime
    """Until when evidence is accepted."""
    evidence: str | None = None
    """The reference of the evidence."""


class EvidenceRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A merchant's evidence on a dispute."""

    kind = "evidence"
    prefix = "ev"

    dispute: str
    text: str


KINDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (
        *(
            AuthorizationRecord,
            CaptureRecord,
            ReversalRecord,
            TombstoneRecord,
            ChallengeRecord,
            RefundRecord,
        ),
        *(BankTransferRecord, PayoutRecord, PayoutFileRecord, DisputeRecord, EvidenceRecord),
    )
}
"""Kind -> its record."""

MovementKind = Literal[
    "capture",
    "refund",
    "refund_failed",
    "dispute",
    "dispute_won",
    "bank_transfer",
    "payout",
    "payout_returned",
]


class Movement(Struct, frozen=True, kw_only=True):
    """Money that moved between the sandbox and Suya: one line of a settlement file."""

    kind: MovementKind
    reference: str
    """The id of the capture, refund, dispute ... that it belongs to."""
    authorization: str | None
    merchant: str
    currency: str
    gross_minor: int
    """Positive towards Suya."""
    fee_minor: int
    """The sandbox's fee, never negative; net = gross - fee."""
    reported_minor: int
    """The gross amount in the files; a wrong one only if a fault asks for it."""


class Notice(Struct, frozen=True, kw_only=True):
    type: str
    merchant: str
    data: dict[str, str | int]
    copies: int = 0
    """How often it is repeated though it was received."""


class Timer(Struct, frozen=True, kw_only=True):
    """Something that is due at a time of the sandbox's clock."""

    due_at: datetime
    name: str
    reference: str
