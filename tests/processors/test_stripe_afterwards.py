"""Refunds and disputes of payments at Stripe, and notifications of them."""

import msgspec
import pytest

from app.processors import (
    DisputeState,
    Notification,
    NotificationForeign,
    ProcessorUnclear,
    Verdict,
)
from tests.processors import asks
from tests.processors.shops import StripeShop


@pytest.fixture
def shop(stripe_shop: StripeShop) -> StripeShop:
    """A shop that begins with nothing."""
    return stripe_shop


async def test_refunds(shop: StripeShop) -> None:
    """A refund is found by Suya's reference, may fail after success, and is not repeated."""
    ask = shop.ask()
    await shop.cards.authorize(ask)
    given = {"authorization": ask.reference, "processor_reference": "pi_0"}
    refund = asks.refund(amount_minor=1000, **given)
    assert (await shop.cards.find_refund(refund)).outcome == "not_found"

    said = [await shop.cards.refund(refund) for _ in range(2)]
    too_much = await shop.cards.refund(asks.refund(amount_minor=235, **given))

    assert said == [Verdict("approved", processor_reference="re_0", amount_minor=1000)] * 2
    assert too_much == Verdict("declined", code="invalid_request_error")
    assert await shop.cards.find_refund(refund) == said[0]
    shop.account.refunds["re_0"] |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    failed = await shop.cards.find_refund(refund)
    assert (failed.outcome, failed.code) == ("declined", "lost_or_stolen_card")


async def test_a_refund_among_many(shop: StripeShop) -> None:
    """The list of refunds is read page by page."""
    ask = shop.ask()
    await shop.cards.authorize(ask)
    given = {"authorization": ask.reference, "processor_reference": "pi_0", "amount_minor": 1}
    first = asks.refund(**given)
    await shop.cards.refund(first)
    for n in range(1, 150):
        shop.account.refunds[f"re_{n}"] = shop.account.refunds["re_0"] | {
            "id": f"re_{n}",
            "metadata": {},
        }

    assert (await shop.cards.find_refund(first)).processor_reference == "re_0"
    assert (await shop.cards.find_refund(asks.refund(**given))).outcome == "not_found"


async def test_disputes(shop: StripeShop) -> None:
    """A dispute names Suya's payment and merchant, and takes evidence once."""
    ask = shop.ask()
    await shop.cards.authorize(ask)
    shop.account.open_dispute("pi_0")
    shop.account.withdraw("du_0")

    dispute = await shop.disputes.find_dispute("du_0")
    sent = await shop.disputes.submit_evidence("du_0", "It was sent.", "req_1")
    again = await shop.disputes.submit_evidence("du_0", "Really.", "req_2")
    after = await shop.disputes.find_dispute("du_0")

    assert isinstance(dispute, DisputeState)
    assert (dispute.authorization, dispute.merchant) == (ask.reference, asks.MERCHANT)
    assert (dispute.status, dispute.amount_minor, dispute.currency) == (
        "needs_response",
        1234,
        "EUR",
    )
    assert dispute.fee_minor == 1500
    assert (sent.outcome, again.outcome) == ("approved", "declined")
    assert isinstance(after, DisputeState)
    assert after.status == "under_review"
    assert await shop.disputes.find_dispute("du_9") == Verdict("not_found")


async def told(shop: StripeShop) -> tuple[str, int, bool]:
    """What the dispute shows: its state, its fee, and whether the bank only inquires."""
    dispute = await shop.disputes.find_dispute("du_0")
    assert isinstance(dispute, DisputeState)
    return dispute.status, dispute.fee_minor, dispute.inquiry


@pytest.mark.parametrize("fee_back", [0, 1500])
async def test_a_fee_is_what_was_withdrawn(shop: StripeShop, fee_back: int) -> None:
    """There is no fee before money is withdrawn, and money given back changes none."""
    await shop.cards.authorize(shop.ask())
    shop.account.open_dispute("pi_0")
    assert await told(shop) == ("needs_response", 0, False)

    shop.account.withdraw("du_0")
    assert await told(shop) == ("needs_response", 1500, False)

    shop.account.disputes["du_0"]["status"] = "won"
    shop.account.reinstate("du_0", fee_back)
    assert await told(shop) == ("won", 1500, False)


async def test_a_fee_in_another_currency(shop: StripeShop) -> None:
    """A fee in the account's own currency is not shown in the payment's."""
    await shop.cards.authorize(shop.ask())
    shop.account.open_dispute("pi_0")

    shop.account.withdraw("du_0", currency="usd")

    assert await told(shop) == ("needs_response", 0, False)


async def test_an_inquiry_is_answered_and_becomes_a_dispute(shop: StripeShop) -> None:
    """A bank that only inquires withdraws nothing, and takes evidence again when it disputes."""
    await shop.cards.authorize(shop.ask())
    shop.account.ask_about("pi_0")
    assert await told(shop) == ("needs_response", 0, True)

    await shop.disputes.submit_evidence("du_0", "It was sent.", "req_1")
    assert await told(shop) == ("under_review", 0, True)

    shop.account.escalate("du_0", due_by=1893456000)
    shop.account.withdraw("du_0")
    assert await told(shop) == ("needs_response", 1500, False)
    assert (await shop.disputes.submit_evidence("du_0", "Really.", "req_2")).outcome == "approved"
    assert await told(shop) == ("under_review", 1500, False)


async def test_an_inquiry_that_is_closed_is_won(shop: StripeShop) -> None:
    """An inquiry that is closed is won, because nothing is wanted back."""
    await shop.cards.authorize(shop.ask())
    shop.account.ask_about("pi_0", status="warning_closed")

    assert await told(shop) == ("won", 0, True)


async def test_a_notification_of_a_dispute_gets_its_merchant(shop: StripeShop) -> None:
    """Stripe's event names no merchant, so the dispute is read, and without an answer it fails."""
    await shop.cards.authorize(shop.ask())
    shop.account.open_dispute("pi_0")
    told = Notification("evt_1", "", "dispute", "du_0", "{}")

    complete = await shop.processors.complete("stripe", told)

    assert complete == msgspec.structs.replace(told, merchant=asks.MERCHANT)
    assert await shop.processors.complete("stripe", complete) is complete
    with pytest.raises(NotificationForeign):
        await shop.processors.complete("stripe", msgspec.structs.replace(told, reference="du_9"))
    # A question is repeated once, so the answer has to get lost twice.
    shop.account.lost = {"du_0": "after", "disputes/du_0": "after"}
    with pytest.raises(ProcessorUnclear):
        await shop.processors.complete("stripe", told)


async def test_a_dispute_is_accepted(shop: StripeShop) -> None:
    """Accepting ends a dispute, once; after a decision it is declined."""
    await shop.cards.authorize(shop.ask())
    shop.account.open_dispute("pi_0")

    said = [await shop.disputes.accept_dispute("du_0", "req_1") for _ in range(2)]
    late = await shop.disputes.accept_dispute("du_0", "req_2")

    assert [verdict.outcome for verdict in said] == ["approved", "approved"]
    assert late.outcome == "declined"
    assert shop.account.disputes["du_0"]["status"] == "lost"


async def test_disputes_of_others(shop: StripeShop) -> None:
    """A dispute of a payment that was not made here is not Suya's."""
    await shop.cards.authorize(shop.ask())
    shop.account.intents["pi_0"]["metadata"] = {}
    shop.account.open_dispute("pi_0")

    assert await shop.disputes.find_dispute("du_0") == Verdict("not_found")
