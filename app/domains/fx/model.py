"""Quotes, conversions and their arithmetic: whole numbers and exact decimals. Pure.

With `e` the difference of the two currencies' exponents, all of it rounded half to even:

    gross   source x reference x 10^e                     what the source is worth
    target  source x reference x (1 - spread) x 10^e      what is given for it
    spread  source x reference x spread x 10^e            what the platform earns

Where the target is what is fixed, the source is found from it first. What the three leave between
them is the conversion's rounding: below a minor unit of the target if the source is fixed, below
one of the source and one of the target if the target is.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from typing import Final, Literal
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS, divide_half_even
from app.domains.fx.errors import ConversionTooLarge, ConversionTooSmall

QuoteStatus = Literal["open", "used"]

Side = Literal["source", "target"]
"""Which amount of a quote was asked for; the other one follows from the rate."""

BPS: Final = 10_000
"""Hundredths of a percent in a whole."""

RATE_DIGITS: Final = 12
"""Significant digits of a rate that is computed from two others: central banks publish six or
fewer, and the largest amount has sixteen, of which the last four then depend on the rounding."""

_ROUNDED: Final = Context(prec=RATE_DIGITS, rounding=ROUND_HALF_EVEN)
_EXACT: Final = Context(prec=60, traps=[Inexact])  # three times what a rate and a spread need


class Conversion(msgspec.Struct, frozen=True):
    """What changes hands, in minor units of its currency."""

    source_currency: str
    target_currency: str
    source_minor: int
    """What is taken, in the source currency."""
    gross_minor: int
    """What that is worth in the target currency."""
    target_minor: int
    """What is given, in the target currency."""
    spread_minor: int
    """What the platform earns, in the target currency."""

    @property
    def rounding_minor(self) -> int:
        """What rounding left over (> 0), or has to be made good (< 0), in the target currency."""
        return self.gross_minor - self.target_minor - self.spread_minor


class Quote(msgspec.Struct):
    """A promise to convert at a rate, once, until it expires."""

    merchant_id: UUID
    id: UUID
    source_currency: str
    target_currency: str
    side: Side
    source_minor: int
    gross_minor: int
    target_minor: int
    spread_minor: int
    reference_rate: Decimal
    """Units of the target currency for one of the source currency, before the spread."""
    spread_bps: int
    rate_source: str
    rate_day: date
    """Where the reference rate comes from, and of which day it is."""
    status: QuoteStatus
    """An open one expires by the clock alone."""
    transfer_id: UUID | None
    payment_id: UUID | None
    """What used it: one of the two."""
    metadata: Mapping[str, str]
    version: int
    """Counts the quote's events."""
    correlation_id: str
    created_at: datetime
    expires_at: datetime

    @property
    def name(self) -> str:
        """The id on the wire."""
        return ids.encode("fx_quote", self.id)

    @property
    def rate(self) -> Decimal:
        """Units of the target currency that one of the source currency buys."""
        return after_spread(self.reference_rate, self.spread_bps)

    @property
    def conversion(self) -> Conversion:
        """What it promises."""
        return Conversion(
            self.source_currency,
            self.target_currency,
            self.source_minor,
            self.gross_minor,
            self.target_minor,
            self.spread_minor,
        )


def cross(source_per_euro: Decimal, target_per_euro: Decimal) -> Decimal:
    """The rate between two currencies from their rates against a third one."""
    return _ROUNDED.divide(target_per_euro, source_per_euro)


def after_spread(reference: Decimal, spread_bps: int) -> Decimal:
    """The rate a client gets, exactly."""
    whole = _EXACT.multiply(reference, Decimal(BPS - spread_bps))
    return _EXACT.scaleb(whole, Decimal(-4))


def rate_text(rate: Decimal) -> str:
    """A rate as exact decimal text, without an exponent and without idle zeros."""
    return format(_EXACT.normalize(rate), "f")


def worth(rate: str, source_currency: str, target_currency: str, source_minor: int) -> int:
    """What an amount is worth at a rate, half to even, in minor units of the target currency."""
    made, unit = _minor_ratio(Decimal(rate), source_currency, target_currency)
    return divide_half_even(source_minor * made, unit)


def convert(
    source_currency: str,
    target_currency: str,
    *,
    side: Side,
    amount_minor: int,
    reference_rate: Decimal,
    spread_bps: int,
) -> Conversion | PlatformError:
    """A conversion of which one side is `amount_minor`.

    Refusals, the first that applies: ConversionTooSmall, ConversionTooLarge.

    Args:
        amount_minor: of the currency of `side`, 1 to money.AMOUNT_MINOR_MAX.
        reference_rate: > 0
        spread_bps: 0 to BPS - 1
    """
    worth, unit = _minor_ratio(reference_rate, source_currency, target_currency)
    if side == "source":
        source = amount_minor
        target = divide_half_even(source * worth * (BPS - spread_bps), unit * BPS)
    else:
        target = amount_minor
        source = divide_half_even(target * unit * BPS, worth * (BPS - spread_bps))
    made = Conversion(
        source_currency,
        target_currency,
        source_minor=source,
        gross_minor=divide_half_even(source * worth, unit),
        target_minor=target,
        spread_minor=divide_half_even(source * worth * spread_bps, unit * BPS),
    )
    refusal: type[ConversionTooSmall | ConversionTooLarge]
    if min(source, target, made.gross_minor) < 1:
        refusal = ConversionTooSmall
    elif max(source, target, made.gross_minor) > AMOUNT_MINOR_MAX:
        refusal = ConversionTooLarge
    else:
        return made
    return refusal(source_currency=source_currency, target_currency=target_currency)


def nothing_of(whole: Conversion) -> Conversion:
    """What has been had of a conversion before its first part."""
    return Conversion(whole.source_currency, whole.target_currency, 0, 0, 0, 0)


def part(whole: Conversion, had: Conversion, source_minor: int) -> Conversion:
    """The next part of a conversion, `source_minor` of its source: a capture, or a refund.

    It is what is due of the whole once it is done, less what has been had. So parts sum to the
    whole, however each is rounded, and whichever of them were given back meanwhile.

    Args:
        had: earlier parts together.
        source_minor: > 0, at most what is left of the whole source.
    """
    after_minor = had.source_minor + source_minor

    def due(total_minor: int, had_minor: int) -> int:
        share = divide_half_even(total_minor * after_minor, whole.source_minor)
        # Parts that were given back may have been rounded down: then a minor unit too much was had.
        return max(0, share - had_minor)

    return Conversion(
        whole.source_currency,
        whole.target_currency,
        source_minor=source_minor,
        gross_minor=due(whole.gross_minor, had.gross_minor),
        target_minor=due(whole.target_minor, had.target_minor),
        spread_minor=due(whole.spread_minor, had.spread_minor),
    )


def plus(had: Conversion, more: Conversion, sign: int = 1) -> Conversion:
    """Two parts of one conversion together; with a `sign` of -1, the first less the second."""
    return Conversion(
        had.source_currency,
        had.target_currency,
        had.source_minor + sign * more.source_minor,
        had.gross_minor + sign * more.gross_minor,
        had.target_minor + sign * more.target_minor,
        had.spread_minor + sign * more.spread_minor,
    )


def _minor_ratio(rate: Decimal, source_currency: str, target_currency: str) -> tuple[int, int]:
    """Minor units of the target that so many minor units of the source are worth, exactly."""
    worth, unit = rate.as_integer_ratio()
    shift = EXPONENTS[target_currency] - EXPONENTS[source_currency]
    if shift >= 0:
        return worth * 10**shift, unit
    return worth, unit * 10**-shift
