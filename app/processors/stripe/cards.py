"""Card payments at Stripe.

A payment is a PaymentIntent. It is created first and without a card, with Suya's reference as the
idempotency key, and moves no money. Then the vault sends the card to Stripe, and the intent is
confirmed with it. So a reference leads to one intent, whatever was repeated in between, and a
canceled intent refuses a late confirmation.

Idempotency keys live for a day, and the search needs a minute to know a new object. So the search
by metadata finds what is older than a minute, and the key finds what is younger than a day.
"""

from typing import Any

import stripe

from app.processors.model import (
    Ask,
    AskAuthorization,
    AskCapture,
    AskRefund,
    AskReversal,
    Verdict,
    not_executed,
    unknown,
)
from app.processors.stripe.client import (
    UNEXPECTED_STATE,
    StripeRefusal,
    change,
    command,
    decide,
    options,
    query,
)
from app.processors.stripe.objects import (
    MERCHANT,
    REFERENCE,
    PaymentIntent,
    RefundPage,
    SearchResult,
    StripePaymentMethod,
    StripeRefund,
    from_stripe,
    judge_intent,
    judge_refund,
    read,
    to_stripe,
)

REFUND_PAGES_MAX = 10  # of 100 refunds each; no payment has a thousand refunds
PLACEHOLDER_AMOUNT = 100_000
"""Of an intent that is canceled at once: above every currency's minimum, which is checked."""
_NOT_REPRESENTABLE = "amount_not_representable"


