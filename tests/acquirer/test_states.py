"""The sandbox's states, as tables: every state against every command."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from app.sandbox.acquirer import banks, cards, disputes
from app.sandbox.acquirer.model import (
    AuthorizationRecord,
    BankTransferRecord,
    DisputeRecord,
    Instructions,
    PayoutRecord,
)
from tests.support.tables import Row, table

NOW = datetime(2030, 1, 10, tzinfo=UTC)
COMMON: dict[str, Any] = {
    "id": "xx_1",
    "reference": "x_1",
    "merchant": "mer_1",
    "currency": "EUR",
    "created_at": NOW,
}


def _held(row: Row) -> AuthorizationRecord:
    """An authorization of 100 as a row has it: its state, captured, refunded, released."""
    captured, refunded, voided = (int(part) for part in str(row.sums).split("/"))
    return AuthorizationRecord(
        **COMMON,
        status=row.state,
        amount_minor=100,
        captured_minor=captured,
        refunded_minor=refunded,
        voided_minor=voided,
        capture=False,
        brand="visa",
        last4="4242",
    )


def _sums(held: AuthorizationRecord) -> str:
    return f"{held.captured_minor}/{held.refunded_minor}/{held.voided_minor}"


@table("""
    state            sums      asked  final  code                        after
    undecided        0/0/0        10     no  authorization_undecided     0/0/0
    requires_action  0/0/0        10     no  authentication_required     0/0/0
    declined         0/0/0        10     no  authorization_declined      0/0/0
    voided           0/0/100      10     no  authorization_voided        0/0/100
    approved         0/0/0        10     no  -                           10/0/0
    approved         0/0/0        10    yes  -                           10/0/90
    approved         0/0/0       100     no  -                           100/0/0
    approved         0/0/0       101     no  exceeds_authorization       0/0/0
    approved         60/0/0       40     no  -                           100/0/0
    approved         60/0/0       41     no  exceeds_authorization       60/0/0
    approved         60/60/0      40     no  -                           100/60/0
    approved         10/0/90       1     no  exceeds_authorization       10/0/90
""")
def test_capture(row: Row) -> None:
    """Only what is approved and left is captured, and a final capture releases the rest."""
    held, code = cards.capture(_held(row), row.asked, final=row.final == "yes", now=NOW)

    assert (_sums(held), code) == (row.after, row.code)
    assert held.status == row.state


def test_capture_comes_too_late() -> None:
    """After seven days to the second nothing is captured any more."""
    held = _held(Row({"state": "approved", "sums": "0/0/0"}))
    end = NOW + cards.AUTHORIZATION_LIFE

    assert cards.capture(held, 10, final=False, now=end - timedelta(seconds=1))[1] is None
    assert cards.capture(held, 10, final=False, now=end) == (held, "authorization_expired")


@table("""
    state            sums      undo  back  status    after
    undecided        0/0/0      no     0   voided    0/0/100
    requires_action  0/0/0      no     0   voided    0/0/100
    declined         0/0/0      no     0   declined  0/0/0
    voided           0/0/100    no     0   voided    0/0/100
    approved         0/0/0      no     0   voided    0/0/100
    approved         60/0/0     no     0   approved  60/0/40
    approved         100/0/0    no     0   approved  100/0/0
    undecided        0/0/0     yes     0   voided    0/0/100
    requires_action  0/0/0     yes     0   voided    0/0/100
    declined         0/0/0     yes     0   declined  0/0/0
    voided           100/100/0 yes     0   voided    100/100/0
    approved         0/0/0     yes     0   voided    0/0/100
    approved         60/10/0   yes    50   voided    60/60/40
    approved         100/0/0   yes   100   voided    100/100/0
    approved         100/100/0 yes     0   voided    100/100/0
""")
def test_reverse(row: Row) -> None:
    """A reversal releases what is left, and gives back what was captured if it says so."""
    held, back = cards.reverse(_held(row), refund_captured=row.undo == "yes")

    assert (held.status, _sums(held), back) == (row.status, row.after, row.back)


@table("""
    state            sums      asked  code              after
    undecided        0/0/0        10  exceeds_captured  0/0/0
    requires_action  0/0/0        10  exceeds_captured  0/0/0
    declined         0/0/0        10  exceeds_captured  0/0/0
    voided           0/0/100      10  exceeds_captured  0/0/100
    voided           50/50/50      1  exceeds_captured  50/50/50
    approved         0/0/0        10  exceeds_captured  0/0/0
    approved         60/0/0       60  -                 60/60/0
    approved         60/0/0       61  exceeds_captured  60/0/0
    approved         60/40/0      20  -                 60/60/0
    approved         60/40/0      21  exceeds_captured  60/40/0
