"""The checker finds what is wrong with payments by card: only the sound history passes."""

from collections.abc import Callable

import msgspec
import pytest

from app.devkit.chaos import History
from app.devkit.chaos.card_report import card_report, told
from app.devkit.chaos.model import NO_ANSWER, Attempt, FinalFlow, Operation, Wrong
from tests.chaos.card_story import (
    ask_by_card,
    capture_lines,
    change_here,
    change_there,
    give_back,
    hold,
    paid_by_card,
    put,
    refund_lines,
    take,
    there,
    view,
)
from tests.chaos.story import MERCHANT, Story, undo


def charge_twice_there(story: Story) -> None:
    change_there(story, "pay_1", amount=600, captured=600)


def charge_a_declined_card_there(story: Story) -> None:
    change_there(story, "pay_4", status="approved", captured=90)


def hold_what_was_declined_there(story: Story) -> None:
    change_there(story, "pay_4", status="approved")


def hold_what_was_canceled_there(story: Story) -> None:
    change_there(story, "pay_3", status="approved", voided=0)


def go_on_holding_the_rest_of_a_capture_there(story: Story) -> None:
    change_there(story, "pay_2", voided=0)


def charge_what_failed_here(story: Story) -> None:
    story.there["pay_5"] = there("pay_5", 500, captured=500)


def charge_what_nobody_knows_here(story: Story) -> None:
    story.there["pay_9"] = there("pay_9", 70, captured=70)


def keep_captured_money_of_what_was_undone(story: Story) -> None:
    change_there(story, "pay_3", captured=400, voided=0)


def know_nothing_of_a_charge_there(story: Story) -> None:
    del story.there["pay_1"]


def make_no_refund_there(story: Story) -> None:
    change_there(story, "pay_1", refunded=0)


def make_a_refund_twice_there(story: Story) -> None:
    change_there(story, "pay_1", refunded=200)


def leave_a_payment_processing(story: Story) -> None:
    ask_by_card(story, "p7", 600)
    hold(story, "p7", "pay_7", 600)
    put(story, "p7", "pay_7", 600, status="processing")


def leave_a_refund_pending(story: Story) -> None:
    story.refunds[1] = msgspec.structs.replace(story.refunds[1], status="pending")


def leave_a_flow_parked(story: Story) -> None:
    story.flows.append(FinalFlow("p1", "authorization", "parked", 34, "unknown"))


def fail_what_was_acknowledged(story: Story) -> None:
    undo(story, "capture", "p1")
    undo(story, "refund", "r1")
    undo(story, "refund_failure", "r1")
    change_here(story, "pay_1", status="failed", captured=0, refunded=0, fee=0)


def capture_only_in_the_row(story: Story) -> None:
    undo(story, "capture", "p5")


def take_the_same_key_twice(story: Story) -> None:
    take(story, "p5", "pay_8", 500)
    story.there["pay_8"] = there("pay_8", 500, captured=500)


def take_what_was_declined(story: Story) -> None:
    hold(story, "p4", "pay_8", 90)
    story.move("p4", capture_lines(90, 0, released=90), "pay_8", "capture")
    put(story, "p4", "pay_8", 90, captured=90, status="captured")
    story.there["pay_8"] = there("pay_8", 90, captured=90)


def keep_the_hold_of_what_was_declined(story: Story) -> None:
    undo(story, "cancellation", "p4")


def acknowledge_a_declining_card(story: Story) -> None:
    ask_by_card(story, "p7", 600, card="declined")
    take(story, "p7", "pay_7", 600)
    story.there["pay_7"] = there("pay_7", 600, captured=600)


def decline_a_good_card(story: Story) -> None:
    ask_by_card(story, "p7", 600)
    give_back(story, "p7", "pay_7", 600, status="declined")
    story.refuse("p7", 402, "payment_declined")


def capture_more_than_was_held(story: Story) -> None:
    story.ask("c2", Operation.CAPTURE, {"amount": 50}, "/v1/payments/pay_2/capture")
    story.move("c2", capture_lines(50, 0, released=50), "pay_2", "capture")


def take_another_fee(story: Story) -> None:
    ask_by_card(story, "p7", 600)
    hold(story, "p7", "pay_7", 600)
    story.move("p7", capture_lines(600, 7, released=600), "pay_7", "capture")
    put(story, "p7", "pay_7", 600, captured=600, status="captured")
    story.there["pay_7"] = there("pay_7", 600, captured=600)


def take_a_refund_back_twice(story: Story) -> None:
    for _ in range(2):
        story.move("r1", refund_lines(100, back=True), "pay_1", "refund_failure")


def keep_another_answer_than_was_told(story: Story) -> None:
    kept = story.kept[MERCHANT, "p4"]
    story.kept[MERCHANT, "p4"] = msgspec.structs.replace(kept, body="{}")


def read_a_charge_before_it_was_known(story: Story) -> None:
    """A read that was sent after the capture was acknowledged shows `processing`."""
    answer = story.answers[-1]
    body = answer.body.replace('"captured"', '"processing"')
    story.answers[-1] = msgspec.structs.replace(answer, body=body)


