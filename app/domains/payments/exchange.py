"""A payment in another currency than its merchant's: what was promised, and what came back."""

from uuid import UUID

import msgspec

from app.domains import fx
from app.domains.fx import Conversion, Quote


class Exchange(msgspec.Struct):
    """What a payment converts, for as long as it lives."""

    quote_id: UUID
    rate: str
    """Units of the merchant's currency for one of the payer's, as the quote said."""
    whole: Conversion
    """From what the payer pays to what the merchant gets, its fee included."""
    refunded: Conversion
    """What of it refunds have taken back."""


def exchange_at(quote: Quote) -> Exchange:
    """The exchange of a payment that uses this quote."""
    whole = quote.conversion
    return Exchange(quote.id, fx.rate_text(quote.rate), whole, fx.nothing_of(whole))
