"""What may be asked of foreign exchange."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from app.base.errors import PlatformError
from app.domains.fx.model import Side
from app.domains.ledger import EntrySpec
from app.engine.idempotency import Command

NO_METADATA: Mapping[str, str] = {}


class PromiseQuote(Command, frozen=True):
    """Promise to convert at a rate that was looked up before."""

    quote_id: UUID
    source_currency: str
    target_currency: str
    side: Side
    amount_minor: int
    reference_rate: Decimal | PlatformError
    """Or why there is none."""
    rate_source: str
    rate_day: date
    spread_bps: int
    lock_s: int
    """How long the promise holds."""
    metadata: Mapping[str, str] = NO_METADATA


class ConvertTransfer(Command, frozen=True):
    """Move money between two wallets of a merchant in different currencies, at a quote."""

    transfer_id: UUID
    quote_id: UUID
    entries: Sequence[EntrySpec]
    """One debit in the source currency and one credit in the target currency."""
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA
