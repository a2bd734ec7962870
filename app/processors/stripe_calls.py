"""Calls of the stripe library, and what their ends mean."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

import msgspec
import stripe

from app.processors.model import Verdict, not_executed, unknown
from app.processors.stripe_objects import Intent, Refusal, read
from app.processors.stripe_transport import Unanswered

UNEXPECTED_STATE = "payment_intent_unexpected_state"
"""The code for a command that a PaymentIntent's state does not allow; it comes with the intent."""
_DECLINED = HTTPStatus.PAYMENT_REQUIRED
_REFUSED = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""Statuses after which surely nothing was done; 409 is none: the same key is in use just then."""


class Said(msgspec.Struct, frozen=True):
    """An answer that is no error."""

    body: str
    is_replay: bool
    """Whether it is what was answered to an earlier request with the same key."""


class Refused(msgspec.Struct, frozen=True):
    """An error that Stripe told."""

    status: int
    refusal: Refusal

    @property
    def intent(self) -> Intent | None:
        """The PaymentIntent as it is, if its state was the reason."""
        error = self.refusal.error
        return error.payment_intent if error.code == UNEXPECTED_STATE else None

    @property
    def decided(self) -> Verdict:
        """What it means where a refused request is a decision, and nobody else can be asked."""
        verdict = self.verdict
        if self.status == HTTPStatus.BAD_REQUEST and verdict.outcome == "not_executed":
            return Verdict("declined", code=verdict.code)
        return verdict

    @property
    def verdict(self) -> Verdict:
        """What it means for the request it answers."""
        error = self.refusal.error
        if self.status == _DECLINED:
            reference = error.payment_intent.id if error.payment_intent else None
            return Verdict("declined", processor_reference=reference, code=error.reason)
        if error.type == "idempotency_error":
            # Under our reference something else was asked for; a query tells what became of it.
            return unknown("reference_reused")
        if self.status == HTTPStatus.BAD_REQUEST or self.status in _REFUSED:
            return not_executed(error.reason)
        return unknown(error.code or f"http_{self.status}")


async def call(request: Awaitable[Any]) -> Said | Refused | Verdict:
    """How a request of the library ended."""
    try:
        answer = (await request).last_response
    except Unanswered as silence:
        return silence.verdict
    except stripe.StripeError as error:
        return _understand(error)
    return Said(answer.body, answer.headers.get("Idempotent-Replayed") == "true")


def _understand(error: stripe.StripeError) -> Refused | Verdict:
    if error.http_status is None or HTTPStatus.OK <= error.http_status < HTTPStatus.BAD_REQUEST:
        return unknown("answer_unreadable")
    refusal = read(error.http_body or "", Refusal)
    if isinstance(refusal, Verdict):
        # It is not even an error of Stripe's: somebody in between spoke.
        return unknown(f"http_{error.http_status}")
    return Refused(error.http_status, refusal)


async def command(request: Awaitable[Any]) -> Said | Verdict:
    """The answer; a refusal surely did nothing, so another processor may be asked."""
    said = await call(request)
    return said.verdict if isinstance(said, Refused) else said


async def decide(request: Awaitable[Any]) -> Said | Verdict:
    """The answer; a refusal is the decision."""
    said = await call(request)
    return said.decided if isinstance(said, Refused) else said


async def change(request: Awaitable[Any]) -> Intent | Refused | Verdict:
    """The PaymentIntent after a command on it; one whose state forbade it, as it is."""
    said = await call(request)
    if isinstance(said, Said):
        return read(said.body, Intent)
    if isinstance(said, Refused) and said.intent is not None:
        return said.intent
    return said


async def query(request: Awaitable[Any]) -> Said | Verdict:
    """The answer to a question; `not_found` if there is no such thing."""
    said = await call(request)
    if not isinstance(said, Refused):
        return said
    return Verdict("not_found") if said.status == HTTPStatus.NOT_FOUND else said.verdict
