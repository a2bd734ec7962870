"""/v1/fee_plans: what merchants' payments cost, for the operator, who knows the admin key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

import msgspec
from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import Field, model_validator

from app.api.http import lists
from app.api.http.call import ApiRequest, enter_admin, operate, parse, path_id, send
from app.api.http.docs import Doc
from app.api.http.fields import Body, Currency, MerchantId, Nothing
from app.base import ids
from app.base.money import AMOUNT_MINOR_MAX
from app.domains.merchants import (
    ANY,
    FeePlan,
    FeePlanEnded,
    FeePlanExists,
    FeePlanNotFound,
    FeeRates,
    MerchantNotFound,
    admin,
)
from app.engine.database import Tx


class FeeTerms(Body):
    """What payments cost under a fee plan."""

    bps: Annotated[int, Field(ge=0, le=10_000)]
    fixed: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] = 0
    min: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] = 0
    max: Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)] | None = None
    refunded: bool = False

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError("has a max below its min")
        return self


class CreateFeePlan(FeeTerms):
    """Bring a fee plan into force for a merchant's payments on a rail, in a currency, or on all."""

    merchant: MerchantId
    rail: Literal["wallet", "card", "bank_transfer"] | None = None
    currency: Currency | None = None


class FeePlanView(msgspec.Struct, frozen=True):
    """What the platform takes of a merchant's payments on a rail and in a currency."""

    id: str
    merchant: str
    rail: str | None
    """`wallet`, `card`, `bank_transfer`; null: all of them."""
    currency: str | None
    """Null: all of them. Amounts are in minor units of the currency that the merchant gets."""
    bps: int
    """Hundredths of a percent of what is captured."""
    fixed: int
    """And so much per payment."""
    min: int
    """The least of both together; never more than was captured."""
    max: int | None
    """The most of both together."""
    refunded: bool
    """Whether a refund gives back its share of the fee."""
    created_at: datetime
    ended_at: datetime | None
    """Since when it is not in force any more."""
    object: str = "fee_plan"


def plan_view(plan: FeePlan) -> FeePlanView:
    """A fee plan on the wire."""
    return FeePlanView(
        id=ids.encode("fee_plan", plan.id),
        merchant=ids.encode("merchant", plan.merchant_id),
        rail=None if plan.rail == ANY else plan.rail,
        currency=None if plan.currency == ANY else plan.currency,
        bps=plan.bps,
        fixed=plan.fixed_minor,
        min=plan.min_minor,
        max=plan.max_minor,
        refunded=plan.refunded,
        created_at=plan.created_at,
        ended_at=plan.ended_at,
    )


def _terms(body: FeeTerms) -> FeeRates:
    return FeeRates(body.bps, body.fixed, body.min, body.max, refunded=body.refunded)


@post(
    "/",
    opt=Doc(
        "Create a fee plan", body=CreateFeePlan, answer=FeePlanView, status=201, admin=True,
        idempotent=True, errors=(MerchantNotFound, FeePlanExists),
    ).opt(),
)  # fmt: skip
async def create_plan(request: ApiRequest) -> ASGIResponse:
    """Says what payments cost from now on; every process knows within 5 seconds.

    Of the plans that cover a payment, the one that names it most closely counts: rail and currency,
    then the rail alone, then the currency alone, then neither; then the merchant's own fee.
    """
    enter_admin(request)
    body = await parse(request, CreateFeePlan)

    async def act(tx: Tx) -> FeePlanView:
        rail, currency = body.rail or ANY, body.currency or ANY
        return plan_view(
            await admin.create_plan(
                tx, body.merchant, rail=rail, currency=currency, terms=_terms(body)
            )
        )

    return await operate(request, body, 201, act)


_PARAMETERS: Mapping[str, dict[str, object]] = {
    "merchant": {"type": "string", "x-required": True},
    "limit": {"type": "integer", "minimum": 1, "maximum": lists.LIMIT_MAX},
    "starting_after": {"type": "string"},
}


@get(
    "/",
    opt=Doc(
        "List fee plans", answer=FeePlanView, many=True, admin=True, parameters=_PARAMETERS
    ).opt(),
)
async def list_plans(request: ApiRequest) -> ASGIResponse:
    """The plans of one merchant in the order of their making, ended ones too."""
    services = enter_admin(request)
    given = lists.parameters(request, *_PARAMETERS)
    merchant_id = lists.cursor(given, "merchant", "merchant")
    if merchant_id is None:
        raise lists.bad("merchant", "is required")
    after = lists.cursor(given, "starting_after", "fee_plan") or ids.NIL
    limit = lists.limit_of(given)
    found = await admin.list_plans(services.database, merchant_id, after, limit + 1)
    return send(lists.list_view(found[:limit], plan_view, more=len(found) > limit))


@post(
    "/{plan_id:str}/replace",
    opt=Doc(
        "Replace a fee plan", body=FeeTerms, answer=FeePlanView, status=201, admin=True,
        idempotent=True, errors=(FeePlanNotFound, FeePlanEnded),
    ).opt(),
)  # fmt: skip
async def replace_plan(request: ApiRequest, plan_id: str) -> ASGIResponse:
    """Ends a plan and begins another one for the same rail and currency.

    Payments keep the terms they were made with.
    """
    enter_admin(request)
    body = await parse(request, FeeTerms)
    fee_plan = path_id("fee_plan", plan_id)

    async def act(tx: Tx) -> FeePlanView:
        return plan_view(await admin.replace_plan(tx, fee_plan, _terms(body)))

    return await operate(request, body, 201, act)


@post(
    "/{plan_id:str}/end",
    opt=Doc(
        "End a fee plan", body=Nothing, answer=FeePlanView, admin=True,
        idempotent=True, errors=(FeePlanNotFound,),
    ).opt(),
)  # fmt: skip
async def end_plan(request: ApiRequest, plan_id: str) -> ASGIResponse:
    """Ends a plan; the next one that covers a payment counts."""
    enter_admin(request)
    body = await parse(request, Nothing)
    fee_plan = path_id("fee_plan", plan_id)

    async def act(tx: Tx) -> FeePlanView:
        return plan_view(await admin.end_plan(tx, fee_plan))

    return await operate(request, body, 200, act)


def router() -> Router:
    """The operator's routes of fee plans."""
    return Router("/v1/fee_plans", route_handlers=[create_plan, list_plans, replace_plan, end_plan])
