"""What the sandbox keeps of each thing it was asked for: immutable records, as they go on the wire.

A record's fields are also its answer: what must not be seen outside (a card's number) is not kept.
Amounts are minor units of the record's currency.
"""

from datetime import datetime
from typing import ClassVar, Literal

from msgspec import Struct, field

AuthorizationStatus = Literal["undecided", "requires_action", "approved", "declined", "voided"]
"""`undecided` is never answered: who asks is told to ask later."""

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
    """The sandbox's own name; later records have higher ids."""
    reference: str
    """The name whoever asked gave it."""
    merchant: str
    created_at: datetime


class AuthorizationRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A card's promise to pay up to an amount, and what became of it."""

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
    """What the sandbox will do wrong with it, as documented in docs/sandbox.md."""

    @property
    def capturable_minor(self) -> int:
        """What may still be captured."""
        return self.amount_minor - self.captured_minor - self.voided_minor

    @property
    def refundable_minor(self) -> int:
        """What may still be given back."""
        return self.captured_minor - self.refunded_minor


class CaptureRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A part of an authorization that was taken, or refused."""

    kind = "capture"
    prefix = "ca"

    authorization: str
    status: CaptureStatus
    amount_minor: int = field(name="amount")
    currency: str
    final: bool
    decline_code: str | None = None


class ReversalRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An authorization's end by us; of one that never arrived as well."""

    kind = "reversal"
    prefix = "rv"

    authorization: str
    status: Literal["approved"]
    amount_minor: int = field(name="amount")
    """What it released and gave back."""


class TombstoneRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The grave of an authorization that was reversed before it arrived; its reference is its."""

    kind = "tombstone"
    prefix = "ts"


class ChallengeRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A 3-D Secure page; its reference is the secret part of its address."""

    kind = "challenge"
    prefix = "ch"

    authorization: str


class RefundRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Captured money given back, refused, or found undeliverable days later."""

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
    """What came, which payers may get wrong; none until then."""
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
    """The payout file it came in."""
    traits: tuple[str, ...] = ()


class PayoutFileRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A pain.001 file as it was received; its reference is its message id."""

    kind = "payout_file"
    prefix = "pf"

    status: FileStatus
    count: int
    payouts: tuple[str, ...] = ()
    """References of those it made."""
    rejected: dict[str, str] = {}
    """Reference -> why."""
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
    """Until when evidence is taken."""
    evidence: str | None = None
    """The reference of the evidence that was given."""


class EvidenceRecord(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a merchant said to a dispute."""

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
    """Of the capture, refund, dispute ... it belongs to."""
    authorization: str | None
    merchant: str
    currency: str
    gross_minor: int
    """Positive towards Suya."""
    fee_minor: int
    """What the sandbox keeps of it, never negative; net = gross - fee."""
    reported_minor: int
    """The gross amount the files tell; another one only if the sandbox is asked to lie."""


class Notice(Struct, frozen=True, kw_only=True):
    """Something Suya is told of."""

    type: str
    merchant: str
    data: dict[str, str | int]
    copies: int = 0
    """How often it is repeated though it was received."""


class Timer(Struct, frozen=True, kw_only=True):
    """Something that happens by itself at a time of the sandbox's clock."""

    due_at: datetime
    name: str
    reference: str
