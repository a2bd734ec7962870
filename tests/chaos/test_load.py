"""The requests of the load: they follow from its seed and from the answers so far."""

import json
from typing import Any

from app.devkit.chaos.load import Intents, Stall
from app.devkit.chaos.model import CARD, Attempt, Operation, Request

WALLETS = Stall("mer_1", "sk_1", ["acct_hot"], ["acct_1", "acct_2"])
CARDS = Stall(
    "mer_1", "sk_1", ["acct_hot"], ["acct_1", "acct_2"], {"approved": "a", "declined": "d"}
)
MANY = 600


def asked(stall: Stall, intents: Intents | None = None) -> list[tuple[Operation, str, Any]]:
    """Many requests in a row."""
    intents = intents or Intents([stall], "USD", 7)
    return [intents.next()[1:] for _ in range(MANY)]


def paid_by_card(stall: Stall) -> list[str]:
    """What its bank does with each card of those requests."""
    bodies = [body or {} for _, _, body in asked(stall)]
    return [body["metadata"][CARD] for body in bodies if "metadata" in body]


def test_payments_are_by_card_where_there_are_cards() -> None:
    """With an acquirer most payments are by card, some of them declined; else none."""
    cards = paid_by_card(CARDS)

    assert set(cards) == {"approved", "declined"}
    assert cards.count("declined") < cards.count("approved")
    assert paid_by_card(WALLETS) == []
    assert asked(CARDS) == asked(CARDS)


def test_what_is_processing_is_read_and_canceled() -> None:
    """A payment that was answered with 202 is read until its key is decided."""
    intents = Intents([CARDS], "USD", 7)
    request = Request("k1", Operation.PAYMENT, "mer_1", "/v1/payments", {}, "faults", 1.0, 1.0)
    body = json.dumps({"id": "pay_1", "status": "processing"})

    intents.learn(request, Attempt("k1", 1, 2.0, 202, body))
    during = {(operation, path) for operation, path, _ in asked(CARDS, intents)}
    intents.learn(request, Attempt("k1", 2, 3.0, 402, '{"retry": "new_key"}'))
    after = {path for _, path, _ in asked(CARDS, intents)}

    assert (Operation.CANCEL, "/v1/payments/pay_1/cancel") in during
    assert (Operation.READ, "/v1/payments/pay_1") in during
    assert not any("pay_1" in path for path in after)
