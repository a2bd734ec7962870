"""/v1/merchants and /v1/api_keys: for the operator, who knows the admin key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import Field

from app.api.http import lists
from app.api.http.call import (
    ApiRequest,
    act_once,
    context_of,
    enter_admin,
    kept_for_operator,
    operate,
    parse,
    path_id,
    respond,
    send,
)
from app.api.http.docs import Doc
from app.api.http.fields import Body, MerchantId, Nothing, Text
from app.api.http.vault_client import VaultUnreachable
from app.api.routes.vault import CardsNotSetUp, publishable_key_of
from app.base import clock, ids
from app.base.money import AMOUNT_MINOR_MAX
from app.base.settings import REGION_PATTERN, Settings
from app.domains.merchants import (
    ApiKey,
    ApiKeyNotFound,
    Merchant,
    MerchantNotFound,
    UnknownRegion,
    admin,
)
from app.engine.database import Tx

NegativeLimit = Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] | None
"""How far below zero refunds may take what is available, in minor units of each currency; none: as
far as they go."""


class CreateMerchant(Body):
    """Record a merchant."""

    name: Text
    home_region: Annotated[str, Field(pattern=REGION_PATTERN)] | None = None
    mode: Literal["test", "live"] = "test"
    fee_bps: Annotated[int, Field(ge=0, le=10_000)] = 290
    fee_fixed: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] = 30
    negative_balance_limit: NegativeLimit = None


class ChangeLimits(Body):
    """Change a merchant's limits."""

    negative_balance_limit: NegativeLimit


class CreateApiKey(Body):
    """Make a key for a merchant."""

    merchant: MerchantId
    name: Text = "default"
    scopes: Annotated[list[Literal["read", "write"]], Field(min_length=1, max_length=2)] = [
        "read",
        "write",
    ]


class MerchantView(msgspec.Struct, frozen=True):
    """A tenant."""

    id: str
    name: str
    home_region: str
    former_region: str | None
    """While it moves: the other region in which rows of it may be."""
    mode: str
    fee_bps: int
    """The platform's share of a payment, in hundredths of a percent."""
    fee_fixed: int
    """And a fixed part, in minor units of the payment's currency."""
    created_at: datetime
    publishable_key: str | None
    """What a browser leaves a card in the vault with; none where cards are not set up."""
    negative_balance_limit: int | None
    """How far below zero refunds may take what is available, in minor units of each currency."""
    object: str = "merchant"


class ApiKeyView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An API key; its secret is shown once, when it is made."""

    id: str
    merchant: str
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None
    secret: str | None = None
    publishable_key: str | None = None
    """Of its merchant, shown beside the secret: what pages leave cards in the vault with."""


def merchant_view(merchant: Merchant, settings: Settings) -> MerchantView:
    return MerchantView(
        ids.encode("merchant", merchant.id),
        merchant.name,
        merchant.home_region,
        merchant.former_region,
        merchant.mode,
        merchant.fee_bps,
        merchant.fee_fixed_minor,
        merchant.created_at,
        publishable_key_of(merchant, settings),
        merchant.negative_limit_minor,
    )


def key_view(
    key: ApiKey, secret: str | None = None, publishable_key: str | None = None
) -> ApiKeyView:
    return ApiKeyView(
        id=ids.encode("api_key", key.id),
        merchant=ids.encode("merchant", key.merchant_id),
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        secret=secret,
        publishable_key=publishable_key,
    )


@post(
    "/",
    opt=Doc(
        "Create a merchant", body=CreateMerchant, answer=MerchantView, status=201, admin=True,
        idempotent=True, errors=(UnknownRegion,),
    ).opt(),
)  # fmt: skip
async def create_merchant(request: ApiRequest) -> ASGIResponse:
    """Records a merchant, at home in a region."""
    services = enter_admin(request)
    body = await parse(request, CreateMerchant)
    settings = services.settings
    merchant = Merchant(
        ids.new(),
        body.name,
        body.home_region or settings.region,
        body.mode,
        body.fee_bps,
        body.fee_fixed,
        clock.now(),
        negative_limit_minor=body.negative_balance_limit,
    )

    async def act(tx: Tx) -> MerchantView:
        await admin.insert_merchant(tx, merchant)
        return merchant_view(merchant, settings)

    return await operate(request, body, 201, act)


@get(
    "/{merchant_id:str}",
    opt=Doc("Read a merchant", answer=MerchantView, admin=True, errors=(MerchantNotFound,)).opt(),
)
async def read_merchant(request: ApiRequest, merchant_id: str) -> ASGIResponse:
    """One merchant."""
    services = enter_admin(request)
    merchant = await admin.get_merchant(services.database, path_id("merchant", merchant_id))
    return send(merchant_view(merchant, services.settings))


@post(
    "/{merchant_id:str}/limits",
    opt=Doc(
        "Change a merchant's limits", body=ChangeLimits, answer=MerchantView, admin=True,
        idempotent=True, errors=(MerchantNotFound,),
    ).opt(),
)  # fmt: skip
async def change_limits(request: ApiRequest, merchant_id: str) -> ASGIResponse:
    """Says how far below zero refunds may take what is available to a merchant."""
    settings, body = enter_admin(request).settings, await parse(request, ChangeLimits)
    merchant = path_id("merchant", merchant_id)

    async def act(tx: Tx) -> MerchantView:
        limit = body.negative_balance_limit
        return merchant_view(await admin.change_negative_limit(tx, merchant, limit), settings)

    return await operate(request, body, 200, act)


@post(
    "/{merchant_id:str}/publishable_key/rotate",
    opt=Doc(
        "Rotate a merchant's publishable key", body=Nothing, answer=MerchantView, admin=True,
        idempotent=True, errors=(MerchantNotFound, CardsNotSetUp, VaultUnreachable),
    ).opt(),
)  # fmt: skip
async def rotate_publishable_key(request: ApiRequest, merchant_id: str) -> ASGIResponse:
    """Ends a merchant's publishable key and shows the next one; the vault refuses the old one."""
    services = enter_admin(request)
    settings, body = services.settings, await parse(request, Nothing)
    kept = await kept_for_operator(request, body)
    if kept is not None:
        return respond(kept, settings.idempotency_kept_days)
    merchant = await admin.get_merchant(services.database, path_id("merchant", merchant_id))
    if settings.vault_client_key is None:
        raise CardsNotSetUp
    # The vault first: if this ends in between, the key that is shown is refused, and rotating again
    # ends the same one. The other way round a key that was called ended would go on.
    generation, request_id = merchant.key_generation + 1, context_of(request).request_id
    await services.vault.raise_generation(merchant.id, generation, request_id)

    async def act(tx: Tx) -> MerchantView:
        raised = await admin.raise_key_generation(tx, merchant.id, generation)
        return merchant_view(raised, settings)

    return await operate(request, body, 200, act)


