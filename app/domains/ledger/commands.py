"""What clients may ask of the ledger."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from app.domains.ledger.model import (
    NO_METADATA,
    Direction,
)
from app.engine.idempotency import Intent


class OpenAccount(msgspec.Struct, frozen=True):
    """Open a customer's wallet."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    account_id: UUID
    currency: str
    customer: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA
    former_region: str | None = None


class CloseAccount(msgspec.Struct, frozen=True):
    """Close an empty wallet."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    account_id: UUID
    former_region: str | None = None


class EntrySpec(msgspec.Struct, frozen=True):
    """One entry of a transfer that a merchant asks for."""

    account_id: UUID
    direction: Direction
    amount_minor: int
    """> 0"""


class MakeTransfer(msgspec.Struct, frozen=True):
    """Move money between a merchant's wallets."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    transfer_id: UUID
    currency: str
    entries: Sequence[EntrySpec]
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA
    former_region: str | None = None


class MakeDeposit(msgspec.Struct, frozen=True):
    """Bring money from outside into a wallet (sandbox only; the edge checks that)."""

    region: str
    merchant_id: UUID
    intent: Intent | None
    correlation_id: str
    transfer_id: UUID
    account_id: UUID
    currency: str
    amount_minor: int
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA
    former_region: str | None = None
