"""Disputes over the wire: opened by a card or on command, answered, decided."""

from typing import Any

import pytest

from tests.acquirer.receiver import Receiver
from tests.support.acquirer import AcquirerProcess

DISPUTED = "4000000000000259"


def disputed(acquirer: AcquirerProcess, name: str) -> dict[str, Any]:
    """The dispute of a captured authorization `pay_<name>` over 1000."""
    held = acquirer.authorize(f"pay_{name}", 1000, number=DISPUTED, capture=True)
    return acquirer.ask("GET", f"/v1/disputes/{held['dispute']}")


def give(acquirer: AcquirerProcess, dispute: str, reference: str, text: str) -> dict[str, Any]:
    """Give evidence."""
    path = f"/v1/disputes/{dispute}/evidence"
    return acquirer.ask("POST", path, {"reference": reference, "text": text})


def test_a_card_is_disputed_once_captured(
    acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """The test card's payer disputes what is captured, and the merchant is notified."""
    acquirer.authorize(f"pay_{name}", 1000, number=DISPUTED)
    before = acquirer.authorization(f"pay_{name}")
    acquirer.capture(f"pay_{name}", f"cap_{name}", 400)

    after = acquirer.authorization(f"pay_{name}")
    dispute = acquirer.ask("GET", f"/v1/disputes/{after['dispute']}")
    told = receiver.wait(f"pay_{name}")[0].told

    assert "dispute" not in before
    assert (dispute["status"], dispute["amount"], dispute["fee"]) == ("needs_response", 400, 1500)
    assert (told["type"], told["data"]["reference"]) == ("dispute.opened", dispute["id"])
    assert acquirer.refund(f"pay_{name}", f"re_{name}", 100)["decline_code"] == "disputed"


@pytest.mark.parametrize(
    ("text", "end"),
    [("a winning_evidence", "won"), ("a losing_evidence", "lost")],
)
def test_evidence_may_decide_by_itself(
    text: str, end: str, acquirer: AcquirerProcess, receiver: Receiver, name: str
) -> None:
    """Magic words in the evidence decide at once."""
    dispute = disputed(acquirer, name)

    taken = give(acquirer, dispute["id"], f"evi_{name}", text)
    told = [delivery.told["data"]["status"] for delivery in receiver.wait_for(dispute["id"], 3)]

    assert taken["status"] == "under_review"
    assert sorted(told) == sorted(["needs_response", "under_review", end])
    assert acquirer.ask("GET", f"/v1/disputes/{dispute['id']}")["status"] == end


def test_evidence_is_given_once(acquirer: AcquirerProcess, name: str) -> None:
    """The same evidence again changes nothing, and other evidence is refused."""
    dispute = disputed(acquirer, name)["id"]

    first = give(acquirer, dispute, f"evi_{name}", "a receipt")
    again = give(acquirer, dispute, f"evi_{name}", "a receipt")
    second = acquirer.client.post(
        f"/v1/disputes/{dispute}/evidence", json={"reference": f"evi_{name}_2", "text": "more"}
    )

    assert first == again
    assert (second.status_code, second.json()["code"]) == (409, "dispute_closed")


def test_the_longest_evidence_fits(acquirer: AcquirerProcess, name: str) -> None:
    """20,000 characters are taken, however the JSON spells them."""
    dispute = disputed(acquirer, name)["id"]

    taken = give(acquirer, dispute, f"evi_{name}", 20_000 * "\N{GRINNING FACE}")

    assert taken["status"] == "under_review"


def test_a_dispute_is_decided_on_command(acquirer: AcquirerProcess, name: str) -> None:
    """After a won dispute the payment may be refunded and disputed again."""
    dispute = disputed(acquirer, name)["id"]

    won = acquirer.decide_dispute(dispute, "won")

    assert won["status"] == "won"
    assert acquirer.decide_dispute(dispute, "won") == won
    assert acquirer.client.post(f"/v1/disputes/{dispute}/accept").status_code == 409
    assert acquirer.refund(f"pay_{name}", f"re_{name}", 400)["status"] == "approved"
    assert acquirer.open_dispute(f"pay_{name}")["amount"] == 600


def test_silence_loses(acquirer: AcquirerProcess, name: str) -> None:
    """A dispute is lost when the time for evidence is over, or when it is accepted."""
    silent, accepted = disputed(acquirer, f"{name}_1")["id"], disputed(acquirer, f"{name}_2")["id"]

    acquirer.ask("POST", f"/v1/disputes/{accepted}/accept")
    acquirer.advance(days=6)
    before = acquirer.ask("GET", f"/v1/disputes/{silent}")["status"]
    acquirer.advance(days=1)

    assert before == "needs_response"
    for dispute in (silent, accepted):
        assert acquirer.ask("GET", f"/v1/disputes/{dispute}")["status"] == "lost"


def test_an_undone_payment_ends_its_dispute(acquirer: AcquirerProcess, name: str) -> None:
    """The payer gets the money once: by the refund, and the dispute is withdrawn."""
    dispute = disputed(acquirer, name)["id"]

    acquirer.reverse(f"pay_{name}", f"rev_{name}", refund_captured=True)

    held = acquirer.authorization(f"pay_{name}")
    assert acquirer.ask("GET", f"/v1/disputes/{dispute}")["status"] == "won"
    assert (held["status"], held["refunded_amount"]) == ("voided", 1000)


def test_what_a_lost_dispute_took_is_not_given_back_again(
    acquirer: AcquirerProcess, name: str
) -> None:
    """A reversal after a lost dispute refunds nothing."""
    acquirer.decide_dispute(disputed(acquirer, name)["id"], "lost")

    acquirer.reverse(f"pay_{name}", f"rev_{name}", refund_captured=True)

    assert acquirer.authorization(f"pay_{name}")["refunded_amount"] == 0


def test_only_captured_money_is_disputed(acquirer: AcquirerProcess, name: str) -> None:
    """An authorization without a capture cannot be disputed."""
    acquirer.authorize(f"pay_{name}", 1000)

    answer = acquirer.client.post("/sandbox/disputes", json={"authorization": f"pay_{name}"})

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_captured")


def test_a_payer_may_dispute_later(acquirer: AcquirerProcess, name: str) -> None:
    """The script says how long after the capture the payer disputes."""
    acquirer.script(dispute_delay_s=3 * 86_400)
    acquirer.authorize(f"pay_{name}", 1000, number=DISPUTED, capture=True)

    acquirer.advance(days=2)
    before = acquirer.authorization(f"pay_{name}")
    acquirer.advance(days=1)

    assert "dispute" not in before
    assert "dispute" in acquirer.authorization(f"pay_{name}")