""")
def test_refund(row: Row) -> None:
    """No more is refunded than was captured."""
    held, code = cards.refund(_held(row), row.asked)

    assert (_sums(held), code) == (row.after, row.code)


@table("""
    state            command   after            code
    requires_action  approve   approved         -
    requires_action  refuse    declined         authentication_failed
    requires_action  abandon   declined         authentication_abandoned
    requires_action  late      requires_action  -
    undecided        approve   undecided        -
    undecided        refuse    undecided        -
    undecided        abandon   undecided        -
    undecided        late      declined         do_not_honor
    approved         refuse    approved         -
    approved         abandon   approved         -
    approved         late      approved         -
    declined         approve   declined         -
    declined         abandon   declined         -
    declined         late      declined         -
    voided           approve   voided           -
    voided           abandon   voided           -
    voided           late      voided           -
""")
def test_who_decides_an_authorization(row: Row) -> None:
    """A payer or a late bank decides where one is asked, and only once."""
    held = _held(Row({"state": row.state, "sums": "0/0/0"}))

    after = {
        "approve": lambda: cards.authenticate(held, approved=True, now=NOW),
        "refuse": lambda: cards.authenticate(held, approved=False, now=NOW),
        "abandon": lambda: cards.abandon(held),
        "late": lambda: cards.settle_late(held, "do_not_honor", NOW),
    }[str(row.command)]()

    assert (after.status, after.decline_code) == (row.after, row.code)


@table("""
    state           command   result
    needs_response  evidence  under_review
    needs_response  accept    lost
    needs_response  won       won
    needs_response  lost      lost
    needs_response  run_out   lost
    needs_response  review    needs_response
    under_review    evidence  -
    under_review    accept    lost
    under_review    won       won
    under_review    lost      lost
    under_review    run_out   under_review
    under_review    review    lost
    won             evidence  -
    won             accept    -
    won             won       won
    won             lost      -
    won             run_out   won
    won             review    won
    lost            evidence  -
    lost            accept    lost
    lost            won       -
    lost            lost      lost
    lost            run_out   lost
    lost            review    lost
""")
def test_disputes(row: Row) -> None:
    """A dispute ends once; a dash in the table is a refusal."""
    dispute = _dispute(str(row.state))

    commands: dict[str, Callable[[], DisputeRecord | None]] = {
        "evidence": lambda: disputes.give_evidence(dispute, "evi_1", NOW),
        "accept": lambda: disputes.accept(dispute),
        "won": lambda: disputes.decide(dispute, "won"),
        "lost": lambda: disputes.decide(dispute, "lost"),
        "run_out": lambda: disputes.run_out(dispute),
        "review": lambda: disputes.end_review(dispute),
    }
    after = commands[str(row.command)]()

    assert (None if after is None else after.status) == row.result


def test_evidence_comes_too_late() -> None:
    """Evidence is taken until the deadline, and not at it."""
    dispute = _dispute("needs_response")

    assert disputes.give_evidence(dispute, "evi_1", dispute.due_at) is None


def _dispute(status: str) -> DisputeRecord:
    return DisputeRecord(
        **COMMON,
        authorization="pay_1",
        status=status,  # type: ignore[arg-type]
        reason="fraudulent",
        amount_minor=100,
        fee_minor=disputes.fee_minor("EUR"),
        due_at=NOW + disputes.RESPONSE_TIME,
    )


@table("""
    state     command   result
    pending   arrive    approved
    pending   expire    expired
    approved  arrive    approved
    approved  expire    approved
    expired   arrive    -
    expired   expire    expired
""")
def test_bank_transfers(row: Row) -> None:
    """Money arrives once, and not after the transfer expired."""
    transfer = BankTransferRecord(
        **COMMON, status=row.state, amount_minor=100, instructions=Instructions("DE", "X1")
    )

    after = banks.arrive(transfer) if row.command == "arrive" else banks.expire(transfer)

    assert (None if after is None else after.status) == row.result


@table("""
    state     command  result
    pending   cancel   canceled
    pending   pay      approved
    pending   decline  declined
    pending   return   pending
    approved  cancel   approved
    approved  pay      approved
    approved  decline  approved
    approved  return   returned
    declined  cancel   declined
    declined  pay      declined
    declined  return   declined
    returned  cancel   returned
    returned  pay      returned
    returned  decline  returned
    returned  return   returned
    canceled  pay      canceled
    canceled  decline  canceled
    canceled  return   canceled
""")
def test_payouts(row: Row) -> None:
    """A payout that has left cannot be canceled, nor can a canceled one leave."""
    payout = PayoutRecord(**COMMON, status=row.state, amount_minor=100, iban="DE", name="Ada")

    after = {
        "cancel": lambda: banks.cancel(payout),
        "pay": lambda: banks.pay(payout),
        "decline": lambda: banks.decline(payout, "account_closed"),
        "return": lambda: banks.give_back(payout, "account_closed"),
    }[str(row.command)]()

    assert after.status == row.result