MUST_FAIL: list[tuple[Callable[[Story], None], Wrong]] = [
    (charge_twice_there, Wrong.DISAGREES),
    (charge_a_declined_card_there, Wrong.DISAGREES),
    (hold_what_was_declined_there, Wrong.DISAGREES),
    (hold_what_was_canceled_there, Wrong.DISAGREES),
    (go_on_holding_the_rest_of_a_capture_there, Wrong.DISAGREES),
    (charge_what_failed_here, Wrong.DISAGREES),
    (charge_what_nobody_knows_here, Wrong.DISAGREES),
    (keep_captured_money_of_what_was_undone, Wrong.DISAGREES),
    (know_nothing_of_a_charge_there, Wrong.DISAGREES),
    (make_no_refund_there, Wrong.DISAGREES),
    (make_a_refund_twice_there, Wrong.DISAGREES),
    (leave_a_payment_processing, Wrong.UNFINISHED),
    (leave_a_refund_pending, Wrong.UNFINISHED),
    (leave_a_flow_parked, Wrong.UNFINISHED),
    (fail_what_was_acknowledged, Wrong.LOST),
    (capture_only_in_the_row, Wrong.CONTENT),
    (take_the_same_key_twice, Wrong.DOUBLED),
    (take_what_was_declined, Wrong.REFUSED_BUT_PRESENT),
    (keep_the_hold_of_what_was_declined, Wrong.CONTENT),
    (acknowledge_a_declining_card, Wrong.CONTENT),
    (decline_a_good_card, Wrong.STALE),
    (capture_more_than_was_held, Wrong.STALE),
    (take_another_fee, Wrong.CONTENT),
    (take_a_refund_back_twice, Wrong.STALE),
    (keep_another_answer_than_was_told, Wrong.CONTENT),
    (read_a_charge_before_it_was_known, Wrong.STALE),
]


def test_a_sound_history_of_cards_has_no_findings() -> None:
    """Captures, a cancellation, a decline and second attempts agree here and at the acquirer."""
    assert paid_by_card().findings() == []


@pytest.mark.parametrize(
    ("spoil", "wrong"), MUST_FAIL, ids=lambda given: getattr(given, "__name__", "")
)
def test_what_is_wrong_with_cards_is_found(spoil: Callable[[Story], None], wrong: Wrong) -> None:
    """A history that was spoiled in one way has the finding for that way."""
    story = paid_by_card()
    spoil(story)

    assert wrong in {finding.wrong for finding in story.findings()}


def test_an_undone_charge_never_happened() -> None:
    """A charge that the acquirer captured and gave back as a whole counts as none."""
    story = paid_by_card()
    undone = there("pay_5", 500, status="voided", captured=500, refunded=500)
    story.there["pay_5"] = undone

    assert story.findings() == []


@pytest.mark.parametrize("status", [202, 502, NO_ANSWER])
def test_without_a_final_answer_a_payment_may_be_there_or_not(status: int) -> None:
    """After 202, 502 or no answer a payment is sound whether it exists once or not at all."""
    text = '{"status": "processing", "retry": "same_key"}'
    for is_done in (False, True):
        story = paid_by_card()
        ask_by_card(story, "u1", 600)
        if is_done:
            take(story, "u1", "pay_7", 600)
            story.there["pay_7"] = there("pay_7", 600, captured=600)
            del story.answers[-1], story.kept[MERCHANT, "u1"]
        story.answers.append(Attempt("u1", 1, 30.0, status, text))

        assert story.findings() == []


def cancel_while_asked(story: Story) -> None:
    """A payment that is canceled before the acquirer approves: its own flow releases the hold."""
    ask_by_card(story, "p7", 600, Operation.AUTHORIZATION)
    story.answers.append(Attempt("p7", 1, len(story.requests) + 0.1, 202, "{}"))
    give_back(story, "p7", "pay_7", 600, status="canceled")
    canceled = view(story.payments["pay_7"])
    story.answer("p7", 201, canceled)
    story.ask("x7", Operation.CANCEL, {}, "/v1/payments/pay_7/cancel")
    story.answer("x7", 200, canceled)
    story.there["pay_7"] = there("pay_7", 600, status="voided", voided=600)


def test_a_payment_may_be_canceled_before_its_outcome_is_known() -> None:
    """The cancellation is acknowledged and moves nothing, because the payment's flow did it."""
    story = paid_by_card()
    cancel_while_asked(story)
    assert story.findings() == []

    change_here(story, "pay_7", status="captured")
    assert Wrong.LOST in {finding.wrong for finding in story.findings()}


def test_without_an_acquirers_books_ours_are_checked_alone() -> None:
    """Without the acquirer's books only open flows are found, and nothing is compared."""
    story = paid_by_card()
    story.there = {}
    assert story.findings() == []

    leave_a_payment_processing(story)
    assert Wrong.UNFINISHED in {finding.wrong for finding in story.findings()}


def test_the_figures_of_cards() -> None:
    """The report counts the requested payments by card and the acquirer's results."""
    found = card_report(paid_by_card().history(), 1.23)

    assert found is not None
    assert (found.sent, found.acknowledged, found.refused, found.provisional) == (5, 4, 1, 0)
    assert (found.authorizations, found.captured_minor, found.refunded_minor) == (5, 950, 100)
    assert found.settled_s == 1.2
    assert "5 authorizations" in told(found)
    assert card_report(History(), None) is None
