"""What clients see of quotes; events carry the same text."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec

from app.base import ids
from app.domains.fx.model import Quote, rate_text


class QuoteView(msgspec.Struct, frozen=True):
    """A promise to convert at a rate, once, until it expires."""

    id: str
    status: str
    """`open`, `used` or `expired`."""
    source_currency: str
    source_amount: int
    """What is taken, in minor units of the source currency."""
    target_currency: str
    target_amount: int
    """What is given, in minor units of the target currency."""
    fixed_side: str
    """`source` or `target`: the amount that was asked for; the other one follows from the rate."""
    rate: str
    """Units of the target currency for one of the source currency: an exact decimal."""
    reference_rate: str
    """The same before the spread."""
    spread_bps: int
    """The platform's margin, in hundredths of a percent of the reference rate."""
    spread_amount: int
    """And in minor units of the target currency."""
    rate_source: str
    rate_day: date
    transfer: str | None
    """The transfer that used it."""
    payment: str | None
    """The payment that used it."""
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    expires_at: datetime
    object: str = "fx_quote"


_encoder = msgspec.json.Encoder()


def quote_view(quote: Quote, now: datetime | None = None) -> QuoteView:
    """A quote on the wire; as of an instant, an open one may have expired."""
    expired = now is not None and quote.status == "open" and now >= quote.expires_at
    return QuoteView(
        id=quote.name,
        status="expired" if expired else quote.status,
        source_currency=quote.source_currency,
        source_amount=quote.source_minor,
        target_currency=quote.target_currency,
        target_amount=quote.target_minor,
        fixed_side=quote.side,
        rate=rate_text(quote.rate),
        reference_rate=rate_text(quote.reference_rate),
        spread_bps=quote.spread_bps,
        spread_amount=quote.spread_minor,
        rate_source=quote.rate_source,
        rate_day=quote.rate_day,
        transfer=ids.encode("transfer", quote.transfer_id) if quote.transfer_id else None,
        payment=ids.encode("payment", quote.payment_id) if quote.payment_id else None,
        metadata=quote.metadata,
        correlation_id=quote.correlation_id,
        created_at=ids.instant(quote.id),
        expires_at=quote.expires_at,
    )


def quote_text(quote: Quote) -> str:
    """The quote as JSON: the answer, the kept answer and the event's data in one."""
    return _encoder.encode(quote_view(quote)).decode()
