"""Payments at Stripe, step by step and with answers lost at every step."""

import json

import pytest
import stripe

from app.base.errors import InvariantViolated
from app.processors import Verdict
from app.vault import templates
from tests.processors import asks
from tests.processors.conftest import OpenProcessors
from tests.processors.outside import Outside
from tests.processors.shops import GOOD, StripeShop
from tests.processors.stripe_account import CHALLENGED, DECLINED, MISTYPED
from tests.support.tables import Row, table


@pytest.fixture
def shop(stripe_shop: StripeShop) -> StripeShop:
    """A shop that begins with nothing."""
    return stripe_shop


async def test_a_payment_is_taken_at_once(shop: StripeShop) -> None:
    """An automatic payment is captured when it is approved, under Suya's reference."""
    ask = shop.ask()

    verdict = await shop.cards.authorize(ask)

    assert verdict == Verdict(
        "approved", processor_reference="pi_0", amount_minor=1234, captured_minor=1234
    )
    assert shop.account.intents["pi_0"]["metadata"] == {
        "suya_reference": ask.reference,
        "suya_merchant": asks.MERCHANT,
    }
    assert await shop.cards.find_authorization(ask) == verdict
    assert shop.account.taken == 1234


async def test_only_the_vault_knows_the_card(
    shop: StripeShop, outside: Outside, open_processors: OpenProcessors
) -> None:
    """This process names the operation, and sends neither a form nor a key of Stripe's."""
    await shop.cards.authorize(shop.ask())
    assert shop.account.methods == {"pm_0": GOOD}

    processors = await open_processors(
        stripe_key="sk_test_of_this_account", stripe_url=shop.account.url, vault_url=outside.url
    )
    await processors.cards("stripe").authorize(shop.ask())

    head, _, body = outside.requests[0].partition(b"\r\n\r\n")
    forward = json.loads(body)
    assert b"journey-1" in head
    assert (forward["processor"], forward["operation"]) == ("stripe", "create_payment_method")
    assert forward["fields"] == {}
    assert b"sk_test_of_this_account" not in outside.requests[0]


def test_the_vault_speaks_the_librarys_version() -> None:
    """What the vault makes at Stripe is of the version that the adapter goes on with."""
    assert stripe.api_version == templates.STRIPE_VERSION


async def test_a_payment_is_captured_in_parts(shop: StripeShop) -> None:
    """Captures are known by Suya's references, and the last one releases the rest."""
    ask = shop.ask(capture=False)
    authorized = await shop.cards.authorize(ask)
    assert (authorized.outcome, authorized.captured_minor) == ("approved", 0)
    given = {"authorization": ask.reference, "processor_reference": "pi_0"}
    first = asks.capture(amount_minor=1000, final=False, **given)
    last = asks.capture(amount_minor=34, final=True, **given)

    assert (await shop.cards.find_capture(first)).outcome == "not_found"
    one = await shop.cards.capture(first)
    two = await shop.cards.capture(last)

    assert (one.outcome, one.amount_minor, one.captured_minor) == ("approved", 1000, 1000)
    assert (two.outcome, two.amount_minor, two.captured_minor) == ("approved", 34, 1034)
    shop.account.forget_keys()
    assert (await shop.cards.find_capture(first)).amount_minor == 1000
    # A capture that is repeated when its key is forgotten is found in the intent, too.
    assert (await shop.cards.capture(last)).amount_minor == 34
    assert shop.account.taken == 1034


async def test_captures_that_stripe_refuses(shop: StripeShop) -> None:
    """Too much, too late, and in parts where the account may not, is declined."""
    ask = shop.ask(capture=False)
    await shop.cards.authorize(ask)
    given = {"authorization": ask.reference, "processor_reference": "pi_0"}

    too_much = await shop.cards.capture(asks.capture(amount_minor=1235, **given))
    shop.account.has_multicapture = False
    in_parts = await shop.cards.capture(asks.capture(amount_minor=1, final=False, **given))
    await shop.cards.capture(asks.capture(amount_minor=1, **given))
    too_late = await shop.cards.capture(asks.capture(amount_minor=1, **given))

    assert too_much == Verdict("declined", code="amount_too_large")
    assert in_parts == Verdict("declined", code="invalid_request_error")
    assert too_late == Verdict("declined", code="payment_intent_unexpected_state")
    assert shop.account.taken == 1


