"""Using a quote: refusals in their order, and what a use leaves."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.base import ids
from app.base.errors import PlatformError
from app.domains.fx import Quote, QuoteUse, apply_use, decide_use
from app.domains.fx.model import QuoteStatus
from app.domains.fx.views import quote_view
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MERCHANT = UUID(int=7)


def quote(
    status: QuoteStatus = "open", expires_at: datetime = NOW + timedelta(seconds=60)
) -> Quote:
    """A hundred dollars for 89.10 euros."""
    return Quote(
        MERCHANT, ids.new(), "USD", "EUR", "source", 10_000, 9_000, 8_910, 90, Decimal("0.9"), 100,
        "fixed", date(2026, 1, 30), status, UUID(int=9) if status == "used" else None, None, {}, 1,
        "req_1", NOW, expires_at,
    )  # fmt: skip


@table("""
    found    status  left_s  source  source_minor  target  target_minor  result
    yes      open        60  USD            10000  EUR             8910  converted
    yes      open        60  -                  -  -                  -  converted
    yes      open         1  USD                -  -               8910  converted
    no       -            -  USD            10000  EUR             8910  quote_not_found
    yes      used        60  USD            10000  EUR             8910  quote_used
    yes      used         0  EUR            10000  EUR             8910  quote_used      -- first
    yes      open         0  USD            10000  EUR             8910  quote_expired   -- at once
    yes      open       -60  EUR            10000  EUR             8910  quote_expired   -- first
    yes      open        60  EUR            10000  EUR             8910  quote_mismatch
    yes      open        60  USD             9999  EUR             8910  quote_mismatch
    yes      open        60  USD            10001  EUR             8910  quote_mismatch
    yes      open        60  USD            10000  USD             8910  quote_mismatch
    yes      open        60  USD            10000  EUR             8911  quote_mismatch
""")
def test_refusals(row: Row) -> None:
    """A quote is used once, before it expires, and for nothing else than it says."""
    found = None
    if row.found == "yes":
        found = quote(row.status, NOW + timedelta(seconds=row.left_s))
    use = QuoteUse(ids.new(), row.source, row.source_minor, row.target, row.target_minor)

    outcome = decide_use(found, use, NOW)

    if isinstance(outcome, PlatformError):
        assert outcome.code == row.result
    else:
        assert row.result == "converted"
        assert found is not None
        assert outcome == found.conversion


def test_a_mismatch_is_told() -> None:
    """The refusal names the field, what it is, and what was asked for."""
    error = decide_use(quote(), QuoteUse(ids.new(), source_minor=5), NOW)

    assert isinstance(error, PlatformError)
    assert (error.facts["field"], error.facts["quoted"]) == ("source_amount", 10_000)
    assert error.facts["asked"] == 5


def test_a_use_uses_it_up() -> None:
    """After its use a quote is refused, and it names what used it."""
    found = quote()

    apply_use(found, payment_id=UUID(int=3))

    assert quote_view(found).payment == ids.encode("payment", UUID(int=3))
    assert (found.status, found.version) == ("used", 2)
    refusal = decide_use(found, QuoteUse(found.id), NOW)
    assert isinstance(refusal, PlatformError)
    assert refusal.code == "quote_used"


@table("""
    status  seconds  shown
    open         59  open
    open         60  expired
    used         60  used
""")
def test_a_quote_expires_by_the_clock(row: Row) -> None:
    """What nobody used in time is shown as expired, although no row was changed."""
    view = quote_view(quote(row.status), NOW + timedelta(seconds=row.seconds))

    assert view.status == row.shown
