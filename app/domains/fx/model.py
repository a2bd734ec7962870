"""Quotes, conversions and their arithmetic: whole numbers and exact decimals. Pure.

What a client pays is rounded up, and what it gets is rounded down, so that no chain of conversions
and of taking them back ends above its beginning. With `e` the difference of the two currencies'
exponents, all of it rounded down:

    gross   source x reference x 10^e                     what the source is worth
    target  source x reference x (1 - spread) x 10^e      what is given for it
    spread  source x reference x spread x 10^e            what the platform earns

Where the target is what is fixed, the source is found from it first, rounded up. What the three
leave between them is the conversion's rounding, which is never negative: at most a minor unit of
the target if the source is fixed, and what one of the source is worth more if the target is.

An amount so small that a minor unit would be more than the spread is refused.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_DOWN, Context, Decimal, Inexact
from typing import Final, Literal
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS, divide_up
from app.domains.fx.errors import ConversionTooLarge, ConversionTooSmall

QuoteStatus = Literal["open", "used"]

Side = Literal["source", "target"]
"""Which amount of a quote was asked for; the other one follows from the rate."""

BPS: Final = 10_000
"""Hundredths of a percent in a whole."""

RATE_DIGITS: Final = 12
"""Significant digits of a rate that is computed from two others: central banks publish six or
fewer, and the largest amount has sixteen, of which the last four then depend on the rounding. It
is rounded down, because a higher rate is a gain of the client."""

ROUNDING_BPS: Final = 100
"""The share of an amount that rounding may take where there is no spread: one percent."""

_ROUNDED: Final = Context(prec=RATE_DIGITS, rounding=ROUND_DOWN)
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
        """What rounding left over, in the target currency; of a part it may be negative."""
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
    """What an amount costs at a rate, rounded up, in minor units of the target currency."""
    made, unit = _minor_ratio(Decimal(rate), source_currency, target_currency)
    return divide_up(source_minor * made, unit)


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
    kept_bps = BPS - spread_bps
    smallest = _smallest(side, worth, unit, spread_bps)
    if amount_minor < smallest:
        return ConversionTooSmall(
            source_currency=source_currency,
            target_currency=target_currency,
            smallest=smallest,
            currency=source_currency if side == "source" else target_currency,
        )
    if side == "source":
        source = amount_minor
        target = source * worth * kept_bps // (unit * BPS)
    else:
        target = amount_minor
        source = divide_up(target * unit * BPS, worth * kept_bps)
    made = Conversion(
        source_currency,
        target_currency,
        source_minor=source,
        gross_minor=source * worth // unit,
        target_minor=target,
        spread_minor=source * worth * spread_bps // (unit * BPS),
    )
    if max(source, made.gross_minor) > AMOUNT_MINOR_MAX:
        return ConversionTooLarge(source_currency=source_currency, target_currency=target_currency)
    return made


def _smallest(side: Side, worth: int, unit: int, spread_bps: int) -> int:
    """The smallest amount of a side whose rounding, a minor unit of the other, is in the spread."""
    kept_bps, share_bps = BPS - spread_bps, spread_bps or ROUNDING_BPS
    if side == "target":
        return divide_up(worth * kept_bps, unit * share_bps)
    return divide_up(unit * BPS, worth * min(kept_bps, share_bps))


def nothing_of(whole: Conversion) -> Conversion:
    """What has been had of a conversion before its first part."""
    return Conversion(whole.source_currency, whole.target_currency, 0, 0, 0, 0)


def step(whole: Conversion, had: Conversion, source_minor: int) -> Conversion:
    """What taking back `source_minor` more of a conversion moves: a refund, or a dispute.

    Below 0 it is what giving so much back again moves, in negative amounts. Either way it is what
    is due after it less what was had before, so that what was had depends on how much was taken
    back and not on the order; the whole is taken back to the minor unit. The target is rounded up,
    because the client gives it.

    Args:
        had: all that was taken back before.
    """
    taken = had.source_minor + source_minor
    return Conversion(
        whole.source_currency,
        whole.target_currency,
        source_minor=source_minor,
        gross_minor=divide_up(whole.gross_minor * taken, whole.source_minor) - had.gross_minor,
        target_minor=divide_up(whole.target_minor * taken, whole.source_minor) - had.target_minor,
        spread_minor=whole.spread_minor * taken // whole.source_minor - had.spread_minor,
    )


def plus(one: Conversion, other: Conversion) -> Conversion:
    """Two parts of one conversion together."""
    return Conversion(
        one.source_currency,
        one.target_currency,
        one.source_minor + other.source_minor,
        one.gross_minor + other.gross_minor,
        one.target_minor + other.target_minor,
        one.spread_minor + other.spread_minor,
    )


def _minor_ratio(rate: Decimal, source_currency: str, target_currency: str) -> tuple[int, int]:
    """Minor units of the target that so many minor units of the source are worth, exactly."""
    worth, unit = rate.as_integer_ratio()
    shift = EXPONENTS[target_currency] - EXPONENTS[source_currency]
    if shift >= 0:
        return worth * 10**shift, unit
    return worth, unit * 10**-shift
