"""The commands on payouts: what is asked, by which key, and the ids that make it harmless twice.

Ids are given when a command is made and not when it runs. A payout's flow has the payout's own id.
`former_region` is the other region in which rows of the merchant may be, while it moves.
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from app.engine.idempotency import Intent

NO_METADATA: dict[str, str] = {}


class AddBankAccount(msgspec.Struct, frozen=True):
    """Record where a merchant wants its money."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    bank_account_id: UUID
    iban: str
    """Compact, its check digits right."""
    name: str
    """Who owns it."""
    metadata: Mapping[str, str] = NO_METADATA
    former_region: str | None = None


class OpenPayout(msgspec.Struct, frozen=True):
    """Pay out a merchant's available money to its bank account."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    payout_id: UUID
    bank_account_id: UUID
    amount_minor: int | None
    """None: all that is available."""
    currency: str
    key_id: UUID | None
    """The API key that asks; none: the daily schedule does."""
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA
    former_region: str | None = None


class ApprovePayout(msgspec.Struct, frozen=True):
    """Let a payout above the limit go."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    payout_id: UUID
    key_id: UUID
    """The API key that approves."""
    former_region: str | None = None


class CancelPayout(msgspec.Struct, frozen=True):
    """Stop a payout that the bank has not executed."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    payout_id: UUID
    former_region: str | None = None


class ReturnPayout(msgspec.Struct, frozen=True):
    """The money of a paid payout came back: book it."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    payout_id: UUID
    former_region: str | None = None