async def test_a_decline_is_final(shop: StripeShop) -> None:
    """A declined payment is not tried again, however often it is requested."""
    ask = shop.ask(DECLINED)

    said = [await shop.cards.authorize(ask) for _ in range(2)]
    found = await shop.cards.find_authorization(ask)

    assert [(v.outcome, v.code, v.processor_reference) for v in [*said, found]] == [
        ("declined", "insufficient_funds", "pi_0")
    ] * 3
    assert shop.steps.count("confirm") == 1


async def test_a_mistyped_card_is_declined(shop: StripeShop) -> None:
    """A card that Stripe refuses never reaches a confirmation."""
    verdict = await shop.cards.authorize(shop.ask(MISTYPED))

    assert verdict == Verdict("declined", code="incorrect_cvc")
    assert "confirm" not in shop.steps


async def test_a_payer_has_to_act(shop: StripeShop) -> None:
    """3-D Secure gives a page, and the payer's answer there is found."""
    ask = shop.ask(CHALLENGED)
    verdict = await shop.cards.authorize(ask)
    assert (verdict.outcome, verdict.action_url) == ("requires_action", "https://hooks.test/3ds")

    shop.account.approve(shop.account.intents["pi_0"])

    assert (await shop.cards.find_authorization(ask)).outcome == "approved"


@table("""
    step             lost    outcome       found
    payment_intents  before  unknown       not_found
    payment_intents  after   unknown       not_found
    payment_methods  before  not_executed  not_found   -- without a card no money moves
    payment_methods  after   not_executed  not_found
    confirm          before  unknown       not_found
    confirm          after   unknown       approved
""")
@pytest.mark.parametrize("is_indexed", [True, False])
async def test_an_answer_is_lost(row: Row, is_indexed: bool, shop: StripeShop) -> None:
    """Wherever an answer is lost, a query finds what happened, and a repetition pays once."""
    ask = shop.ask()
    shop.account.lost = {row.step: row.lost}

    verdict = await shop.cards.authorize(ask)
    if is_indexed:
        shop.account.index()
    found = await shop.cards.find_authorization(ask)
    repeated = await shop.cards.authorize(ask)

    assert (verdict.outcome, found.outcome) == (row.outcome, row.found)
    assert repeated.outcome == "approved"
    assert shop.account.taken == 1234
    assert len(shop.account.intents) == 1


async def test_what_is_old_is_searched_for(shop: StripeShop) -> None:
    """When Stripe has forgotten the key, the search knows the payment by its metadata."""
    ask = shop.ask()
    await shop.cards.authorize(ask)
    shop.account.index()
    shop.account.forget_keys()

    assert (await shop.cards.find_authorization(ask)).captured_minor == 1234
    assert len(shop.account.intents) == 1


async def test_a_late_authorization_finds_a_canceled_intent(shop: StripeShop) -> None:
    """A payment that was reversed before it arrived takes no money when it does."""
    ask = shop.ask()
    reversal = asks.reversal(authorization=ask.reference, refund_captured=True)

    reversed_twice = [await shop.cards.reverse(reversal) for _ in range(2)]
    late = await shop.cards.authorize(ask)
    shop.account.index()
    found = await shop.cards.find_authorization(ask)

    assert [verdict.outcome for verdict in reversed_twice] == ["approved", "approved"]
    assert late == Verdict("unknown", code="reference_reused")
    assert (found.outcome, found.code) == ("declined", "voided")
    assert shop.account.taken == 0


