"""The states of payments over a rail: what each verdict and each command makes of each state."""

from collections.abc import Callable
from datetime import timedelta

import msgspec

from app.base.errors import PlatformError
from app.domains.payments import decisions, model
from app.domains.payments.decisions import Next
from app.domains.payments.model import Refund
from tests.payments.desk import AMOUNT, NOW, Desk
from tests.support.tables import Row, table


@table("""
    state           manual stop left verdict         paid next           then            owed held
    processing      0      0    1    approved        -    end            captured        1000 0
    processing      0      0    1    approved        1000 end            captured        1000 0
    processing      1      0    1    approved        1000 end            authorized      0    1000
    processing      0      0    1    approved        999  undo           processing      0    1000
    processing      1      0    1    approved        1001 undo           processing      0    1000
    processing      0      1    1    approved        1000 undo           processing      0    1000
    processing      1      1    1    approved        1000 undo           processing      0    1000
    processing      0      0    1    declined        -    end            declined        0    0
    processing      0      1    1    declined        -    end            declined        0    0
    processing      0      0    2    declined        -    end            declined        0    0
    processing      0      0    1    requires_action -    wait           requires_action 0    1000
    processing      0      1    1    requires_action -    undo           processing      0    1000
    processing      0      0    1    pending         -    wait           requires_action 0    1000
    processing      0      1    1    pending         -    undo           processing      0    1000
    processing      0      0    1    not_executed    -    release_key    failed          0    0
    processing      0      0    2    not_executed    -    next_processor processing      0    1000
    processing      0      1    1    not_executed    -    end            canceled        0    0
    processing      0      1    2    not_executed    -    end            canceled        0    0
    processing      0      0    1    not_found       -    release_key    failed          0    0
    processing      0      1    1    not_found       -    end            canceled        0    0
    requires_action 0      0    1    approved        1000 end            captured        1000 0
    requires_action 1      0    1    approved        1000 end            authorized      0    1000
    requires_action 0      0    1    approved        999  undo           requires_action 0    1000
    requires_action 0      1    1    approved        1000 undo           requires_action 0    1000
    requires_action 0      0    1    declined        -    end            declined        0    0
    requires_action 0      0    1    requires_action -    wait           requires_action 0    1000
    requires_action 0      1    1    requires_action -    undo           requires_action 0    1000
    requires_action 0      0    1    pending         -    wait           requires_action 0    1000
    requires_action 0      0    1    not_found       -    release_key    failed          0    0
    requires_action 0      1    1    not_found       -    end            canceled        0    0
    authorized      1      0    1    approved        1000 end            authorized      0    1000
    authorized      1      0    1    declined        -    end            authorized      0    1000
    captured        0      0    1    approved        1000 end            captured        1000 0
    captured        0      0    1    declined        -    end            captured        1000 0
    captured        0      0    1    not_executed    -    end            captured        1000 0
    declined        0      0    1    approved        1000 end            declined        0    0
    failed          0      0    1    approved        1000 end            failed          0    0
    canceled        0      0    1    approved        1000 end            canceled        0    0
    expired         1      0    1    requires_action -    end            expired         0    0
""")
def test_verdict(row: Row) -> None:
    """A verdict on an authorization moves a payment that is undecided, and no other."""
    desk = Desk(row.state, capture="manual" if row.manual else "automatic", route=row.left)
    desk.rail.cancel_requested = bool(row.stop)
    version = desk.payment.version

    then = desk.hear(row.verdict, row.paid)

    assert (then.value, desk.payment.status) == (row.next, row.then)
    assert (desk.owed, desk.held) == (row.owed, row.held)
    if then is Next.UNDO or row.state not in model.UNDECIDED:
        assert desk.payment.version == version
    desk.assert_balanced()


@table("""
    outcome       said        then      decline_code
    declined      lost_card   declined  lost_card
    declined      -           declined  generic_decline
    not_executed  too_small   failed    too_small
    not_executed  -           failed    not_executed
    not_found     -           failed    not_executed
    approved      ignored     captured  -
""")
def test_a_payment_tells_why_it_did_not_succeed(row: Row) -> None:
    """The decline code is what the processor said, or what its silence means."""
    desk = Desk("processing")

    desk.hear(row.outcome, code=row.said)

    assert (desk.payment.status, desk.rail.decline_code) == (row.then, row.decline_code)
    desk.assert_balanced()


def test_money_that_has_come_is_taken() -> None:
    """A bank transfer cannot be given back, so it is captured, whatever was asked for."""
    desk = Desk("processing", capture="manual")
    desk.payment.method = "bank_transfer"

    then = desk.hear("approved", AMOUNT)

    assert (then, desk.payment.status) == (Next.END, "captured")
    assert (desk.owed, desk.held) == (AMOUNT, 0)
    desk.assert_balanced()


@table("""
    state               canceling  then
    processing                  0  failed
    processing                  1  canceled
    requires_action             0  failed
    requires_action             1  canceled
    authorized                  0  authorized
    partially_captured          0  partially_captured
    captured                    0  captured
    declined                    0  declined
    failed                      0  failed
    canceled                    0  canceled
    expired                     0  expired
""")
def test_undone(row: Row) -> None:
    """What the processor took back ends as canceled or failed, with nothing held any more."""
    desk = Desk(row.state)
    desk.rail.cancel_requested = bool(row.canceling)

    then = decisions.book_undone(desk.book, desk.payment, desk.hold, "approved for 999")

    assert (then, desk.payment.status) == (Next.END, row.then)
    if row.then == "failed" and row.state != "failed":
        assert desk.rail.decline_code == "approved for 999"
    if row.then in {"failed", "canceled"}:
        assert (desk.owed, desk.held, desk.hold.status) == (0, 0, "voided")
    desk.assert_balanced()


