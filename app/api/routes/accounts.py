"""/v1/accounts: open, read, list, close; balances now and then; entries."""

import re
from datetime import UTC, datetime, timedelta

from litestar import Router, get, post
from litestar.response.base import ASGIResponse

from app.api.http import lists
from app.api.http.call import ApiRequest, Call, enter, path_id, perform, send
from app.api.http.docs import CONSISTENCY_PARAMETER, LIST_PARAMETERS, PAGING_PARAMETERS, Doc
from app.api.http.fields import Body, Currency, Description, Metadata, Nothing, Text
from app.api.http.reading import Reading
from app.base import clock, ids
from app.domains.ledger import CloseAccount, OpenAccount, errors, reads, steps
from app.domains.ledger.errors import AccountNotFound
from app.domains.ledger.model import AccountRow
from app.domains.ledger.reads import EntryPosition
from app.domains.ledger.views import (
    AccountView,
    BalanceView,
    EntryView,
    account_view,
    balance_view,
    entry_view,
    with_sums,
)
from app.engine.database import Page
from app.engine.idempotency import Intent


class CreateAccount(Body):
    """Open a customer's wallet."""

    currency: Currency
    customer: Text | None = None
    description: Description | None = None
    metadata: Metadata = {}


_ENTRY_ID = re.compile(r"ent_([0-9]{1,17})_([0-9]{1,18})")
_TICK = timedelta(microseconds=1)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_CLOCKS = timedelta(seconds=1)  # by which a client's may be ahead of ours


def _open(call: Call, intent: Intent, body: CreateAccount) -> OpenAccount:
    return call.command(
        OpenAccount,
        intent,
        account_id=ids.new(),
        currency=body.currency,
        customer=body.customer,
        description=body.description,
        metadata=body.metadata,
    )


@post(
    "/",
    opt=Doc(
        "Open an account", body=CreateAccount, answer=AccountView, status=201, idempotent=True,
        errors=(errors.CurrencyEnded,),
    ).opt(),
)  # fmt: skip
async def create_account(request: ApiRequest) -> ASGIResponse:
    """Opens a customer's wallet in one currency."""
    return await perform(request, CreateAccount, steps.open_accounts, _open)


@post(
    "/{account_id:str}/close",
    opt=Doc(
        "Close an account", body=Nothing, answer=AccountView, idempotent=True,
        errors=(errors.AccountNotFound, errors.AccountNotUsable, errors.AccountNotEmpty),
    ).opt(),
)  # fmt: skip
async def close_account(request: ApiRequest, account_id: str) -> ASGIResponse:
    """Closes an empty wallet for good."""

    def make(call: Call, intent: Intent, _: Nothing) -> CloseAccount:
        return call.command(CloseAccount, intent, account_id=path_id("account", account_id))

    return await perform(request, Nothing, steps.close_accounts, make)


async def _find(call: Call, account_id: str) -> AccountRow:
    row = await Reading(call).find(reads.find_account, path_id("account", account_id))
    if row is None:
        raise AccountNotFound(account=account_id)
    return row


@get(
    "/{account_id:str}",
    opt=Doc("Read an account", answer=AccountView, errors=(errors.AccountNotFound,)).opt(),
)
async def read_account(request: ApiRequest, account_id: str) -> ASGIResponse:
    """One account of the merchant."""
    row = await _find(await enter(request, "read"), account_id)
    return send(account_view(row))


@get("/", opt=Doc("List accounts", answer=AccountView, many=True, parameters=LIST_PARAMETERS).opt())
async def list_accounts(request: ApiRequest) -> ASGIResponse:
    """The merchant's accounts, newest first: its customers' wallets and its own."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED)
    page, reading = lists.page(given, "account"), Reading(call, given)
    found = await reading.list(page, reads.list_accounts, lambda row: row.account.id, page)
    return reading.send(lists.list_view(found.items, account_view, more=found.has_more))


@get(
    "/{account_id:str}/balance",
    opt=Doc(
        "Read a balance", answer=BalanceView, errors=(errors.AccountNotFound,),
        parameters={
            "as_of": {"type": "string", "format": "date-time"},
            "consistency": CONSISTENCY_PARAMETER,
        },
    ).opt(),
)  # fmt: skip
async def read_balance(request: ApiRequest, account_id: str) -> ASGIResponse:
    """The balance now, or as of any instant in the past, at the same cost.

    The answer says as of which instant it is, and that balance never changes any more.
    """
    call = await enter(request, "read")
    given = lists.parameters(request, "as_of", "consistency")
    known = min(map(call.services.database.fences.known_horizon, call.regions))
    row = await _find(call, account_id)
    reading, as_of = Reading(call, given), lists.instant(given, "as_of")
    if as_of is None and "consistency" not in given:
        # It is what it has been since its last entry, and at what was final before it was read.
        return send(balance_view(row.account, max(row.account.booked_at, known - _TICK)))
    if as_of is not None and as_of > clock.now() + _CLOCKS:
        raise lists.bad("as_of", "must not be in the future")
    final = await reading.horizon(as_of or _LATEST) - _TICK
    then = final if as_of is None else min(as_of, final)
    sums = await reading.find_all(reads.find_balance_as_of, row.account.id, then)
    latest = max(sums, key=lambda each: each.version)
    return reading.send(balance_view(with_sums(row.account, latest), then))


@get(
    "/{account_id:str}/entries",
    opt=Doc(
        "List entries", answer=EntryView, many=True, errors=(errors.AccountNotFound,),
        parameters=PAGING_PARAMETERS,
    ).opt(),
)  # fmt: skip
async def list_entries(request: ApiRequest, account_id: str) -> ASGIResponse:
    """The account's entries, newest first, each with the balance after it."""
    call = await enter(request, "read")
    row = await _find(call, account_id)
    given = lists.parameters(request, *lists.PAGING)
    before = _position(given, "starting_after")
    after = _position(given, "ending_before")
    if before is not None and after is not None:
        raise lists.bad("ending_before", "cannot be combined with starting_after")
    page, reading = Page(lists.limit_of(given), backwards=after is not None), Reading(call, given)
    found = await reading.list(
        page,
        reads.list_entries,
        lambda entry: (entry.booked_at, entry.version),
        row.account.id,
        page,
        before=before,
        after=after,
    )
    return reading.send(
        lists.list_view(found.items, lambda e: entry_view(row.account, e), more=found.has_more)
    )


def _position(given: dict[str, str], name: str) -> EntryPosition | None:
    """An entry's id says where in the account's timeline it stands."""
    text = given.get(name)
    if text is None:
        return None
    match = _ENTRY_ID.fullmatch(text)
    if match is None:
        raise lists.bad(name, "must be the id of an entry")
    return EntryPosition(clock.EPOCH + timedelta(microseconds=int(match[1])), int(match[2]))


def router() -> Router:
    return Router(
        "/v1/accounts",
        route_handlers=[
            create_account, close_account, read_account, list_accounts, read_balance, list_entries,
        ],
    )  # fmt: skip
