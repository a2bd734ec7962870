"""/v1/transfers and /v1/deposits: money between wallets, and sandbox money into them."""

from typing import Annotated, Literal, Self
from uuid import UUID

from litestar import Router, get, post
from litestar.response.base import ASGIResponse
from pydantic import ConfigDict, Field, model_validator

from app.api.http import lists
from app.api.http.call import (
    ApiRequest,
    Call,
    enter,
    named_intent,
    parse,
    path_id,
    perform,
    send,
    submit,
)
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.errors import SandboxOnly
from app.api.http.fields import AccountId, Amount, Body, Currency, Description, Metadata, QuoteId
from app.api.http.reading import Reading
from app.base import ids
from app.domains.fx import ConvertTransfer
from app.domains.fx.errors import QuoteExpired, QuoteMismatch, QuoteNotFound, QuoteUsed
from app.domains.fx.steps import convert_transfers
from app.domains.ledger import EntrySpec, MakeDeposit, MakeTransfer, errors, reads, steps
from app.domains.ledger.errors import TransferNotFound
from app.domains.ledger.views import TransferView, transfer_view
from app.engine.idempotency import Intent

ENTRIES_MAX = 100  # a transfer that touches more accounts would hold too many locks


class CreateDeposit(Body):
    """Bring sandbox money into a wallet."""

    account: AccountId
    amount: Amount
    currency: Currency
    description: Description | None = None
    metadata: Metadata = {}


class TransferEntry(Body):
    """One entry of a transfer."""

    account: AccountId
    direction: Literal["debit", "credit"]
    amount: Amount


class CreateTransfer(Body):
    """Move money between wallets: debits take from wallets, credits give.

    Either all of them hold one `currency`, or a quote converts: then there are two entries, one
    debit of its source amount and one credit of its target amount.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["currency"]}, {"required": ["fx_quote"]}]}
    )

    currency: Currency | None = None
    fx_quote: QuoteId | None = None
    entries: Annotated[list[TransferEntry], Field(min_length=2, max_length=ENTRIES_MAX)]
    description: Description | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _check_currencies(self) -> Self:
        if (self.currency is None) == (self.fx_quote is None):
            raise ValueError("needs either a currency or an fx_quote")
        return self


QUOTE_ERRORS = (QuoteNotFound, QuoteUsed, QuoteExpired, QuoteMismatch)

_WALLET_ERRORS = (
    errors.AccountNotFound,
    errors.AccountNotUsable,
    errors.CurrencyMismatch,
    errors.AccountClosed,
    errors.BalanceLimit,
)


def _entries(body: CreateTransfer) -> list[EntrySpec]:
    return [EntrySpec(e.account, e.direction, e.amount) for e in body.entries]


def _transfer(call: Call, intent: Intent, body: CreateTransfer, currency: str) -> MakeTransfer:
    return call.command(
        MakeTransfer,
        intent,
        transfer_id=ids.new(),
        currency=currency,
        entries=_entries(body),
        description=body.description,
        metadata=body.metadata,
    )


def _conversion(
    call: Call, intent: Intent, body: CreateTransfer, quote_id: UUID
) -> ConvertTransfer:
    return call.command(
        ConvertTransfer,
        intent,
        transfer_id=ids.new(),
        quote_id=quote_id,
        entries=_entries(body),
        description=body.description,
        metadata=body.metadata,
    )


def _deposit(call: Call, intent: Intent, body: CreateDeposit) -> MakeDeposit:
    if call.services.settings.environment != "sandbox" or call.merchant.mode != "test":
        raise SandboxOnly
    return call.command(
        MakeDeposit,
        intent,
        transfer_id=ids.new(),
        account_id=body.account,
        currency=body.currency,
        amount_minor=body.amount,
        description=body.description,
        metadata=body.metadata,
    )


@post(
    "/",
    opt=Doc(
        "Make a transfer", body=CreateTransfer, answer=TransferView, status=201,
        idempotent=True,
        errors=(
            errors.TransferUnbalanced, errors.AccountsMustDiffer, *_WALLET_ERRORS,
            errors.InsufficientFunds, *QUOTE_ERRORS,
        ),
    ).opt(),
)  # fmt: skip
async def create_transfer(request: ApiRequest) -> ASGIResponse:
    """Moves money between the merchant's wallets: two or more entries that balance.

    With an `fx_quote`, between two wallets of different currencies, at the quote's amounts.
    """
    call = await enter(request, "write")
    body = await parse(request, CreateTransfer)
    intent = named_intent(request, body)
    if body.fx_quote is not None:
        return await submit(call, convert_transfers, _conversion(call, intent, body, body.fx_quote))
    assert body.currency is not None
    return await submit(call, steps.make_transfers, _transfer(call, intent, body, body.currency))


@get(
    "/{transfer_id:str}",
    opt=Doc("Read a transfer", answer=TransferView, errors=(errors.TransferNotFound,)).opt(),
)
async def read_transfer(request: ApiRequest, transfer_id: str) -> ASGIResponse:
    """One transfer, with its entries."""
    call = await enter(request, "read")
    transfer = await Reading(call).find(reads.find_transfer, path_id("transfer", transfer_id))
    if transfer is None:
        raise TransferNotFound(transfer=transfer_id)
    return send(transfer_view(transfer))


@get(
    "/", opt=Doc("List transfers", answer=TransferView, many=True, parameters=LIST_PARAMETERS).opt()
)
async def list_transfers(request: ApiRequest) -> ASGIResponse:
    """All movements of the merchant's money, newest first: payments, refunds, holds, deposits."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED)
    page, reading = lists.page(given, "transfer"), Reading(call, given)
    found = await reading.list(page, reads.list_transfers, lambda t: t.id, page)
    return reading.send(lists.list_view(found.items, transfer_view, more=found.has_more))


@post(
    "/",
    opt=Doc(
        "Make a deposit", body=CreateDeposit, answer=TransferView, status=201,
        idempotent=True, errors=(SandboxOnly, errors.CurrencyEnded, *_WALLET_ERRORS),
    ).opt(),
)  # fmt: skip
async def create_deposit(request: ApiRequest) -> ASGIResponse:
    """Brings sandbox money from outside into a wallet."""
    return await perform(request, CreateDeposit, steps.make_deposits, _deposit)


def routers() -> list[Router]:
    """The routes of transfers and deposits."""
    return [
        Router("/v1/transfers", route_handlers=[create_transfer, read_transfer, list_transfers]),
        Router("/v1/deposits", route_handlers=[create_deposit]),
    ]
