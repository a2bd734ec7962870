"""What clients may ask of the ledger."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from app.domains.ledger.model import NO_METADATA, Direction
from app.engine.idempotency import Command


class OpenAccount(Command, frozen=True):
    """Open a customer's wallet."""

    account_id: UUID
    currency: str
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA


class CloseAccount(Command, frozen=True):
    """Close an empty wallet."""

    account_id: UUID


class EntrySpec(msgspec.Struct, frozen=True):
    """One entry of a transfer that a merchant asks for."""

    account_id: UUID
    direction: Direction
    amount_minor: int
    """> 0"""


class MakeTransfer(Command, frozen=True):
    """Move money between a merchant's wallets."""

    transfer_id: UUID
    currency: str
    entries: Sequence[EntrySpec]
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA


class MakeDeposit(Command, frozen=True):
    """Bring money from outside into a wallet (sandbox only; the edge checks that)."""

    transfer_id: UUID
    account_id: UUID
    currency: str
    amount_minor: int
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA
