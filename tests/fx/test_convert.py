"""Conversions: amounts at a rate, in currencies of all exponents."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.base.errors import PlatformError
from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS
from app.domains.fx import Conversion, Side, convert, nothing_of, part, plus, worth
from app.domains.fx.model import after_spread, cross, rate_text
from tests.fx.parts import in_parts_of
from tests.support.tables import Row, table


@table("""
    source  target  side      amount  rate      bps  result                   -- gross target spread
    USD     EUR     source     10000  r0.9        0  10000_9000_9000_0
    USD     EUR     source     10000  r0.9      100  10000_9000_8910_90
    USD     EUR     target      8910  r0.9      100  10000_9000_8910_90
    USD     JPY     source     10000  r150        0  10000_15000_15000_0      -- 100.00 USD
    JPY     USD     source     15000  r0.0067     0  15000_10050_10050_0
    USD     KWD     source     10000  r0.3        0  10000_30000_30000_0      -- 30.000 KWD
    KWD     JPY     source      1000  r500        0  1000_500_500_0
    CLF     USD     source     10000  r40         0  10000_4000_4000_0        -- 1.0000 CLF
    JPY     CLF     source        10  r0.00005    0  10_5_5_0
    USD     EUR     source         1  r0.5        0  conversion_too_small     -- half to even
    USD     EUR     source         3  r0.5        0  3_2_2_0                  -- half to even
    USD     EUR     source         5  r0.5        0  5_2_2_0                  -- half to even
    USD     EUR     source        49  r0.9      100  49_44_44_0
    USD     EUR     source        55  r0.9      100  55_50_49_0               -- 1 is rounding
    USD     EUR     source       150  r1        100  150_150_148_2            -- 1.5 and 148.5
    USD     JPY     source         1  r40         0  conversion_too_small
    JPY     USD     target         1  r0.03       0  conversion_too_small
    JPY     USD     target         2  r0.03       0  1_3_2_0                  -- 1 is rounding
    JPY     KWD     source  9007199254740991  r1  0  conversion_too_large
    KWD     JPY     target  9007199254740991  r1  0  conversion_too_large
