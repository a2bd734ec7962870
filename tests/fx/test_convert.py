"""Conversions: amounts at a rate, in currencies of all exponents."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from app.base.errors import PlatformError
from app.base.money import AMOUNT_MINOR_MAX, EXPONENTS
from app.domains.fx import Conversion, Side, convert, nothing_of, plus, step, worth
from app.domains.fx.errors import ConversionTooLarge, ConversionTooSmall
from app.domains.fx.model import ROUNDING_BPS, after_spread, cross, rate_text
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
    JPY     CLF     source       200  r0.00005    0  200_100_100_0
    USD     EUR     source       199  r0.5        0  conversion_too_small_200_USD
    USD     EUR     source       201  r0.5        0  201_100_100_0            -- 100.5
    USD     EUR     source       111  r0.9      100  conversion_too_small_112_USD
    USD     EUR     source       150  r1        100  150_150_148_1            -- 148.5 and 1.5
    USD     EUR     target       149  r1        100  151_151_149_1            -- 150.5 USD
    USD     JPY     source       249  r40         0  conversion_too_small_250_USD
    JPY     USD     source         1  r0.0067   100  conversion_too_small_150_JPY
    JPY     USD     target       299  r0.03       0  conversion_too_small_300_USD
    JPY     USD     target       301  r0.03       0  101_303_301_0            -- 100.33 JPY
    KRW     GBP     source        10  r0.00057  100  conversion_too_small_1755_KRW
    JPY     KWD     source  9007199254740991  r1  0  conversion_too_large
    KWD     JPY     target  9007199254740991  r1  0  conversion_too_large
""")
def test_amounts(row: Row) -> None:
    """Source, gross, target and spread: what is paid is rounded up, the rest down."""
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
def test_a_conversion_is_the_exact_one_rounded_for_the_platform(
    source: str, target: str, side: Side, amount: int, rate: Decimal, bps: int
) -> None:
    """What a client pays is rounded up and what it gets down, by less than the spread."""
    made = convert(
        source, target, side=side, amount_minor=amount, reference_rate=rate, spread_bps=bps
    )

    minor = Fraction(rate) * Fraction(10) ** (EXPONENTS[target] - EXPONENTS[source])
    net = minor * (10_000 - bps) / 10_000
    paid = amount if side == "source" else amount / net
    spread = paid * Fraction(bps or ROUNDING_BPS, 10_000)
    if isinstance(made, ConversionTooSmall):
        assert spread < (1 / minor if side == "source" else 1)
        return
    if not isinstance(made, Conversion):
        assert max(amount, paid, paid * minor) > AMOUNT_MINOR_MAX - 1 - minor
        return
    assert (made.source_minor if side == "source" else made.target_minor) == amount
    assert 0 <= made.source_minor - paid < 1
    assert made.target_minor == floor(paid * net)
    assert made.gross_minor == floor(made.source_minor * minor)
    assert made.spread_minor == floor(made.source_minor * minor * bps / 10_000)
    assert made.rounding_minor >= 0
    # What rounding costs is at most what the spread costs, or a percent.
    cost = (made.source_minor - paid) + (paid * net - made.target_minor) / minor
    assert cost <= spread


@given(
    source=currencies,
    target=currencies,
    side=sides,
    rate=rates,
    bps=st.integers(0, 1_000),
)
def test_the_smallest_amount_is_named(
    source: str, target: str, side: Side, rate: Decimal, bps: int
) -> None:
    """An amount that is too small is refused with the smallest one that is taken."""
    terms = {"side": side, "reference_rate": rate, "spread_bps": bps}
    refused = convert(source, target, amount_minor=1, **terms)  # type: ignore[arg-type]
    if not isinstance(refused, ConversionTooSmall):
        return
    smallest = refused.facts["smallest"]

    taken = convert(source, target, amount_minor=smallest, **terms)  # type: ignore[arg-type]
    less = convert(source, target, amount_minor=smallest - 1, **terms)  # type: ignore[arg-type]

    assert isinstance(taken, Conversion | ConversionTooLarge)
    assert isinstance(less, ConversionTooSmall)


