"""A small sound history of payments by card, here and at the acquirer, for tests to spoil.

One is taken, one captured in part for good, one canceled, one declined, one asked for twice because
the first time certainly reached no acquirer; a refund is made, by the second attempt.
"""

from typing import Any

import msgspec

from app.devkit.chaos.model import (
    CARD,
    Attempt,
    Authorization,
    FinalPayment,
    FinalRefund,
    Operation,
)
from tests.chaos.story import DUE, MERCHANT, OWED, TILL, Lines, Story


def paid_by_card() -> Story:
    """The history. The fee is 1 %."""
    story = Story()
    ask_by_card(story, "p1", 300)
    take(story, "p1", "pay_1", 300)

    ask_by_card(story, "a1", 200, Operation.AUTHORIZATION)
    hold(story, "a1", "pay_2", 200)
    held = put(story, "a1", "pay_2", 200, status="authorized")
    story.answer("a1", 201, held)
    story.ask("c1", Operation.CAPTURE, {"amount": 150, "final": True}, _path("pay_2", "capture"))
    story.move("c1", capture_lines(150, 2, released=200), "pay_2", "capture")
    captured = put(story, "a1", "pay_2", 200, captured=150, fee=2, status="captured")
    story.answer("c1", 200, captured)

    ask_by_card(story, "a2", 400, Operation.AUTHORIZATION)
    hold(story, "a2", "pay_3", 400)
    story.answer("a2", 201, put(story, "a2", "pay_3", 400, status="authorized"))
    story.ask("x2", Operation.CANCEL, {}, _path("pay_3", "cancel"))
    story.move("x2", release_lines(400), "pay_3", "cancellation")
    story.answer("x2", 200, put(story, "a2", "pay_3", 400, status="canceled"))

    ask_by_card(story, "p4", 90, card="declined")
    give_back(story, "p4", "pay_4", 90, status="declined")
    story.refuse("p4", 402, "payment_declined")

    ask_by_card(story, "p5", 500)
    give_back(story, "p5", "pay_5", 500, status="failed")
    nobody = '{"code": "processor_unavailable", "retry": "same_key"}'
    story.answers.append(Attempt("p5", 1, len(story.requests) + 0.2, 502, nobody))
    take(story, "p5", "pay_6", 500)
    refund_by_second_attempt(story)

    story.ask("g1", Operation.READ, {}, "/v1/payments/pay_1")
    story.answer("g1", 200, view(story.payments["pay_1"]))
    story.there = {
        one.reference: one
        for one in (
            there("pay_1", 300, captured=300, refunded=100),
            there("pay_2", 200, captured=150, voided=50),
            there("pay_3", 400, status="voided", voided=400),
            there("pay_4", 90, status="declined"),
            there("pay_6", 500, captured=500),
        )
    }
    return story


def refund_by_second_attempt(story: Story) -> None:
    """A refund that was booked back because no acquirer was reached, and then made."""
    story.ask("r1", Operation.REFUND, {"payment": "pay_1", "amount": 100})
    made, unmade = refund_lines(100), refund_lines(100, back=True)
    story.move("r1", made, "pay_1", "refund")
    story.move("r1", unmade, "pay_1", "refund_failure")
    story.move("r1", made, "pay_1", "refund")
    story.refunds += [
        FinalRefund("re_1", "r1", "pay_1", 100, "failed"),
        FinalRefund("re_2", "r1", "pay_1", 100, "succeeded"),
    ]
    put(story, "p1", "pay_1", 300, captured=300, refunded=100, fee=3, status="captured")
    story.answer("r1", 201, {"object": "refund", "id": "re_2", "amount": 100})


def ask_by_card(
    story: Story,
    key: str,
    amount: int,
    operation: Operation = Operation.PAYMENT,
    card: str = "approved",
) -> None:
    """Send a request for a payment by card."""
    method = {"type": "card", "id": "pm_1"}
    body = {"amount": amount, "payment_method": method, "metadata": {CARD: card}}
    story.ask(key, operation, body)


def take(story: Story, key: str, payment: str, amount: int) -> None:
    """Hold, capture and acknowledge a payment."""
    fee = amount // 100
    hold(story, key, payment, amount)
    story.move(key, capture_lines(amount, fee, released=amount), payment, "capture")
    taken = put(story, key, payment, amount, captured=amount, fee=fee, status="captured")
    story.answer(key, 201, taken)


def give_back(story: Story, key: str, payment: str, amount: int, *, status: str) -> None:
    """Hold a payment's amount and release it."""
    hold(story, key, payment, amount)
    story.move(key, release_lines(amount), payment, "cancellation")
    put(story, key, payment, amount, status=status)


def hold(story: Story, key: str, payment: str, amount: int) -> None:
    """Hold a payment's amount."""
    lines: Lines = {OWED: ("debit", 0, amount), DUE: ("credit", 0, amount)}
    story.move(key, lines, payment, "authorization")


def capture_lines(amount: int, fee: int, *, released: int) -> Lines:
    """What a capture moves."""
    return {OWED: ("debit", amount, -released), DUE: ("credit", amount - fee, -released)}


def release_lines(amount: int) -> Lines:
    """What a release moves."""
    return {OWED: ("debit", 0, -amount), DUE: ("credit", 0, -amount)}


def refund_lines(amount: int, *, back: bool = False) -> Lines:
    """What a refund moves, or its failure."""
    given, taken = (OWED, TILL) if back else (TILL, OWED)
    return {given: ("debit", amount, 0), taken: ("credit", amount, 0)}


def put(story: Story, key: str, payment: str, amount: int, **fields: Any) -> dict[str, Any]:
    """Record how far a payment has come; returns it as an answer tells it."""
    usual: dict[str, Any] = {"captured": 0, "refunded": 0, "fee": 0, "method": "card"}
    row = FinalPayment(payment, key, OWED, amount, **(usual | fields))
    return story.put(row)


def view(payment: FinalPayment) -> dict[str, Any]:
    """A payment as an answer tells it."""
    return Story().put(payment)


def there(payment: str, amount: int, **fields: Any) -> Authorization:
    """The acquirer's record of a payment."""
    usual: dict[str, Any] = {"status": "approved", "captured": 0, "refunded": 0, "voided": 0}
    return Authorization(payment, MERCHANT, amount=amount, **(usual | fields))


def change_there(story: Story, payment: str, **fields: Any) -> None:
    """Change the acquirer's record of a payment."""
    story.there[payment] = msgspec.structs.replace(story.there[payment], **fields)


def change_here(story: Story, payment: str, **fields: Any) -> None:
    """Change Suya's row of a payment."""
    story.payments[payment] = msgspec.structs.replace(story.payments[payment], **fields)


def _path(payment: str, command: str) -> str:
    return f"/v1/payments/{payment}/{command}"