@table("""
    state               command    result
    processing          capture    payment_not_capturable
    processing          cancel     payment_not_cancelable    -- it is noted, or waits: see the steps
    processing          expire     payment_not_cancelable
    processing          refund     payment_not_refundable
    requires_action     capture    payment_not_capturable
    requires_action     cancel     payment_not_cancelable
    requires_action     expire     payment_not_cancelable
    requires_action     refund     payment_not_refundable
    authorized          capture    captured
    authorized          part       partially_captured
    authorized          last_part  captured
    authorized          too_much   capture_exceeds_hold
    authorized          cancel     canceled
    authorized          expire     expired
    authorized          refund     payment_not_refundable
    partially_captured  capture    captured
    partially_captured  part       partially_captured
    partially_captured  last_part  captured
    partially_captured  too_much   capture_exceeds_hold
    partially_captured  cancel     captured
    partially_captured  expire     captured
    partially_captured  refund     partially_captured
    captured            capture    payment_not_capturable
    captured            cancel     payment_not_cancelable
    captured            expire     payment_not_cancelable
    captured            refund     captured
    captured            too_much_back  refund_exceeds_capture
    declined            capture    payment_not_capturable
    declined            cancel     payment_not_cancelable
    declined            expire     payment_not_cancelable
    declined            refund     payment_not_refundable
    failed              capture    payment_not_capturable
    failed              cancel     payment_not_cancelable
    failed              expire     payment_not_cancelable
    failed              refund     payment_not_refundable
    canceled            capture    payment_not_capturable
    canceled            cancel     payment_not_cancelable
    canceled            expire     payment_not_cancelable
    canceled            refund     payment_not_refundable
    expired             capture    payment_not_capturable
    expired             cancel     payment_not_cancelable
    expired             expire     payment_not_cancelable
    expired             refund     payment_not_refundable
""")
def test_command(row: Row) -> None:
    """A command whose state is not the right one is refused and changes nothing."""
    desk = Desk(row.state)
    before = msgspec.json.encode(desk.payment), desk.owed, desk.held

    commands: dict[str, Callable[[], object]] = {
        "capture": lambda: desk.take(None),
        "part": lambda: desk.take(100),
        "last_part": lambda: desk.take(100, final=True),
        "too_much": lambda: desk.take(AMOUNT + 1),
        "cancel": lambda: desk.release(expired=False),
        "expire": lambda: desk.release(expired=True),
        "refund": lambda: desk.refund(100),
        "too_much_back": lambda: desk.refund(AMOUNT + 1),
    }
    result = commands[row.command]()

    if isinstance(result, PlatformError):
        assert result.code == row.result
        assert (msgspec.json.encode(desk.payment), desk.owed, desk.held) == before
    else:
        assert desk.payment.status == row.result
    desk.assert_balanced()


@table("""
    state               disputed  asked  result
    captured                   0    600  pending
    captured                   0      -  pending
    captured                   1    600  payment_disputed
    captured                   1   1001  payment_disputed         -- before the amount
    partially_captured         0    400  pending
    partially_captured         0    401  refund_exceeds_capture   -- what is held is not captured
    partially_captured         1    100  payment_disputed
    authorized                 1    100  payment_not_refundable   -- before the dispute
""")
def test_refund(row: Row) -> None:
    """A refund leaves the merchant before the processor has made it; a dispute refuses it."""
    desk = Desk(row.state)
    desk.payment.disputed = bool(row.disputed)
    owed = desk.owed

    refund = desk.refund(row.asked)

    if isinstance(refund, PlatformError):
        assert refund.code == row.result
        assert desk.owed == owed
    else:
        assert refund.status == row.result
        assert desk.owed == owed - refund.amount_minor
        assert desk.payment.amount_refunded_minor == refund.amount_minor
    desk.assert_balanced()


def test_a_refund_that_failed_can_be_made_again() -> None:
    """What came back is the merchant's, and counts as not refunded."""
    desk = Desk("captured")
    refund = desk.refund(700)
    assert isinstance(refund, Refund)

    assert isinstance(desk.refund(400), PlatformError)
    assert desk.fail(refund) is None

    assert (refund.status, refund.failure_code, refund.version) == ("failed", "account_closed", 2)
    assert (desk.owed, desk.payment.amount_refunded_minor) == (AMOUNT, 0)
    assert isinstance(desk.refund(AMOUNT), Refund)
    desk.assert_balanced()


def test_the_amount_is_held_until_somebody_knows() -> None:
    """The hold of a new payment never expires; that of an authorized one does after its days."""
    desk = Desk("processing", capture="manual")
    assert desk.hold.expires_at == decisions.NEVER

    desk.hear("approved", AMOUNT)

    assert desk.hold.expires_at == desk.payment.expires_at == NOW + timedelta(days=7)


def test_the_next_processor_is_asked_only_once_each() -> None:
    """A route is used up from the front, and its end is the end of the payment."""
    desk = Desk("processing", route=2)

    assert desk.hear("not_executed") is Next.NEXT_PROCESSOR
    assert (desk.rail.processor, desk.payment.version) == ("second", 2)
    assert desk.hear("not_executed") is Next.RELEASE_KEY
    assert desk.payment.status == "failed"
