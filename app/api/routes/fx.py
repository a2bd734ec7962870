"""/v1/fx/quotes: rates that hold for a while."""

from typing import Self

from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import ConfigDict, model_validator

from app.api.http import lists
from app.api.http.call import (
    ApiRequest,
    Call,
    enter,
    named_intent,
    parse,
    path_id,
    replay,
    send,
    submit,
)
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import Amount, Body, Currency, Metadata
from app.api.http.reading import Reading
from app.base import clock, ids
from app.domains.fx import PromiseQuote, RateTable, Side
from app.domains.fx.errors import (
    ConversionTooLarge,
    ConversionTooSmall,
    CurrenciesMustDiffer,
    CurrencyNotQuoted,
    QuoteNotFound,
    RatesUnavailable,
)
from app.domains.fx.reads import find_quote, list_quotes
from app.domains.fx.steps import create_quotes
from app.domains.fx.views import QuoteView, quote_view
from app.domains.ledger.errors import CurrencyEnded
from app.engine.idempotency import Intent


class CreateQuote(Body):
    """Ask for a rate that holds for a while, for one of the two amounts."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["source_amount"]}, {"required": ["target_amount"]}]
        }
    )

    source_currency: Currency
    target_currency: Currency
    source_amount: Amount | None = None
    target_amount: Amount | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _check_amounts(self) -> Self:
        if (self.source_amount is None) == (self.target_amount is None):
            raise ValueError("needs either a source_amount or a target_amount")
        return self


def _quote(call: Call, intent: Intent, body: CreateQuote, table: RateTable) -> PromiseQuote:
    side: Side = "target" if body.source_amount is None else "source"
    amount = body.target_amount if body.source_amount is None else body.source_amount
    assert amount is not None
    settings = call.services.settings
    return call.command(
        PromiseQuote,
        intent,
        quote_id=ids.new(),
        source_currency=body.source_currency,
        target_currency=body.target_currency,
        side=side,
        amount_minor=amount,
        reference_rate=table.find(body.source_currency, body.target_currency),
        rate_source=table.source,
        rate_day=table.day,
        spread_bps=settings.fx_spread_bps,
        lock_s=settings.fx_quote_s,
        metadata=body.metadata,
    )


@post(
    "/",
    opt=Doc(
        "Make a quote", body=CreateQuote, answer=QuoteView, status=201, idempotent=True,
        errors=(
            CurrenciesMustDiffer, CurrencyEnded, CurrencyNotQuoted, ConversionTooSmall,
            ConversionTooLarge, RatesUnavailable,
        ),
    ).opt(),
)  # fmt: skip
async def create_quote(request: ApiRequest) -> ASGIResponse:
    """Fixes a rate for one of two amounts, until `expires_at`, for one use.

    The spread is in the rate already; `reference_rate` is the rate without it.
    """
    call = await enter(request, "write")
    body = await parse(request, CreateQuote)
    intent = named_intent(request, body)
    try:
        table = await call.services.rates.latest()
    except RatesUnavailable as error:
        return await replay(call, intent, error)
    return await submit(call, create_quotes, _quote(call, intent, body, table))


@get(
    "/{quote_id:str}",
    opt=Doc("Read a quote", answer=QuoteView, errors=(QuoteNotFound,)).opt(),
)
async def read_quote(request: ApiRequest, quote_id: str) -> ASGIResponse:
    """One quote, as it is now; an open one that nobody used in time has expired."""
    call = await enter(request, "read")
    quote = await Reading(call).find(find_quote, path_id("fx_quote", quote_id))
    if quote is None:
        raise QuoteNotFound(quote=quote_id)
    return send(quote_view(quote, clock.now()))


@get("/", opt=Doc("List quotes", answer=QuoteView, many=True, parameters=LIST_PARAMETERS).opt())
async def list_all_quotes(request: ApiRequest) -> ASGIResponse:
    """The merchant's quotes, newest first: open, used and expired ones."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED)
    page, reading = lists.page(given, "fx_quote"), Reading(call, given)
    found = await reading.list(page, list_quotes, lambda q: q.id, page)
    now = clock.now()
    views = lists.list_view(found.items, lambda q: quote_view(q, now), more=found.has_more)
    return reading.send(views)


def router() -> Router:
    return Router("/v1/fx/quotes", route_handlers=[create_quote, read_quote, list_all_quotes])