class StripeCards:
    """The port `Cards`."""

    def __init__(self, client: stripe.StripeClient, return_url: str | None) -> None:
        self._intents = client.v1.payment_intents
        self._methods = client.v1.payment_methods
        self._refunds = client.v1.refunds
        self._return_url = return_url

    async def authorize(self, ask: AskAuthorization) -> Verdict:
        """Create the intent, send the card, confirm; continues where an earlier attempt stopped."""
        intent = await self._open(ask)
        if isinstance(intent, Verdict):
            return intent
        if not intent.is_untouched:
            return judge_intent(intent, ask.currency)
        method = await self._create_method(ask)
        if isinstance(method, Verdict):
            # The card may have arrived, but without a confirmation no money moves.
            is_declined = method.outcome == "declined"
            return method if is_declined else not_executed(method.code or "card_not_sent")
        params: Any = {"payment_method": method.id}
        if self._return_url is not None:
            params["return_url"] = self._return_url
        confirmed = await change(self._intents.confirm_async(intent.id, params, _about(ask)))
        if isinstance(confirmed, StripeRefusal):
            return confirmed.verdict
        if isinstance(confirmed, Verdict):
            return confirmed
        return judge_intent(confirmed, ask.currency)

    async def find_authorization(self, ask: AskAuthorization) -> Verdict:
        """Search.

        What the search does not know yet is found by its key, or made, without effect.
        """
        intent = await self._search(ask.reference, ask)
        if isinstance(intent, Verdict) and intent.outcome == "not_found":
            intent = await self._open(ask)
        return intent if isinstance(intent, Verdict) else judge_intent(intent, ask.currency)

    async def _open(self, ask: AskAuthorization) -> PaymentIntent | Verdict:
        """The intent of a reference, as it is now."""
        amount = to_stripe(ask.amount_minor, ask.currency)
        if amount is None:
            return not_executed(_NOT_REPRESENTABLE)
        params: Any = {
            "amount": amount,
            "currency": ask.currency.lower(),
            "capture_method": "automatic" if ask.capture else "manual",
            "payment_method_types": ["card"],
            "metadata": _metadata(ask),
        }
        if not ask.capture:
            # Not every account may capture repeatedly; where it may not, a capture is final.
            params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
        response = await command(self._intents.create_async(params, _about(ask, key=ask.reference)))
        if isinstance(response, Verdict):
            return response
        intent = read(response.body, PaymentIntent)
        if isinstance(intent, Verdict) or not response.is_replay:
            return intent
        # A replayed answer is the intent's former state.
        return await self._retrieve(intent.id, ask)

    async def _create_method(self, ask: AskAuthorization) -> StripePaymentMethod | Verdict:
        through_vault = options(
            correlation_id=ask.correlation_id, card=ask.card, merchant=ask.merchant
        )
        response = await command(self._methods.create_async({"type": "card"}, through_vault))
        return (
            response if isinstance(response, Verdict) else read(response.body, StripePaymentMethod)
        )

    async def capture(self, ask: AskCapture) -> Verdict:
        """Also approved if an earlier attempt did it: the intent's metadata list its captures."""
        amount = to_stripe(ask.amount_minor, ask.currency)
        if amount is None:
            return Verdict("declined", code=_NOT_REPRESENTABLE)
        intent = await self._intent_of(ask)
        if isinstance(intent, Verdict):
            return _on_missing(intent)
        params: Any = {
            "amount_to_capture": amount,
            "metadata": {ask.reference: str(ask.amount_minor)},
        }
        if not ask.final:
            params["final_capture"] = False
        call = self._intents.capture_async(intent.id, params, _about(ask, key=ask.reference))
        captured = await change(call)
        if isinstance(captured, StripeRefusal):
            return captured.decided
        if isinstance(captured, Verdict):
            return captured
        verdict = _judge_capture(captured, ask)
        if verdict.outcome == "not_found":
            return Verdict("declined", code=UNEXPECTED_STATE)
        return verdict

    async def find_capture(self, ask: AskCapture) -> Verdict:
        intent = await self._intent_of(ask)
        return _on_missing(intent) if isinstance(intent, Verdict) else _judge_capture(intent, ask)

    async def reverse(self, ask: AskReversal) -> Verdict:
        """Cancel the intent, release its rest, or give back what it took."""
        intent = await self._intent_of(ask)
        if isinstance(intent, Verdict) and intent.outcome == "not_found":
            intent = await self._occupy_reference(ask)
        if isinstance(intent, Verdict):
            return intent
        ended = await self._end(intent, ask)
        if isinstance(ended, Verdict):
            return ended
        if ask.refund_captured and ended.amount_received:
            params: Any = {"payment_intent": ended.id, "metadata": {"suya_reversal": ask.reference}}
            call = self._refunds.create_async(params, _about(ask, key=ask.reference))
            response = await decide(call)
            if isinstance(response, Verdict) and response.code != "charge_already_refunded":
                return response
        return Verdict("approved", processor_reference=ended.id)

    async def _occupy_reference(self, ask: AskReversal) -> PaymentIntent | Verdict:
        """Create and cancel an intent under the reference of an authorization that never arrived.

        Its key is then taken, so that a late authorization finds this canceled intent. If the key
        was taken before, that intent is not known to the search yet, and is reversed a minute
        later.
        """
        params: Any = {
            "amount": PLACEHOLDER_AMOUNT,
            "currency": ask.currency.lower(),
            "payment_method_types": ["card"],
            "metadata": {REFERENCE: ask.authorization, MERCHANT: ask.merchant},
        }
        keyed = _about(ask, key=ask.authorization)
        response = await command(self._intents.create_async(params, keyed))
        return response if isinstance(response, Verdict) else read(response.body, PaymentIntent)

    async def _end(self, intent: PaymentIntent, ask: AskReversal) -> PaymentIntent | Verdict:
        """The intent with nothing left to capture."""
        if intent.status in {"canceled", "succeeded"}:
            return intent
        if intent.status == "requires_capture" and intent.amount_received:
            params: Any = {"amount_to_capture": 0, "final_capture": True}
            call = self._intents.capture_async(intent.id, params, _about(ask))
        else:
            call = self._intents.cancel_async(intent.id, {}, _about(ask))
        ended = await change(call)
        if isinstance(ended, StripeRefusal):
            return ended.decided
        if isinstance(ended, PaymentIntent) and ended.status not in {"canceled", "succeeded"}:
            return unknown(UNEXPECTED_STATE)
        return ended

    async def refund(self, ask: AskRefund) -> Verdict:
        amount = to_stripe(ask.amount_minor, ask.currency)
        if amount is None:
            return Verdict("declined", code=_NOT_REPRESENTABLE)
        intent = await self._intent_of(ask)
        if isinstance(intent, Verdict):
            return _on_missing(intent)
        params: Any = {
            "payment_intent": intent.id,
            "amount": amount,
            "metadata": _metadata(ask),
        }
        response = await decide(self._refunds.create_async(params, _about(ask, key=ask.reference)))
        refund = response if isinstance(response, Verdict) else read(response.body, StripeRefund)
        return refund if isinstance(refund, Verdict) else judge_refund(refund, ask.currency)

    async def find_refund(self, ask: AskRefund) -> Verdict:
        """Find the refund among those of the intent, whose list has new ones at once."""
        intent = await self._intent_of(ask)
        if isinstance(intent, Verdict):
            return _on_missing(intent)
        params: Any = {"payment_intent": intent.id, "limit": 100}
        for _ in range(REFUND_PAGES_MAX):
            response = await query(self._refunds.list_async(params, _about(ask)))
            page = response if isinstance(response, Verdict) else read(response.body, RefundPage)
            if isinstance(page, Verdict):
                return page
            for refund in page.data:
                if (refund.metadata or {}).get(REFERENCE) == ask.reference:
                    return judge_refund(refund, ask.currency)
            if not page.has_more or not page.data:
                return Verdict("not_found")
            params["starting_after"] = page.data[-1].id
        return unknown("too_many_refunds")

    async def _intent_of(
        self, ask: AskCapture | AskRefund | AskReversal
    ) -> PaymentIntent | Verdict:
        """The intent, by Stripe's own id where it is known, else by Suya's reference."""
        if ask.processor_reference is not None:
            return await self._retrieve(ask.processor_reference, ask)
        return await self._search(ask.authorization, ask)

    async def _retrieve(self, intent_id: str, ask: Ask) -> PaymentIntent | Verdict:
        response = await query(self._intents.retrieve_async(intent_id, {}, _about(ask)))
        return response if isinstance(response, Verdict) else read(response.body, PaymentIntent)

    async def _search(self, reference: str, ask: Ask) -> PaymentIntent | Verdict:
        params: Any = {"query": f"metadata['{REFERENCE}']:'{reference}'", "limit": 10}
        response = await query(self._intents.search_async(params, _about(ask)))
        found = response if isinstance(response, Verdict) else read(response.body, SearchResult)
        if isinstance(found, Verdict):
            return found
        # Two would exist if a key expired before it was used again.
        touched = [intent for intent in found.data if not intent.is_untouched]
        return next(iter(touched or found.data), Verdict("not_found"))


def _about(ask: Ask, *, key: str | None = None) -> Any:
    return options(correlation_id=ask.correlation_id, key=key)


def _metadata(ask: Ask) -> dict[str, str]:
    return {REFERENCE: ask.reference, MERCHANT: ask.merchant}


def _on_missing(verdict: Verdict) -> Verdict:
    """Without the authorization it is not known what was done to it."""
    return unknown("authorization_not_found") if verdict.outcome == "not_found" else verdict


def _judge_capture(intent: PaymentIntent, ask: AskCapture) -> Verdict:
    """Captures are no objects at Stripe: the intent's metadata have an entry for each of Suya's."""
    amount = intent.metadata.get(ask.reference)
    if amount is None:
        return Verdict("not_found")
    if not amount.isdecimal():
        return unknown("answer_unreadable")
    is_same = intent.currency.upper() == ask.currency
    return Verdict(
        "approved",
        processor_reference=intent.id,
        amount_minor=int(amount) if is_same else 0,
        captured_minor=from_stripe(intent.amount_received, ask.currency),
        code=None if is_same else "currency_differs",
    )
