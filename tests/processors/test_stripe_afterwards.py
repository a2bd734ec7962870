"""What comes after a payment at Stripe: refunds, disputes, and notifications of them."""

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
    """A refund is found by our reference, may fail after it had succeeded, and is not repeated."""
    ask = shop.ask()
    await shop.stripe.authorize(ask)
    given = {"authorization": ask.reference, "processor_reference": "pi_0"}
    refund = asks.refund(amount_minor=1000, **given)
    assert (await shop.stripe.find_refund(refund)).outcome == "not_found"

    said = [await shop.stripe.refund(refund) for _ in range(2)]
    too_much = await shop.stripe.refund(asks.refund(amount_minor=235, **given))

    assert said == [Verdict("approved", processor_reference="re_0", amount_minor=1000)] * 2
    assert too_much == Verdict("declined", code="invalid_request_error")
    assert await shop.stripe.find_refund(refund) == said[0]
    shop.account.refunds["re_0"] |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
    failed = await shop.stripe.find_refund(refund)
    assert (failed.outcome, failed.code) == ("declined", "lost_or_stolen_card")


async def test_a_refund_among_many(shop: StripeShop) -> None:
    """The list of refunds is read page by page."""
    ask = shop.ask()
    await shop.stripe.authorize(ask)
    given = {"authorization": ask.reference, "processor_reference": "pi_0", "amount_minor": 1}
    first = asks.refund(**given)
    await shop.stripe.refund(first)
    for n in range(1, 150):
        shop.account.refunds[f"re_{n}"] = shop.account.refunds["re_0"] | {
            "id": f"re_{n}",
            "metadata": {},
        }

    assert (await shop.stripe.find_refund(first)).processor_reference == "re_0"
    assert (await shop.stripe.find_refund(asks.refund(**given))).outcome == "not_found"


async def test_disputes(shop: StripeShop) -> None:
    """A dispute names our payment and merchant, and takes evidence once."""
    ask = shop.ask()
    await shop.stripe.authorize(ask)
    shop.account.open_dispute("pi_0")

    dispute = await shop.stripe.find_dispute("du_0")
    sent = await shop.stripe.submit_evidence("du_0", "It was sent.", "req_1")
    again = await shop.stripe.submit_evidence("du_0", "Really.", "req_2")
    after = await shop.stripe.find_dispute("du_0")

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
    assert await shop.stripe.find_dispute("du_9") == Verdict("not_found")


async def test_a_notification_of_a_dispute_gets_its_merchant(shop: StripeShop) -> None:
    """Stripe's event names none, so the dispute is asked for, and without an answer nobody is."""
    await shop.stripe.authorize(shop.ask())
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
    """Giving in ends a dispute, once; who comes after a decision is declined."""
    await shop.stripe.authorize(shop.ask())
    shop.account.open_dispute("pi_0")

    said = [await shop.stripe.accept_dispute("du_0", "req_1") for _ in range(2)]
    late = await shop.stripe.accept_dispute("du_0", "req_2")

    assert [verdict.outcome for verdict in said] == ["approved", "approved"]
    assert late.outcome == "declined"
    assert shop.account.disputes["du_0"]["status"] == "lost"


async def test_disputes_of_others(shop: StripeShop) -> None:
    """A dispute of a payment that was not made here is not ours."""
    await shop.stripe.authorize(shop.ask())
    shop.account.intents["pi_0"]["metadata"] = {}
    shop.account.open_dispute("pi_0")

    assert await shop.stripe.find_dispute("du_0") == Verdict("not_found")
