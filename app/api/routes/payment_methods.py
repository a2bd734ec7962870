"""/v1/payment_methods: cards by their tokens: register, read, list, detach; the publishable key."""

from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec
from litestar import Router, get, post
from litestar.response.base import ASGIResponse

from app.api.http import lists
from app.api.http.call import (
    ApiRequest,
    Call,
    enter,
    named_intent,
    parse,
    path_id,
    perform,
    replay,
    submit,
)
from app.api.http.call import send as send_view
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import Body, CustomerId, Nothing, _reader, _shape
from app.api.http.reading import Reading
from app.api.http.vault_client import VaultUnreachable
from app.api.routes.vault import CardsNotSetUp, asker_of, attachment, describe, publishable_key_of
from app.domains.customers import DetachMethod, errors, reads, steps
from app.domains.customers.errors import PaymentMethodNotFound
from app.domains.customers.views import SavedMethodView, method_view
from app.engine.idempotency import Intent
from app.vault import TooManyCards

Token: TypeAlias = Annotated[UUID, _reader("payment_method"), _shape("payment_method")]


class CreatePaymentMethod(Body):
    """Register a card by its token."""

    token: Token
    customer: CustomerId | None = None


class SameCardView(msgspec.Struct, frozen=True):
    """Which tokens of a merchant are of one card."""

    payment_method: str
    same: list[str]
    """The merchant's other tokens of the card, registered or not, the newest first; 100 at most."""
    object: str = "same_card"


class PublishableKeyView(msgspec.Struct, frozen=True):
    """What a merchant's page needs to leave a card in the vault."""

    publishable_key: str
    """`pk_...`; it is public."""
    vault_url: str | None
    """Cards are posted to `/tokens` there."""
    object: str = "publishable_key"


@get(
    "/key",
    opt=Doc("Read the publishable key", answer=PublishableKeyView, errors=(CardsNotSetUp,)).opt(),
)
async def read_publishable_key(request: ApiRequest) -> ASGIResponse:
    """The key with which a browser leaves a card in the vault, so that it never comes here."""
    call = await enter(request, "read")
    settings = call.services.settings
    key = publishable_key_of(call.merchant, settings)
    if key is None:
        raise CardsNotSetUp
    return send_view(PublishableKeyView(key, settings.vault_public_url or settings.vault_url))


@post(
    "/",
    opt=Doc(
        "Register a payment method", body=CreatePaymentMethod, answer=SavedMethodView,
        status=201, idempotent=True,
        errors=(
            errors.CustomerNotFound, errors.CustomerDeleted, errors.PaymentMethodNotFound,
            errors.PaymentMethodDetached, errors.PaymentMethodTaken, TooManyCards,
            VaultUnreachable,
        ),
    ).opt(),
)  # fmt: skip
async def create_payment_method(request: ApiRequest) -> ASGIResponse:
    """Registers a card by its token, for a customer if one is named; doing it again is no news."""
    call = await enter(request, "write")
    body = await parse(request, CreatePaymentMethod)
    intent = named_intent(request, body)
    try:
        facts = await describe(call, body.token)
    except (TooManyCards, VaultUnreachable) as error:
        return await replay(call, intent, error)
    command = msgspec.structs.replace(
        attachment(call, facts), intent=intent, customer_id=body.customer
    )
    return await submit(call, steps.attach_methods, command)


@post(
    "/{payment_method_id:str}/detach",
    opt=Doc(
        "Detach a payment method", body=Nothing, answer=SavedMethodView, idempotent=True,
        errors=(errors.PaymentMethodNotFound,),
    ).opt(),
)  # fmt: skip
async def detach_payment_method(request: ApiRequest, payment_method_id: str) -> ASGIResponse:
    """Takes a payment method out of use, for good."""

    def make(call: Call, intent: Intent, _: Nothing) -> DetachMethod:
        return call.command(
            DetachMethod,
            intent,
            method_id=path_id("payment_method", payment_method_id),
        )

    return await perform(request, Nothing, steps.detach_methods, make)


@get(
    "/{payment_method_id:str}",
    opt=Doc(
        "Read a payment method", answer=SavedMethodView, errors=(errors.PaymentMethodNotFound,)
    ).opt(),
)
async def read_payment_method(request: ApiRequest, payment_method_id: str) -> ASGIResponse:
    """One payment method that is registered, detached or not."""
    call = await enter(request, "read")
    method_id = path_id("payment_method", payment_method_id)
    found = await Reading(call).find(reads.find_method, method_id)
    if found is None:
        raise PaymentMethodNotFound(payment_method=payment_method_id)
    return send_view(method_view(found))


@get(
    "/{payment_method_id:str}/same_card",
    opt=Doc(
        "List tokens of the same card", answer=SameCardView,
        errors=(errors.PaymentMethodNotFound, TooManyCards, VaultUnreachable),
    ).opt(),
)  # fmt: skip
async def list_same_card(request: ApiRequest, payment_method_id: str) -> ASGIResponse:
    """The merchant's other tokens of the same card, by the vault; it shows no fingerprint."""
    call = await enter(request, "read")
    token = path_id("payment_method", payment_method_id)
    same = await call.services.vault.list_same(asker_of(call), token)
    if same is None:
        raise PaymentMethodNotFound(payment_method=payment_method_id)
    return send_view(SameCardView(payment_method_id, same))


@get(
    "/",
    opt=Doc(
        "List payment methods", answer=SavedMethodView, many=True,
        parameters=LIST_PARAMETERS | {"customer": {"type": "string"}},
    ).opt(),
)  # fmt: skip
async def list_payment_methods(request: ApiRequest) -> ASGIResponse:
    """The merchant's payment methods, or one customer's, newest first; no detached ones."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED, "customer")
    customer_id = lists.cursor(given, "customer", "customer")
    page, reading = lists.page(given, "payment_method"), Reading(call, given)
    found = await reading.list(page, reads.list_methods, lambda m: m.id, page, customer_id)
    return reading.send(lists.list_view(found.items, method_view, more=found.has_more))


def router() -> Router:
    return Router(
        "/v1/payment_methods",
        route_handlers=[
            read_publishable_key, create_payment_method, detach_payment_method,
            read_payment_method, list_same_card, list_payment_methods,
        ],
    )  # fmt: skip
