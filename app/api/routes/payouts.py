"""/v1/payouts: create, read, list, approve, cancel."""

from typing import get_args

from litestar import Router, get, post
from litestar.response.base import ASGIResponse

from app.api.http import lists
from app.api.http.call import ApiRequest, Call, enter, path_id, perform, send
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import (
    Amount,
    BankAccountId,
    Body,
    Currency,
    Description,
    Metadata,
    Nothing,
)
from app.api.http.reading import Reading
from app.base import ids
from app.domains.ledger import errors as ledger_errors
from app.domains.payouts import errors, flow, reads, steps
from app.domains.payouts.commands import ApprovePayout, CancelPayout, OpenPayout
from app.domains.payouts.errors import PayoutNotFound
from app.domains.payouts.model import PayoutStatus
from app.domains.payouts.views import PayoutView, payout_view
from app.engine.idempotency import Intent


class CreatePayout(Body):
    """Pay out available money."""

    amount: Amount
    currency: Currency
    bank_account: BankAccountId
    description: Description | None = None
    metadata: Metadata = {}


_STATUSES = get_args(PayoutStatus)

BANK_WAIT_S = 0.0
"""How long a client waits for the bank: what it thinks of a payout comes days later anyway."""


def _open(call: Call, intent: Intent, body: CreatePayout) -> OpenPayout:
    return call.command(
        OpenPayout,
        intent,
        payout_id=ids.new(),
        bank_account_id=body.bank_account,
        amount_minor=body.amount,
        currency=body.currency,
        key_id=call.key_id,
        description=body.description,
        metadata=body.metadata,
    )


@post(
    "/",
    opt=Doc(
        "Pay out", body=CreatePayout, answer=PayoutView, status=201, idempotent=True,
        errors=(
            errors.NoBankOfMode, errors.BankAccountNotFound, errors.AccountOutsideSepa,
            ledger_errors.InsufficientFunds, ledger_errors.BalanceLimit,
        ),
    ).opt(),
)  # fmt: skip
async def create_payout(request: ApiRequest) -> ASGIResponse:
    """Takes the amount from what is available, and has the bank bring it to the bank account.

    Above the limit the payout waits for another API key's approval. What becomes of it at the bank
    is told by events.
    """
    return await perform(request, CreatePayout, flow.PAYOUT, _open, wait_s=BANK_WAIT_S)


@post(
    "/{payout_id:str}/approve",
    opt=Doc(
        "Approve a payout", body=Nothing, answer=PayoutView, idempotent=True,
        errors=(errors.PayoutNotFound, errors.PayoutNotApprovable, errors.ApprovalBySameKey),
    ).opt(),
)  # fmt: skip
async def approve_payout(request: ApiRequest, payout_id: str) -> ASGIResponse:
    """Lets a payout above the limit go; with another API key than the one that made it."""

    def make(call: Call, intent: Intent, _: Nothing) -> ApprovePayout:
        return call.command(
            ApprovePayout,
            intent,
            payout_id=path_id("payout", payout_id),
            key_id=call.key_id,
        )

    return await perform(request, Nothing, steps.approve_payouts, make, wait_s=BANK_WAIT_S)


@post(
    "/{payout_id:str}/cancel",
    opt=Doc(
        "Cancel a payout", body=Nothing, answer=PayoutView, idempotent=True,
        errors=(
            errors.PayoutNotFound, errors.PayoutNotCancelable, errors.PayoutNotStopped,
            errors.PayoutUndecided,
        ),
    ).opt(),
)  # fmt: skip
async def cancel_payout(request: ApiRequest, payout_id: str) -> ASGIResponse:
    """Stops a payout, if the bank has not executed it; the money is available again.

    Of a payout that the bank has, the bank decides.
    """

    def make(call: Call, intent: Intent, _: Nothing) -> CancelPayout:
        return call.command(CancelPayout, intent, payout_id=path_id("payout", payout_id))

    return await perform(request, Nothing, steps.cancel_payouts, make)


@get(
    "/{payout_id:str}",
    opt=Doc("Read a payout", answer=PayoutView, errors=(errors.PayoutNotFound,)).opt(),
)
async def read_payout(request: ApiRequest, payout_id: str) -> ASGIResponse:
    """One payout, and how far it has come."""
    call = await enter(request, "read")
    payout = await Reading(call).find(reads.find_payout, path_id("payout", payout_id))
    if payout is None:
        raise PayoutNotFound(payout=payout_id)
    return send(payout_view(payout))


@get(
    "/",
    opt=Doc(
        "List payouts", answer=PayoutView, many=True,
        parameters=LIST_PARAMETERS | {"status": {"type": "string", "enum": list(_STATUSES)}},
    ).opt(),
)  # fmt: skip
async def list_payouts(request: ApiRequest) -> ASGIResponse:
    """Newest first; all of the merchant's, or those in one state."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED, "status")
    page, reading = lists.page(given, "payout"), Reading(call, given)
    status = lists.one_of(given, "status", _STATUSES)
    found = await reading.list(page, reads.list_payouts, lambda p: p.id, page, status)
    return reading.send(lists.list_view(found.items, payout_view, more=found.has_more))


def router() -> Router:
    return Router(
        "/v1/payouts",
        route_handlers=[create_payout, approve_payout, cancel_payout, read_payout, list_payouts],
    )
