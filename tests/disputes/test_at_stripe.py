"""Disputes as Stripe tells of them, from the bank's first question to the end, in our books."""

import json
from typing import Any
from uuid import UUID

import pytest

from app.base import ids
from app.domains.disputes import bookings
from app.domains.disputes import steps as disputes
from app.domains.disputes.asks import EvidenceAnswer
from app.processors import DisputeState, Verdict
from app.processors.stripe.objects import MERCHANT, REFERENCE, StripeDispute, judge_dispute, read
from tests.disputes.support import Stall
from tests.processors.stripe_account import Account
from tests.support import books
from tests.support.tables import Row, table

PAID = {"processor_receivable": 1_000, "merchant_pending": 1_000}
"""The balances after a payment of 1,000."""


class Case:
    """A payment that the account has, and its dispute there."""

    def __init__(self, stall: Stall, payment: UUID) -> None:
        self.stall = stall
        self.account = Account()
        owner = {
            REFERENCE: ids.encode("payment", payment),
            MERCHANT: ids.encode("merchant", stall.merchant_id),
        }
        self.intent = {"id": "pi_0", "amount": 1_000, "currency": "usd", "metadata": owner}
        self.account.intents["pi_0"] = self.intent

    @classmethod
    async def open(cls, stall: Stall) -> "Case":
        return cls(stall, await stall.pay(1_000))

    def state(self) -> DisputeState:
        """What Stripe says of the dispute now."""
        found = read(
            json.dumps(self.account.disputes["du_0"] | {"payment_intent": self.intent}),
            StripeDispute,
        )
        assert isinstance(found, StripeDispute)
        state = judge_dispute(found)
        assert isinstance(state, DisputeState)
        return state

    async def told(self) -> dict[str, Any]:
        """The dispute after a notification of it."""
        (body,) = await self.stall.tell(self.state())
        return body

    async def answer(self, dispute_id: UUID) -> dict[str, Any]:
        """The dispute after one more piece of evidence was submitted."""
        added = await self.stall.add(dispute_id)
        assert added.status == 201, added.body
        (begun,) = await self.stall.run(disputes.submit_evidence, self.stall.answer(dispute_id))
        assert begun.flow is not None, begun.body
        fields = {"submit": "true", "evidence[uncategorized_text]": "It was eaten."}
        status, _ = self.account._update_dispute("du_0", fields)
        assert status == 200
        said = EvidenceAnswer(Verdict("approved"), self.stall.told(self.state()))
        (answer,) = await self.stall.book(bookings.book_answers, (begun.flow, said))
        body: dict[str, Any] = json.loads(answer.body)
        return body

    def decide(self, outcome: str, fee_back: int = 0) -> None:
        """The bank decides, and Stripe gives back what was won."""
        self.account.disputes["du_0"]["status"] = outcome
        if outcome == "won":
            self.account.reinstate("du_0", fee_back)


@table("""
    outcome  fee_back  available
    won             0      -1500
    won          1500      -1500
    lost            0      -2500
""")
async def test_a_dispute_whose_money_is_withdrawn_later(row: Row, stall: Stall) -> None:
    """Its fee comes with `funds_withdrawn`, may be given back with a win, and it is decided."""
    case = await Case.open(stall)
    case.account.open_dispute("pi_0")
    assert (await case.told())["fee"] == 0
    case.account.withdraw("du_0")
    assert (await case.told())["fee"] == 1_500

    case.decide(row.outcome, row.fee_back)
    dispute = await case.told()
    await case.told()

    assert (dispute["status"], dispute["fee"], dispute["fee_returned"]) == (row.outcome, 1_500, 0)
    balances = stall.balances()
    assert balances["merchant_available"] == row.available
    assert "disputes_held" not in balances
    ((status, *_),) = stall.flows("dispute")
    assert status == "done"
    await books.assert_in_order(stall.database.url)


async def test_an_inquiry_that_becomes_a_dispute(stall: Stall) -> None:
    """It is answered as an inquiry and once more as a dispute, and then it is won."""
    case = await Case.open(stall)
    case.account.ask_about("pi_0")
    dispute_id = ids.decode("dispute", (await case.told())["id"])
    assert (await case.answer(dispute_id))["status"] == "under_review"

    case.account.escalate("du_0", due_by=1_888_000_000)
    assert (await case.told())["status"] == "needs_response"
    case.account.withdraw("du_0")
    assert (await case.told())["fee"] == 1_500
    assert (await case.answer(dispute_id))["status"] == "under_review"
    case.decide("won")

    assert (await case.told())["status"] == "won"
    assert stall.balances() == PAID | {"merchant_available": -1_500}
    await books.assert_in_order(stall.database.url)


@pytest.mark.parametrize("answered", [False, True])
async def test_an_inquiry_that_is_closed(stall: Stall, answered: bool) -> None:
    """Nothing was withdrawn and nothing is: the merchant has all of it again."""
    case = await Case.open(stall)
    case.account.ask_about("pi_0")
    dispute_id = ids.decode("dispute", (await case.told())["id"])
    assert stall.balances()["disputes_held"] == 1_000
    if answered:
        await case.answer(dispute_id)

    case.account.disputes["du_0"]["status"] = "warning_closed"

    assert (await case.told())["status"] == "won"
    assert stall.balances() == PAID
