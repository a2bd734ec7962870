"""The checker finds what is wrong: only the sound history passes."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from app.devkit.chaos.model import NO_ANSWER, Attempt, Operation, Wrong
from tests.chaos.story import ADA, BOB, MERCHANT, TILL, Story, sound, undo


def lose_an_acknowledged_payment(story: Story) -> None:
    """Remove all rows of a payment, as if its commit had never happened."""
    undo(story, "", "p1")
    del story.payments["pay_1"]


def lose_the_refund_but_not_its_money(story: Story) -> None:
    story.refunds.clear()


def lose_an_acknowledged_transfer(story: Story) -> None:
    undo(story, "", "t1")


def double_a_payment(story: Story) -> None:
    story.move("p1", {ADA: ("debit", 300, 0), TILL: ("credit", 297, 0)}, "pay_9")


def double_what_nobody_answered(story: Story) -> None:
    story.ask("u1", Operation.TRANSFER, story.requests[6].body or {})
    for _ in range(2):
        story.move("u1", {ADA: ("debit", 50, 0), BOB: ("credit", 50, 0)})


def do_what_was_refused(story: Story) -> None:
    story.requests[7] = msgspec.structs.replace(story.requests[7], body=_body(ADA, 20))
    story.move("n1", {ADA: ("debit", 20, 0), TILL: ("credit", 20, 0)}, "pay_3")


def tell_another_amount(story: Story) -> None:
    story.payments["pay_1"] = msgspec.structs.replace(story.payments["pay_1"], amount=301)


def keep_another_answer(story: Story) -> None:
    kept = story.kept[MERCHANT, "t1"]
    story.kept[MERCHANT, "t1"] = msgspec.structs.replace(kept, body="{}")


def move_nothing(story: Story) -> None:
    (booked,) = [t for t in story.transfers if t.correlation_id == "p1"]
    undo(story, "", "p1")
    story.transfers.append(booked)


def keep_no_answer(story: Story) -> None:
    del story.kept[MERCHANT, "t1"]


def answer_twice_differently(story: Story) -> None:
    first = next(answer for answer in story.answers if answer.key == "p1")
    body = first.body.replace("pay_1", "pay_7")
    story.answers.append(Attempt("p1", 2, 20.0, 201, body))


def move_what_nobody_asked(story: Story) -> None:
    story.move("stranger", {ADA: ("debit", 1, 0), BOB: ("credit", 1, 0)})


def spoil_an_account(story: Story) -> None:
    row = story.accounts[ADA]
    story.accounts[ADA] = msgspec.structs.replace(row, sums=(351, 1_100, 0, 0))


def spoil_an_entrys_balance(story: Story) -> None:
    entry = story.entries[0]
    story.entries[0] = msgspec.structs.replace(entry, sums=(0, 999, 0, 0))


def overdraw_a_wallet(story: Story) -> None:
    _ask_and_pay(story, BOB, 5_000)


def spend_the_same_money_twice(story: Story) -> None:
    """Two payments that each fit the balance which both have read, but not together."""
    _ask_and_pay(story, BOB, 300, "s1")
    _ask_and_pay(story, BOB, 300, "s2")


def refund_the_same_capture_twice(story: Story) -> None:
    """Two refunds that each fit the captured amount, but not together."""
    story.ask("r2", Operation.REFUND, {"payment": "pay_1", "amount": 250})
    story.move("r2", {TILL: ("debit", 250, 0), ADA: ("credit", 250, 0)}, "pay_1")


def capture_what_is_captured(story: Story) -> None:
    body = {"amount": 10, "final": False}
    story.ask("c2", Operation.CAPTURE, body, "/v1/payments/pay_2/capture")
    story.move("c2", {BOB: ("debit", 10, -10), TILL: ("credit", 10, -10)}, "pay_2")


def refuse_who_could_pay(story: Story) -> None:
    story.requests[7] = msgspec.structs.replace(story.requests[7], body=_body(ADA, 20))


def read_a_state_that_had_passed(story: Story) -> None:
    """The read was sent after the refund was acknowledged, and does not show it."""
    answer = story.answers[-1]
    story.answers[-1] = msgspec.structs.replace(
        answer, body=answer.body.replace('"amount_refunded":100', '"amount_refunded":0')
    )


def forget_a_payment_when_asked(story: Story) -> None:
    problem = '{"code": "payment_not_found", "retry": "never"}'
    story.answers[-1] = msgspec.structs.replace(story.answers[-1], status=404, body=problem)


def tell_a_capture_otherwise(story: Story) -> None:
    at = next(n for n, answer in enumerate(story.answers) if answer.key == "c1")
    answer = story.answers[at]
    body = answer.body.replace('"amount_captured":150', '"amount_captured":140')
    story.answers[at] = msgspec.structs.replace(answer, body=body)
    story.kept[MERCHANT, "c1"] = msgspec.structs.replace(story.kept[MERCHANT, "c1"], body=body)


def book_before_what_was_over(story: Story) -> None:
    """The transfer was acknowledged before the refund was sent, but the account has it later."""
    at = next(n for n, request in enumerate(story.requests) if request.key == "r1")
    story.requests[at] = msgspec.structs.replace(story.requests[at], sent_at=30.0)


def let_accounts_disagree(story: Story) -> None:
    """One account has the refund before the payment, the other one after it."""
    swapped = {"tr_3_p1": "tr_6_r1", "tr_6_r1": "tr_3_p1"}
    story.entries = [
        msgspec.structs.replace(entry, transfer=swapped.get(entry.transfer, entry.transfer))
        if entry.account == TILL
        else entry
        for entry in story.entries
    ]


MUST_FAIL: list[tuple[Callable[[Story], None], Wrong]] = [
    (lose_an_acknowledged_payment, Wrong.LOST),
    (lose_the_refund_but_not_its_money, Wrong.LOST),
    (lose_an_acknowledged_transfer, Wrong.LOST),
    (double_a_payment, Wrong.DOUBLED),
    (double_what_nobody_answered, Wrong.DOUBLED),
    (do_what_was_refused, Wrong.REFUSED_BUT_PRESENT),
    (tell_another_amount, Wrong.CONTENT),
    (keep_another_answer, Wrong.CONTENT),
    (keep_no_answer, Wrong.CONTENT),
    (move_nothing, Wrong.LOST),
    (answer_twice_differently, Wrong.ANSWER_CHANGED),
    (move_what_nobody_asked, Wrong.UNASKED),
    (spoil_an_account, Wrong.BALANCE),
    (spoil_an_entrys_balance, Wrong.BALANCE),
    (overdraw_a_wallet, Wrong.BALANCE),
    (spend_the_same_money_twice, Wrong.STALE),
    (refund_the_same_capture_twice, Wrong.STALE),
    (capture_what_is_captured, Wrong.STALE),
    (refuse_who_could_pay, Wrong.STALE),
    (read_a_state_that_had_passed, Wrong.STALE),
    (forget_a_payment_when_asked, Wrong.STALE),
    (tell_a_capture_otherwise, Wrong.STALE),
    (book_before_what_was_over, Wrong.ORDER),
    (let_accounts_disagree, Wrong.ORDER),
]


def test_a_sound_history_has_no_findings() -> None:
    """A history in which all was done once and as answered has no findings."""
    assert sound().findings() == []


@pytest.mark.parametrize(
    ("spoil", "wrong"), MUST_FAIL, ids=lambda given: getattr(given, "__name__", "")
)
def test_what_is_wrong_is_found(spoil: Callable[[Story], None], wrong: Wrong) -> None:
    """A history that was spoiled in one way has the finding for that way."""
    story = sound()
    spoil(story)

    assert wrong in {finding.wrong for finding in story.findings()}


@pytest.mark.parametrize("done", [False, True])
def test_an_unanswered_request_may_be_done_or_not(done: bool) -> None:
    """An unknown outcome is sound whether it is absent or there once."""
    story = sound()
    story.ask("u1", Operation.TRANSFER, story.requests[6].body or {})
    story.answers.append(Attempt("u1", 1, 30.0, NO_ANSWER, "the connection was lost"))
    if done:
        story.move("u1", {ADA: ("debit", 50, 0), BOB: ("credit", 50, 0)})

    assert story.findings() == []


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, "{}", "acknowledged"),
        (200, "{}", "acknowledged"),
        (402, '{"retry": "new_key"}', "refused"),
        (409, '{"retry": "never"}', "refused"),
        (409, '{"retry": "same_key"}', "unknown"),
        (404, "<html>nobody here</html>", "unknown"),
        (503, '{"retry": "same_key"}', "unknown"),
        (500, "{}", "unknown"),
        (401, '{"retry": "never"}', "unknown"),
        (NO_ANSWER, "timeout", "unknown"),
    ],
)
def test_what_an_answer_decides(status: int, body: str, outcome: str) -> None:
    """Only the product's own answers decide; a balancer's leave everything open."""
    assert Attempt("k", 1, 1.0, status, body).outcome == outcome


def _ask_and_pay(story: Story, wallet: str, amount: int, key: str = "o1") -> None:
    payment = f"pay_{key}"
    story.ask(key, Operation.PAYMENT, _body(wallet, amount))
    fee = amount // 100
    lines = {wallet: ("debit", amount, 0), TILL: ("credit", amount - fee, 0)}
    story.move(key, lines, payment)


def _body(wallet: str, amount: int) -> dict[str, Any]:
    return {"amount": amount, "payment_method": {"type": "wallet", "account": wallet}}
