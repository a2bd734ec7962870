"""The rules of the comparison with the acquirer, as tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.operate.verify import agreement
from app.operate.verify.agreement import (
    OurDispute,
    OurPayment,
    OurPayout,
    OurRefund,
    ProcessorRecord,
)
from tests.support.tables import Row, table

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def _record(status: str, **fields: Any) -> ProcessorRecord:
    """The acquirer's record, of 100 EUR."""
    given: dict[str, Any] = {"amount": 100} | fields
    return ProcessorRecord(
        id="x", reference="x", merchant="mer", status=status, currency="EUR", **given
    )


def _payment(status: str, captured: int = 0, refunded: int = 0, left: int = 0) -> OurPayment:
    """Suya's record, of 100 EUR."""
    return OurPayment("x", status, "EUR", 100, captured, refunded, None, "acquirer", NOW, left)


@table("""
    there            captured  refunded  voided  here                ours  back  left  agrees
    approved              100         0       0  captured             100     0     0     yes
    approved              100        40       0  captured             100    40     0     yes
    approved                0         0       0  authorized             0     0   100     yes
    approved               30         0       0  partially_captured    30     0    70     yes
    approved               30         0      70  captured              30     0     0     yes
    declined                0         0       0  declined               0     0     0     yes
    declined                0         0       0  failed                 0     0     0     yes
    voided                  0         0     100  canceled               0     0     0     yes
    voided                100       100       0  failed                 0     0     0     yes
    requires_action         0         0       0  requires_action        0     0     0     yes
    approved              100         0       0  captured              99     0     0      no
    approved              100        40       0  captured             100     0     0      no
    approved              100         0       0  captured             100    40     0      no
    approved                0         0       0  declined               0     0     0      no
    approved                0         0       0  expired                0     0     0      no
    approved              100         0       0  failed                 0     0     0      no
    approved              100        40       0  canceled               0     0     0      no
    approved              100         0       0  processing             0     0     0      no
    voided                  0         0     100  authorized             0     0   100      no
    declined                0         0       0  captured             100     0     0      no
    approved               30         0       0  captured              30     0     0      no
    requires_action         0         0       0  declined               0     0     0      no
    requires_action         0         0       0  authorized             0     0   100      no
""")
def test_authorizations(row: Row) -> None:
    """The captured, refunded and held amounts are the same on both sides."""
    there = _record(
        row.there,
        captured_amount=row.captured,
        refunded_amount=row.refunded,
        voided_amount=row.voided,
    )
    here = _payment(row.here, row.ours, row.back, row.left)

    what = agreement.judge_authorization(there, here, "acquirer")

    assert (what is None) == (row.agrees == "yes")


@table("""
    there     booked  agrees
    approved     100     yes
    declined    -        yes
    approved    -         no
    approved      99      no
    declined     100      no
""")
def test_captures(row: Row) -> None:
    """Each capture at the acquirer is booked here, and no other."""
    what = agreement.judge_capture(_record(row.there), row.booked)

    assert (what is None) == (row.agrees == "yes")


@table("""
    there     amount  here       agrees
    approved     100  succeeded     yes
    declined     100  failed        yes
    failed       100  failed        yes
    approved      99  succeeded      no
    approved     100  failed         no
    approved     100  pending        no
    failed       100  succeeded      no
    declined     100  pending        no
""")
def test_refunds(row: Row) -> None:
    """A refund succeeded here if it did at the acquirer, for the same amount."""
    here = OurRefund("x", "p", row.here, "EUR", 100)

    what = agreement.judge_refund(_record(row.there, amount=row.amount), here)

    assert (what is None) == (row.agrees == "yes")


@table("""
    there     came  here             ours  agrees
    approved   100  captured          100     yes
    pending      0  requires_action     0     yes
    expired      0  declined            0     yes
    approved   100  canceled            0      no
    approved    99  captured          100      no
    pending      0  captured          100      no
""")
def test_bank_transfers(row: Row) -> None:
    """The money that arrived at the acquirer is booked here."""
    there = _record(row.there, received_amount=row.came)
    here = _payment(row.here, row.ours)

    what = agreement.judge_bank_transfer(there, here)

    assert (what is None) == (row.agrees == "yes")