""")
def test_amounts(row: Row) -> None:
    """Source, gross, target and spread in minor units of their currencies, halves to the even."""
    made = convert(
        row.source,
        row.target,
        side=row.side,
        amount_minor=row.amount,
        reference_rate=Decimal(row.rate[1:]),
        spread_bps=row.bps,
    )

    assert _outcome(made) == row.result


def test_the_largest_amount() -> None:
    """An amount may be as large as amounts can be, on both sides."""
    made = convert(
        "KWD",
        "USD",
        side="source",
        amount_minor=AMOUNT_MINOR_MAX,
        reference_rate=Decimal(10),
        spread_bps=0,
    )

    assert isinstance(made, Conversion)
    assert made.target_minor == made.source_minor == AMOUNT_MINOR_MAX


rates = st.decimals(Decimal("0.000001"), Decimal(1_000_000), places=6, allow_nan=False)
currencies = st.sampled_from(sorted(EXPONENTS))
sides: st.SearchStrategy[Side] = st.sampled_from(("source", "target"))


@given(
    source=currencies,
    target=currencies,
    side=sides,
    amount=st.one_of(st.integers(1, 10_000), st.integers(1, AMOUNT_MINOR_MAX)),
    rate=rates,
    bps=st.integers(0, 1_000),
)
def test_a_conversion_is_the_exact_one_rounded(
    source: str, target: str, side: Side, amount: int, rate: Decimal, bps: int
) -> None:
    """Each amount is within half a minor unit of the exact fraction, and none is lost."""
    made = convert(
        source, target, side=side, amount_minor=amount, reference_rate=rate, spread_bps=bps
    )

    minor = Fraction(rate) * Fraction(10) ** (EXPONENTS[target] - EXPONENTS[source])
    net = minor * (10_000 - bps) / 10_000
    if not isinstance(made, Conversion):
        small, large = Fraction(1, 2), AMOUNT_MINOR_MAX
        other = amount * net if side == "source" else amount / net
        assert isinstance(made, PlatformError)
        # The other side is too small or too large; or with a target that is fixed, the gross is.
        assert other <= small or other > large or amount * minor / net > large
        return
    asked, followed = (
        (made.source_minor, made.target_minor - amount * net)
        if side == "source"
        else (made.target_minor, made.source_minor - amount / net)
    )
    assert asked == amount
    assert abs(followed) <= Fraction(1, 2)
    assert abs(made.gross_minor - made.source_minor * minor) <= Fraction(1, 2)
    assert abs(made.spread_minor - made.source_minor * minor * bps / 10_000) <= Fraction(1, 2)
    # The rounding is below a minor unit of the target, and half a one of the source if that was
    # what followed; both are whole, so three halves are one.
    slack = Fraction(3, 2) + (minor / 2 if side == "target" else 0)
    assert abs(made.rounding_minor) <= slack


@given(
    amount=st.integers(1, AMOUNT_MINOR_MAX),
    rate=rates,
    bps=st.integers(0, 1_000),
    cuts=st.lists(st.integers(1, AMOUNT_MINOR_MAX), max_size=6),
)
def test_parts_sum_to_the_whole(amount: int, rate: Decimal, bps: int, cuts: list[int]) -> None:
    """However a conversion is divided, its parts are it to the minor unit, none negative."""
    whole = convert(
        "USD", "JPY", side="source", amount_minor=amount, reference_rate=rate, spread_bps=bps
    )
    if not isinstance(whole, Conversion):
        return

    places = sorted({0, amount, *(cut % amount for cut in cuts)})
    parts = in_parts_of(whole, [b - a for a, b in pairwise(places)])

    for name in ("source_minor", "gross_minor", "target_minor", "spread_minor", "rounding_minor"):
        assert sum(getattr(each, name) for each in parts) == getattr(whole, name)
    assert all(
        min(each.gross_minor, each.target_minor, each.spread_minor) >= 0 < each.source_minor
        for each in parts
    )


@given(
    amount=st.integers(4, 10**6),
    rate=rates,
    bps=st.integers(0, 1_000),
    sizes=st.lists(st.integers(1, 10**6), min_size=2, max_size=6),
    back=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_parts_that_are_given_back_can_be_had_again(
    amount: int, rate: Decimal, bps: int, sizes: list[int], back: list[bool]
) -> None:
    """Whichever parts come back, what is had in the end is the whole, and never more."""
    whole = convert(
        "KWD", "USD", side="source", amount_minor=amount, reference_rate=rate, spread_bps=bps
    )
    if not isinstance(whole, Conversion):
        return

    had = nothing_of(whole)
    for size, comes_back in zip(sizes, back, strict=False):
        left = amount - had.source_minor
        if left:
            had = plus(had, first := part(whole, had, size % left + 1))
            had = plus(had, first, -1) if comes_back else had
    if had.source_minor < amount:
        had = plus(had, part(whole, had, amount - had.source_minor))

    assert had == whole


@table("""
    source   target      rate
    r1       r1.1716     r1.1716
    r1.1716  r1          r0.853533629225
    r1.1716  r183.77     r156.853875043
    r183.77  r1.1716     r0.00637536050498
    r3       r2          r0.666666666667
    r3       r1          r0.333333333333
    r0.36041  r0.44172   r1.22560417303
""")
def test_rates_between_two_currencies(row: Row) -> None:
    """A rate between two currencies comes from theirs to the euro, with twelve digits."""
    assert rate_text(cross(Decimal(row.source[1:]), Decimal(row.target[1:]))) == row.rate[1:]


@table("""
    reference        bps  rate
    r1.1716            0  r1.1716
    r1.1716          100  r1.159884
    r0.666666666667    1  r0.6666000000003333
    r150             100  r148.5
    r100            1000  r90
    r0.00000100       50  r0.000000995
""")
def test_the_rate_of_a_client_is_exact(row: Row) -> None:
    """The spread is taken off without rounding, and the text has no exponent and no idle zeros."""
    assert rate_text(after_spread(Decimal(row.reference[1:]), row.bps)) == row.rate[1:]


def _outcome(made: Conversion | PlatformError) -> str:
    if isinstance(made, PlatformError):
        return made.code
    amounts = (made.source_minor, made.gross_minor, made.target_minor, made.spread_minor)
    return "_".join(map(str, amounts))


@table("""
    source  target  rate     amount  result
    USD     EUR     r0.9       1500    1350
    USD     JPY     r150.25    1500    2254   -- 15.00 USD are 2253.75 yen
    JPY     USD     r0.0067    1500    1005
    USD     KWD     r0.3       1500    4500
    USD     EUR     r0.5          1       0   -- half to even
    USD     EUR     r0.5          3       2
    USD     EUR     r0.9          0       0
""")
def test_what_an_amount_is_worth(row: Row) -> None:
    """A single amount at a rate is rounded half to even, in currencies of all exponents."""
    assert worth(str(row.rate)[1:], row.source, row.target, row.amount) == row.result