async def test_a_reversal_waits_for_the_search(shop: StripeShop) -> None:
    """An intent that the search does not know yet is reversed once the search knows it."""
    ask = shop.ask()
    await shop.cards.authorize(ask)
    reversal = asks.reversal(authorization=ask.reference, refund_captured=True)

    too_early = await shop.cards.reverse(reversal)
    shop.account.index()
    in_time = await shop.cards.reverse(reversal)

    assert too_early == Verdict("unknown", code="reference_reused")
    assert in_time.outcome == "approved"
    assert shop.account.taken == 0


@table("""
    capture  parts  refund_captured  taken  status
    no           0  yes                  0  canceled
    no           0  no                   0  canceled
    no         500  no                 500  succeeded   -- what was captured stays captured
    no         500  yes                  0  succeeded
    yes          0  no                1234  succeeded
    yes          0  yes                  0  succeeded
""")
async def test_reversals(row: Row, shop: StripeShop) -> None:
    """A reversal releases what is left, gives back what was taken if asked to, and repeats."""
    ask = shop.ask(capture=row.capture == "yes")
    await shop.cards.authorize(ask)
    given = {"authorization": ask.reference, "processor_reference": "pi_0"}
    if row.parts:
        await shop.cards.capture(asks.capture(amount_minor=row.parts, final=False, **given))
    reversal = asks.reversal(refund_captured=row.refund_captured == "yes", **given)

    said = [await shop.cards.reverse(reversal) for _ in range(2)]
    shop.account.forget_keys()
    said.append(await shop.cards.reverse(reversal))

    assert {verdict.outcome for verdict in said} == {"approved"}
    assert shop.account.taken == row.taken
    assert shop.account.intents["pi_0"]["status"] == row.status
    assert shop.account.intents["pi_0"]["amount_capturable"] == 0


async def test_what_is_done_to_nothing(shop: StripeShop) -> None:
    """Without its authorization it is unknown how a capture or a refund ended."""
    nothing = Verdict("unknown", code="authorization_not_found")
    for known in (None, "pi_of_nobody"):
        capture = asks.capture(processor_reference=known)
        refund = asks.refund(processor_reference=known)

        assert await shop.cards.capture(capture) == nothing
        assert await shop.cards.find_capture(capture) == nothing
        assert await shop.cards.refund(refund) == nothing
        assert await shop.cards.find_refund(refund) == nothing


@table("""
    currency   amount  at_stripe
    EUR          1234       1234
    JPY           500        500
    KWD          5120       5120
    KWD          5124          -   -- of three decimals the last has to be 0
    BHD             1          -
    JOD          1005          -
    OMR            19          -
    TND           999          -
    ISK             5        500   -- without decimals in ISO 4217, with two at Stripe
    UGX            70       7000
    MGA         50000        500   -- the other way round
    MGA         50050          -   -- Stripe cannot say it
""")
async def test_minor_units(row: Row, shop: StripeShop) -> None:
    """Amounts are those of ISO 4217 here, and Stripe's own there, in both directions."""
    ask = shop.ask(currency=row.currency, amount_minor=row.amount)

    if row.at_stripe is None:
        assert (await shop.cards.authorize(ask)).code == "amount_not_representable"
        told = {"currency": row.currency, "amount_minor": row.amount}
        for verdict in (
            await shop.cards.capture(asks.capture(**told)),
            await shop.cards.refund(asks.refund(**told)),
        ):
            assert verdict == Verdict("declined", code="amount_not_representable")
        assert shop.account.intents == {}
        return
    verdict = await shop.cards.authorize(ask)

    assert (verdict.amount_minor, verdict.captured_minor) == (row.amount, row.amount)
    assert shop.account.intents["pi_0"]["amount"] == row.at_stripe


async def test_stripe_has_no_banks(shop: StripeShop) -> None:
    """Stripe offers no payouts and no bank transfers; asking it for them is a bug."""
    with pytest.raises(InvariantViolated, match="stripe"):
        shop.processors.banks("stripe")