@given(
    per_euro=st.lists(
        st.tuples(
            currencies,
            st.decimals(Decimal("0.01"), Decimal(50_000), places=4, allow_nan=False),
        ),
        min_size=2,
        max_size=5,
        unique_by=lambda each: each[0],
    ),
    start=st.integers(1, 10**9),
    sides_=st.lists(sides, min_size=6, max_size=6),
    bps=st.integers(0, 300),
    kept=st.lists(st.fractions(0, 1), min_size=6, max_size=6),
)
def test_no_chain_of_conversions_earns_money(
    per_euro: list[tuple[str, Decimal]],
    start: int,
    sides_: list[Side],
    bps: int,
    kept: list[Fraction],
) -> None:
    """Through whatever currencies, and partly taken back: no chain ends above its beginning."""
    worth_in_euro = {
        name: Fraction(10) ** -EXPONENTS[name] / Fraction(rate) for name, rate in per_euro
    }
    held: dict[str, int] = {per_euro[0][0]: start}
    path = [*per_euro, per_euro[0]]
    for (source, source_rate), (target, target_rate), side, back in zip(
        path, path[1:], sides_, kept, strict=False
    ):
        rate = cross(source_rate, target_rate)
        if rate <= 0 or not held.get(source):
            return
        before = sum(minor * worth_in_euro[name] for name, minor in held.items())
        amount = held[source]
        if side == "target":
            ratio = worth_in_euro[source] / worth_in_euro[target]
            amount = floor(amount * ratio * (10_000 - bps) / 10_000) - 1
            if amount < 1:
                return
        made = convert(
            source,
            target,
            side=side,
            amount_minor=amount,
            reference_rate=rate,
            spread_bps=bps,
        )
        if not isinstance(made, Conversion) or made.source_minor > held[source]:
            return
        held[source] -= made.source_minor
        held[target] = held.get(target, 0) + made.target_minor
        # A part is refunded, another one disputed; the first of the two comes back.
        first = floor(made.source_minor * back)
        had = nothing_of(made)
        for size in (first, made.source_minor - first, -first):
            if not size:
                continue
            one = step(made, had, size)
            had = plus(had, one)
            held[source] += one.source_minor
            held[target] -= one.target_minor
            assert sum(minor * worth_in_euro[name] for name, minor in held.items()) <= before
        last = step(made, had, -had.source_minor)
        held[source] += last.source_minor
        held[target] -= last.target_minor
        assert sum(minor * worth_in_euro[name] for name, minor in held.items()) <= before


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
def test_what_was_taken_back_depends_on_how_much_it_is(
    amount: int, rate: Decimal, bps: int, sizes: list[int], back: list[bool]
) -> None:
    """Whichever parts are given again, what is had is the share of what is taken back."""
    whole = convert(
        "KWD", "USD", side="source", amount_minor=amount, reference_rate=rate, spread_bps=bps
    )
    if not isinstance(whole, Conversion):
        return

    had = nothing_of(whole)
    for size, comes_back in zip(sizes, back, strict=False):
        left = amount - had.source_minor
        if left:
            had = plus(had, step(whole, had, size % left + 1))
        if comes_back and had.source_minor:
            had = plus(had, step(whole, had, -(size % had.source_minor + 1)))
        assert had == step(whole, nothing_of(whole), had.source_minor)
    if had.source_minor < amount:
        had = plus(had, step(whole, had, amount - had.source_minor))

    assert had == whole


@table("""
    source   target      rate
    r1       r1.1716     r1.1716
    r1.1716  r1          r0.853533629224
    r1.1716  r183.77     r156.853875042
    r183.77  r1.1716     r0.00637536050497
    r3       r2          r0.666666666666
    r3       r1          r0.333333333333
    r0.36041  r0.44172   r1.22560417302
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
    if isinstance(made, ConversionTooSmall):
        return "_".join((made.code, str(made.facts["smallest"]), made.facts["currency"]))
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
    USD     EUR     r0.5          1       1   -- half a cent
    USD     EUR     r0.5          3       2
    USD     EUR     r0.9          0       0
""")
def test_what_an_amount_is_worth(row: Row) -> None:
    """A single amount at a rate is rounded up, in currencies of all exponents."""
    assert worth(str(row.rate)[1:], row.source, row.target, row.amount) == row.result