@table("""
    there     here        code       agrees
    approved  paid        -             yes
    declined  failed      no_account    yes
    returned  failed      returned      yes
    canceled  canceled    -             yes
    pending   in_transit  -             yes
    returned  paid        -              no
    approved  failed      no_account     no
    approved  canceled    -              no
    pending   paid        -              no
    declined  failed      returned       no
    approved  in_transit  -              no
""")
def test_payouts(row: Row) -> None:
    """A payout has the same end on both sides."""
    what = agreement.judge_payout(
        _record(row.there), OurPayout("x", row.here, "EUR", 100, row.code, NOW)
    )

    assert (what is None) == (row.agrees == "yes")


@table("""
    there           here            about  amount  currency  fee  agrees  may_catch_up
    needs_response  needs_response  pay_1     100  EUR        15     yes            no
    under_review    under_review    pay_1     100  EUR        15     yes            no
    won             won             pay_1     100  EUR        15     yes            no
    lost            lost            pay_1     100  EUR        15     yes            no
    under_review    needs_response  pay_1     100  EUR        15      no           yes
    won             needs_response  pay_1     100  EUR        15      no           yes
    lost            under_review    pay_1     100  EUR        15      no           yes
    needs_response  under_review    pay_1     100  EUR        15      no            no
    under_review    won             pay_1     100  EUR        15      no            no
    needs_response  lost            pay_1     100  EUR        15      no            no
    won             lost            pay_1     100  EUR        15      no            no
    lost            won             pay_1     100  EUR        15      no            no
    unheard_of      needs_response  pay_1     100  EUR        15      no            no
    needs_response  needs_response  pay_2     100  EUR        15      no            no
    needs_response  needs_response  pay_1      99  EUR        15      no            no
    needs_response  needs_response  pay_1     100  USD        15      no            no
    needs_response  needs_response  pay_1     100  EUR         0      no            no
    needs_response  needs_response  pay_1     100  EUR        16      no            no
    lost            needs_response  pay_1     100  EUR        16      no            no
    lost            lost            pay_1     100  EUR         0      no            no
    lost            needs_response  pay_2     100  EUR        15      no            no
    lost            needs_response  pay_1     101  EUR        15      no            no
    lost            needs_response  pay_1     100  EUR        14      no            no
    needs_response  under_review    pay_1     100  EUR         0      no            no
""")
def test_disputes(row: Row) -> None:
    """A dispute is the same on both sides, but Suya may learn its state later."""
    there = _record(row.there, authorization="pay_1", fee=15)
    here = OurDispute(row.about, row.here, row.currency, row.amount, row.fee, NOW, NOW)

    assert (agreement.judge_dispute(there, here) is None) == (row.agrees == "yes")
    assert agreement.may_catch_up(there, here) == (row.may_catch_up == "yes")


@table("""
    there           here            days  may_catch_up
    needs_response  under_review       1           yes
    needs_response  under_review       0            no
    needs_response  under_review      -1            no
    needs_response  lost               1            no
""")
def test_a_dispute_with_more_time_there(row: Row) -> None:
    """If the processor gives more time, an answered dispute may need an answer again."""
    due_at = NOW + timedelta(days=row.days)
    there = _record(row.there, authorization="pay_1", fee=15, due_at=due_at)
    here = OurDispute("pay_1", row.here, "EUR", 100, 15, NOW, NOW)

    assert agreement.may_catch_up(there, here) == (row.may_catch_up == "yes")


def test_what_is_unknown_here_disagrees() -> None:
    """A record that Suya does not have is a difference, whatever its state."""
    there = _record("declined")

    assert agreement.judge_authorization(there, None, "acquirer") == agreement.UNKNOWN
    assert agreement.judge_bank_transfer(there, None) == agreement.UNKNOWN
    assert agreement.judge_refund(there, None) == agreement.UNKNOWN
    assert agreement.judge_payout(there, None) == agreement.UNKNOWN
    assert agreement.judge_dispute(there, None) == agreement.UNKNOWN
    decided = msgspec.structs.replace(there, status="won", fee=15)
    assert agreement.judge_dispute(decided, None) == (
        "it is won there with a fee of 15, and is not booked here"
    )


def test_what_is_with_another_processor_must_not_be_there() -> None:
    """A payment that went to the next processor has nothing left at the one before."""
    there = _record("approved")

    assert agreement.judge_authorization(there, _payment("authorized", left=100), "stripe")