_OLDEST_FIRST: Mapping[str, dict[str, object]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": lists.LIMIT_MAX},
    "starting_after": {"type": "string"},
}


@get(
    "/",
    opt=Doc(
        "List merchants", answer=MerchantView, many=True, admin=True, parameters=_OLDEST_FIRST
    ).opt(),
)
async def list_merchants(request: ApiRequest) -> ASGIResponse:
    """Merchants in the order of their making."""
    services = enter_admin(request)
    given = lists.parameters(request, *_OLDEST_FIRST)
    after = lists.cursor(given, "starting_after", "merchant") or ids.NIL
    limit = lists.limit_of(given)
    found = await admin.list_merchants(services.database, after, limit + 1)
    views = [merchant_view(merchant, services.settings) for merchant in found[:limit]]
    return send(lists.ListView(views, len(found) > limit))


@post(
    "/",
    opt=Doc(
        "Create an API key", body=CreateApiKey, answer=ApiKeyView, status=201, admin=True,
        idempotent=True, errors=(MerchantNotFound,),
    ).opt(),
)  # fmt: skip
async def create_key(request: ApiRequest) -> ASGIResponse:
    """Makes a key for a merchant; only this answer ever shows its secret.

    A repetition under the same Idempotency-Key is answered without it, because it is not stored.
    """
    settings = enter_admin(request).settings
    body = await parse(request, CreateApiKey)
    shown: dict[str, ApiKeyView] = {}

    async def act(tx: Tx) -> ApiKeyView:
        merchant = await admin.read_merchant(tx, body.merchant)
        key, secret = admin.new_key(merchant, body.name, body.scopes)
        admin.insert_key(tx, key, secret)
        publishable_key = publishable_key_of(merchant, settings)
        kept = key_view(key, None, publishable_key)
        shown[msgspec.json.encode(kept).decode()] = msgspec.structs.replace(kept, secret=secret)
        return kept

    answer = await act_once(request, body, 201, act)
    if answer.body in shown:
        # Made by this request, by whichever attempt of it.
        text = msgspec.json.encode(shown[answer.body]).decode()
        answer = msgspec.structs.replace(answer, body=text, replayed=False)
    return respond(answer, settings.idempotency_kept_days)


@get(
    "/",
    opt=Doc(
        "List API keys", answer=ApiKeyView, many=True, admin=True,
        parameters={"merchant": {"type": "string", "x-required": True}},
    ).opt(),
)  # fmt: skip
async def list_keys(request: ApiRequest) -> ASGIResponse:
    """The keys of one merchant, revoked ones too."""
    services = enter_admin(request)
    merchant_id = lists.cursor(lists.parameters(request, "merchant"), "merchant", "merchant")
    if merchant_id is None:
        raise lists.bad("merchant", "is required")
    found = await admin.list_keys(services.database, merchant_id)
    return send(lists.list_view(found, key_view, more=False))


@post(
    "/{key_id:str}/revoke",
    opt=Doc(
        "Revoke an API key", body=Nothing, answer=ApiKeyView, admin=True,
        idempotent=True, errors=(ApiKeyNotFound,),
    ).opt(),
)  # fmt: skip
async def revoke_key(request: ApiRequest, key_id: str) -> ASGIResponse:
    """Ends a key; every process refuses it within 5 seconds."""
    enter_admin(request)
    body = await parse(request, Nothing)
    api_key = path_id("api_key", key_id)

    async def act(tx: Tx) -> ApiKeyView:
        return key_view(await admin.end_key(tx, api_key))

    return await operate(request, body, 200, act)


def routers() -> list[Router]:
    """The operator's routes."""
    return [
        Router(
            "/v1/merchants",
            route_handlers=[
                create_merchant,
                read_merchant,
                change_limits,
                rotate_publishable_key,
                list_merchants,
            ],
        ),
        Router("/v1/api_keys", route_handlers=[create_key, list_keys, revoke_key]),
    ]
