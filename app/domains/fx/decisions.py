"""Using a quote, and what its conversion moves on the platform's own accounts: pure.

A quote is used once, before it expires, for exactly what it promises. It moves

    debit                         credit
    the payer (source)            fx_position (source)
    fx_position (target): gross   the payee (target), fx_spread (target), rounding (target)

The platform's part is made here; who pays and who is paid, and how the payee's side is divided
between a merchant and its fee, is the caller's. Back again, everything is the other way round.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains.fx.errors import QuoteExpired, QuoteMismatch, QuoteNotFound, QuoteUsed
from app.domains.fx.model import Conversion, Quote
from app.domains.fx.views import quote_text
from app.domains.ledger import Change
from app.domains.ledger.model import ChartAccount, platform_account
from app.engine.events import Fact


class QuoteUse(msgspec.Struct, frozen=True):
    """What a command wants of a quote; a field that is left out may have any value."""

    quote_id: UUID
    source_currency: str | None = None
    source_minor: int | None = None
    target_currency: str | None = None
    target_minor: int | None = None


_FIELDS: Mapping[str, str] = {
    "source_currency": "source_currency",
    "source_minor": "source_amount",
    "target_currency": "target_currency",
    "target_minor": "target_amount",
}
"""Attribute -> its name on the wire."""


def decide_use(quote: Quote | None, use: QuoteUse, now: datetime) -> Conversion | PlatformError:
    """What a quote converts, if it may be used for this; the quote is not changed yet.

    Refusals, the first that applies: QuoteNotFound, QuoteUsed, QuoteExpired, QuoteMismatch.
    """
    if quote is None:
        return QuoteNotFound(quote=ids.encode("fx_quote", use.quote_id))
    if quote.status != "open":
        return QuoteUsed(quote=quote.name)
    if now >= quote.expires_at:
        return QuoteExpired(quote=quote.name, expires_at=quote.expires_at.isoformat())
    for attribute, field in _FIELDS.items():
        asked, quoted = getattr(use, attribute), getattr(quote, attribute)
        if asked is not None and asked != quoted:
            return QuoteMismatch(quote=quote.name, field=field, quoted=quoted, asked=asked)
    return quote.conversion


def apply_use(
    quote: Quote, *, transfer_id: UUID | None = None, payment_id: UUID | None = None
) -> None:
    """The quote was used, by a transfer or by a payment."""
    assert (transfer_id is None) != (payment_id is None)
    quote.status = "used"
    quote.transfer_id = transfer_id
    quote.payment_id = payment_id
    quote.version += 1


def used_event(quote: Quote, correlation_id: str, at: datetime) -> Fact:
    """The fact that a quote was used."""
    return quote_event(quote, "fx_quote.used", correlation_id, at)


def quote_event(quote: Quote, event_type: str, correlation_id: str, at: datetime) -> Fact:
    """A fact about a quote, as it is now."""
    return Fact(
        merchant_id=quote.merchant_id,
        type=event_type,
        object_id=quote.id,
        sequence=quote.version,
        data=quote_text(quote),
        correlation_id=correlation_id,
        created_at=at,
    )


def chart_accounts(
    region: str, source_currency: str, target_currency: str, *, stripe: int
) -> list[ChartAccount]:
    """The platform's accounts that a conversion between two currencies may touch."""
    return [
        platform_account(region, source_currency, "fx_position", stripe),
        *[
            platform_account(region, target_currency, kind, stripe)
            for kind in ("fx_position", "fx_spread", "rounding")
        ],
    ]


def legs(region: str, conversion: Conversion, *, stripe: int, back: bool = False) -> list[Change]:
    """The platform's changes of a conversion, or of taking one back.

    With them goes a debit of the payer by `source_minor` and credits of the payee that sum to
    `target_minor`; `back`, a credit of the payer and debits of the payee.
    """
    source, position, spread, rounding = chart_accounts(
        region, conversion.source_currency, conversion.target_currency, stripe=stripe
    )
    moved = (
        (source, -conversion.source_minor),
        (position, conversion.gross_minor),
        (spread, -conversion.spread_minor),
        (rounding, -conversion.rounding_minor),
    )
    # Debits are counted as positive. A part may leave one of the sums as it is; then there is no
    # entry, because an entry moves something.
    sign = -1 if back else 1
    return [_change(account, sign * minor) for account, minor in moved if minor]


def _change(account: ChartAccount, debit_minor: int) -> Change:
    direction = "debit" if debit_minor > 0 else "credit"
    return Change(ids.NIL, account.id, direction, abs(debit_minor))  # type: ignore[arg-type]
