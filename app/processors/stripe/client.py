"""How the stripe library sends its requests, and the verdicts on the ends of its calls.

It sends by Suya's transport, or through the vault where a request carries a card.
"""

from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
import stripe

from app.processors.model import TokenizedCard, Verdict, not_executed, unknown
from app.processors.stripe.objects import ErrorResponse, PaymentIntent, read
from app.processors.transport import HttpTransport
from app.processors.vault_transport import VaultTransport

NAME = "stripe"
UNEXPECTED_STATE = "payment_intent_unexpected_state"
"""The code for a command that a PaymentIntent's state does not allow; it comes with the intent."""
_DECLINED = HTTPStatus.PAYMENT_REQUIRED
_REFUSED = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""Statuses after which certainly nothing was done; not 409: the key is in use at that moment."""
CARD_HEADER, MERCHANT_HEADER = "Suya-Card", "Suya-Merchant"
"""A request with these headers makes a payment method, and the vault makes it."""
CORRELATION_HEADER = "X-Request-Id"


class Unanswered(stripe.APIConnectionError):
    """There is no response; the verdict says what is known."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.code)  # type: ignore[no-untyped-call]
        self.verdict = verdict


class StripeTransport(stripe.HTTPClient):
    """The library's HTTP client. It repeats nothing: flows decide about that."""

    name: ClassVar[str] = "suya"

    def __init__(self, transport: HttpTransport, vault: VaultTransport) -> None:
        super().__init__()
        self._transport = transport
        self._vault = vault

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The response.

        Raises:
            Unanswered: there is none.
        """
        given = dict(headers)
        token, merchant = given.pop(CARD_HEADER, None), given.pop(MERCHANT_HEADER, "")
        if token is None:
            body = None if post_data is None else post_data.encode()
            response = await self._transport.send(method.upper(), url, given, body)
        else:
            # The vault makes the request itself; only its answer is the library's to read.
            response = await self._vault.send(
                TokenizedCard(token, brand=""),
                merchant,
                NAME,
                "create_payment_method",
                {},
                correlation_id=given.get(CORRELATION_HEADER, ""),
            )
        if isinstance(response, Verdict):
            raise Unanswered(response)
        return response.body, response.status, response.headers

    def close(self) -> None:
        """The transport closes with the registry that opened it."""

    async def close_async(self) -> None:
        """As `close`."""


def options(
    *,
    correlation_id: str = "",
    key: str | None = None,
    card: TokenizedCard | None = None,
    merchant: str = "",
) -> Any:
    """A request's options: its idempotency key, its request id, and the card it carries."""
    headers = {CORRELATION_HEADER: correlation_id} if correlation_id else {}
    if card is not None:
        headers |= {CARD_HEADER: card.token, MERCHANT_HEADER: merchant}
    return {"headers": headers} | ({"idempotency_key": key} if key else {})


class StripeResponse(msgspec.Struct, frozen=True):
    """A response that is no error."""

    body: str
    is_replay: bool
    """Whether it repeats the response to an earlier request with the same key."""


class StripeRefusal(msgspec.Struct, frozen=True):
    """An error that Stripe reports."""

    status: int
    body: ErrorResponse

    @property
    def intent(self) -> PaymentIntent | None:
        """The PaymentIntent as it is, if its state was the reason."""
        error = self.body.error
        return error.payment_intent if error.code == UNEXPECTED_STATE else None

    @property
    def decided(self) -> Verdict:
        """The verdict where a refusal is a decision, and no other processor can be asked."""
        verdict = self.verdict
        if self.status == HTTPStatus.BAD_REQUEST and verdict.outcome == "not_executed":
            return Verdict("declined", code=verdict.code)
        return verdict

    @property
    def verdict(self) -> Verdict:
        """The verdict on the refused request."""
        error = self.body.error
        if self.status == _DECLINED:
            reference = error.payment_intent.id if error.payment_intent else None
            return Verdict("declined", processor_reference=reference, code=error.reason)
        if error.type == "idempotency_error":
            # Stripe has another request under this reference; a query shows how that ended.
            return unknown("reference_reused")
        if self.status == HTTPStatus.BAD_REQUEST or self.status in _REFUSED:
            return not_executed(error.reason)
        return unknown(error.code or f"http_{self.status}")


async def call(request: Awaitable[Any]) -> StripeResponse | StripeRefusal | Verdict:
    """How a request of the library ended."""
    try:
        answer = (await request).last_response
    except Unanswered as error:
        return error.verdict
    except stripe.StripeError as error:
        return _understand(error)
    return StripeResponse(answer.body, answer.headers.get("Idempotent-Replayed") == "true")


def _understand(error: stripe.StripeError) -> StripeRefusal | Verdict:
    if error.http_status is None or HTTPStatus.OK <= error.http_status < HTTPStatus.BAD_REQUEST:
        return unknown("answer_unreadable")
    refusal = read(error.http_body or "", ErrorResponse)
    if isinstance(refusal, Verdict):
        # It is no error of Stripe's: something between here and Stripe responded.
        return unknown(f"http_{error.http_status}")
    return StripeRefusal(error.http_status, refusal)


async def command(request: Awaitable[Any]) -> StripeResponse | Verdict:
    """Its answer; a refusal certainly did nothing, so another processor may be asked."""
    response = await call(request)
    return response.verdict if isinstance(response, StripeRefusal) else response


async def decide(request: Awaitable[Any]) -> StripeResponse | Verdict:
    """Its answer; a refusal is the decision."""
    response = await call(request)
    return response.decided if isinstance(response, StripeRefusal) else response


async def change(request: Awaitable[Any]) -> PaymentIntent | StripeRefusal | Verdict:
    """The PaymentIntent after a command; unchanged if its state forbade the command."""
    response = await call(request)
    if isinstance(response, StripeResponse):
        return read(response.body, PaymentIntent)
    if isinstance(response, StripeRefusal) and response.intent is not None:
        return response.intent
    return response


async def query(request: Awaitable[Any]) -> StripeResponse | Verdict:
    """The answer to a query; `not_found` if there is no such object."""
    response = await call(request)
    if not isinstance(response, StripeRefusal):
        return response
    return Verdict("not_found") if response.status == HTTPStatus.NOT_FOUND else response.verdict
