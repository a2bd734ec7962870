"""Payments: which command is right in which state, and what it costs."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.base import money
from app.base.errors import PlatformError
from app.domains.payments import decisions, model
from app.domains.payments.errors import RefundNotSupported
from app.domains.payments.model import Capture, Payment, PaymentStatus
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def payment(
    status: PaymentStatus, *, captured: int = 0, refunded: int = 0, amount: int = 100
) -> Payment:
    return Payment(
        merchant_id=UUID(int=1),
        id=UUID(int=2),
        status=status,
        method="wallet",
        capture="manual",
        account_id=UUID(int=3),
        customer=None,
        currency="USD",
        amount_minor=amount,
        amount_captured_minor=captured,
        amount_refunded_minor=refunded,
        fee_minor=0,
        fee_bps=0,
        fee_fixed_minor=0,
        disputed=False,
        hold_id=UUID(int=4),
        description=None,
        metadata={},
        version=1,
        correlation_id="req_1",
        created_at=NOW,
        updated_at=NOW,
        expires_at=None,
    )


@table("""
    status              captured  asked  final  result
    authorized                 0    100      0  captured
    authorized                 0      -      0  captured              -- no amount: all that is left
    authorized                 0     40      0  partially_captured
    authorized                 0     40      1  captured
    authorized                 0    101      0  capture_exceeds_hold
    partially_captured        40     60      0  captured
    partially_captured        40      -      0  captured
    partially_captured        40     59      0  partially_captured
    partially_captured        40     61      0  capture_exceeds_hold
    captured                 100      1      0  payment_not_capturable
    captured                  40      1      0  payment_not_capturable
    canceled                   0    101      0  payment_not_capturable   -- before the amount
    expired                    0      1      0  payment_not_capturable
    processing                 0      1      0  payment_not_capturable
    requires_action            0      1      0  payment_not_capturable
    declined                   0      1      0  payment_not_capturable
    failed                     0      1      0  payment_not_capturable
""")
def test_captures(row: Row) -> None:
    """A capture takes what is held, in parts if asked, and never more."""
    found = payment(row.status, captured=row.captured)
    left = 100 - row.captured

    decided = decisions.resolve_capture(
        found, row.asked, final=bool(row.final), left_minor=left, now=NOW
    )
    if isinstance(decided, Capture):
        decisions.apply_capture(found, decided, NOW)

    assert row.result == (decided.code if isinstance(decided, PlatformError) else found.status)


@table("""
    status              after_s  result
    authorized               -1  captured
    authorized                0  payment_not_capturable
    authorized                1  payment_not_capturable
    partially_captured       -1  captured
    partially_captured        0  payment_not_capturable
""")
def test_what_has_expired_cannot_be_captured(row: Row) -> None:
    """The decision looks at the time itself: the worker that releases the hold may be late."""
    found = payment(row.status, captured=40 if row.status == "partially_captured" else 0)
    found.expires_at = NOW

    decided = decisions.resolve_capture(
        found, None, final=True, left_minor=60, now=NOW + timedelta(seconds=int(row.after_s))
    )

    said = decided.code if isinstance(decided, PlatformError) else "captured"
    assert said == row.result


@table("""
    status              captured  expired  result
    authorized                 0        0  canceled
    authorized                 0        1  expired
    partially_captured        40        0  captured    -- what was captured stays captured
    partially_captured        40        1  captured
    captured                 100        0  payment_not_cancelable
    captured                 100        1  payment_not_cancelable
    canceled                   0        1  payment_not_cancelable
    expired                    0        0  payment_not_cancelable
    declined                   0        0  payment_not_cancelable
""")
def test_releases(row: Row) -> None:
    """Cancel and expiry end an open hold, and nothing else."""
    found = payment(row.status, captured=row.captured)

    refusal = decisions.refuse_cancel(found)
    if refusal is None:
        decisions.apply_release(found, NOW, expired=bool(row.expired))

    assert row.result == (refusal.code if refusal else found.status)


@table("""
    status              captured  refunded  asked  result
    captured                 100         0    100  100
    captured                 100         0      -  100   -- no amount: all that is left
    captured                 100        40      -  60
    captured                 100        40     60  60
    captured                 100        40     61  refund_exceeds_capture
    captured                 100       100      1  refund_exceeds_capture
    captured                 100       100      -  refund_exceeds_capture
    partially_captured        40         0     40  40
    partially_captured        40         0     41  refund_exceeds_capture  -- of 100, but 40 taken
    authorized                 0         0      1  payment_not_refundable
    canceled                   0         0      1  payment_not_refundable
    expired                    0         0      1  payment_not_refundable
    declined                   0         0      1  payment_not_refundable
""")
def test_refunds(row: Row) -> None:
    """A refund gives back what was captured and not refunded yet, and never more."""
    found = payment(row.status, captured=row.captured, refunded=row.refunded)

    decided = decisions.resolve_refund(found, row.asked)

    assert row.result == (decided.code if isinstance(decided, PlatformError) else decided)


def test_what_came_by_bank_transfer_is_not_refunded() -> None:
    """A bank is given payers' accounts by payouts only."""
    found = payment("captured", captured=100)
    found.method = "bank_transfer"

    decided = decisions.resolve_refund(found, 1)

    assert isinstance(decided, RefundNotSupported)


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=8),
    st.integers(0, 10_000),
    st.integers(0, 100),
)
def test_parts_cost_together_what_the_whole_would(parts: list[int], bps: int, fixed: int) -> None:
    """Fees of partial captures add up to the fee of one capture, if each part can bear its own."""
    found = payment("authorized", amount=sum(parts))
    found.fee_bps, found.fee_fixed_minor = bps, fixed
    fees = []

    for part in parts:
        fee = model.fee_of_capture(found, part)
        decisions.apply_capture(found, Capture(part, fee, final=False), NOW)
        fees.append((fee, part))

    assert all(0 <= fee <= part for fee, part in fees)
    whole = money.fee_minor(sum(parts), bps=bps, fixed_minor=fixed)
    assert found.fee_minor <= whole
    if parts[-1] > whole:
        assert found.fee_minor == whole
