"""The commands on payouts: what is asked, by which key, and the ids that make it harmless twice.

Ids are given when a command is made and not when it runs. A payout's flow has the payout's own id.
"""

from collections.abc import Mapping
from uuid import UUID

from app.engine.idempotency import Command

NO_METADATA: dict[str, str] = {}


class AddBankAccount(Command, frozen=True):
    """Record where a merchant wants its money."""

    bank_account_id: UUID
    iban: str
    """Compact, its check digits right."""
    name: str
    """Who owns it."""
    metadata: Mapping[str, str] = NO_METADATA


class OpenPayout(Command, frozen=True):
    """Pay out a merchant's available money to its bank account."""

    payout_id: UUID
    bank_account_id: UUID
    amount_minor: int | None
    """None: all that is available."""
    currency: str
    key_id: UUID | None
    """The API key that asks; none: the daily schedule does."""
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA


class ApprovePayout(Command, frozen=True):
    """Let a payout above the limit go."""

    payout_id: UUID
    key_id: UUID
    """The API key that approves."""


class CancelPayout(Command, frozen=True):
    """Stop a payout that the bank has not executed."""

    payout_id: UUID


class ReopenPayout(Command, frozen=True):
    """Ask the bank again about a payout that has ended here."""

    payout_id: UUID


class PayAfterAll(Command, frozen=True):
    """Book that the bank has paid a payout that had ended here."""

    payout_id: UUID


class ReturnPayout(Command, frozen=True):
    """The money of a paid payout came back: book it."""

    payout_id: UUID
