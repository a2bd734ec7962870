"""/v1/payments: create, read, list, capture, cancel."""

from typing import Any, get_args

from litestar import Router, get, post
from litestar.response.base import ASGIResponse

from app.api.http import lists
from app.api.http.call import ApiRequest, Call, enter, path_id, perform, send
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import Amount, Body, Nothing
from app.api.http.lists import ListView
from app.api.http.reading import Reading
from app.api.routes.opening import CreatePayment, open_payment
from app.base import ids
from app.base.money import AMOUNT_MINOR_MAX
from app.domains.customers import errors as customers_errors
from app.domains.fx import errors as fx_errors
from app.domains.ledger import errors as ledger_errors
from app.domains.payments import errors, flow, reads
from app.domains.payments.commands import CapturePayment, ReleasePayment
from app.domains.payments.errors import PaymentNotFound
from app.domains.payments.model import PaymentStatus
from app.domains.payments.reads import PaymentFilter
from app.domains.payments.views import PaymentView, payment_view
from app.engine.idempotency import Intent
from app.vault import TooManyCards


class CreateCapture(Body):
    """Capture an authorized payment."""

    amount: Amount | None = None
    final: bool = False


_STATUSES = get_args(PaymentStatus)

OPEN_ERRORS = (
    ledger_errors.CurrencyEnded,
    ledger_errors.AccountNotFound,
    ledger_errors.AccountNotUsable,
    ledger_errors.CurrencyMismatch,
    ledger_errors.AccountClosed,
    ledger_errors.InsufficientFunds,
    ledger_errors.BalanceLimit,
    fx_errors.QuoteNotFound,
    fx_errors.QuoteUsed,
    fx_errors.QuoteExpired,
    fx_errors.QuoteMismatch,
    customers_errors.PaymentMethodNotFound,
    customers_errors.PaymentMethodDetached,
    TooManyCards,
    errors.ModeNotProcessable,
    errors.AmountNotProcessable,
    errors.DeclinedByProcessor,
    errors.PaymentUndone,
    errors.ProcessorUnavailable,
)


@post(
    "/",
    opt=Doc(
        "Take a payment", body=CreatePayment, answer=PaymentView, status=201,
        errors=OPEN_ERRORS,
        idempotent=True, provisional=True,
    ).opt(),
)  # fmt: skip
async def create_payment(request: ApiRequest) -> ASGIResponse:
    """Takes the amount at once, or holds it (`capture: manual`), and answers when that is durable.

    From a wallet at once. Over a card or by bank transfer a processor is asked: where it has not
    spoken in time the answer is 202, and a payer who has something to do finds it in `next_action`.
    Repeated with the same key, the request is answered by what has become of it.

    With an `fx_quote` the payer pays the quote's source amount and the merchant gets its target
    amount, less a fee in that currency.
    """
    return await perform(request, CreatePayment, flow.AUTHORIZATION, open_payment)


@post(
    "/{payment_id:str}/capture",
    opt=Doc(
        "Capture a payment", body=CreateCapture, answer=PaymentView,
        idempotent=True, provisional=True,
        errors=(
            errors.PaymentNotFound, errors.PaymentNotCapturable, errors.CaptureExceedsHold,
            errors.PaymentBusy, errors.CaptureDeclined, errors.ProcessorUnavailable,
        ),
    ).opt(),
)  # fmt: skip
async def capture_payment(request: ApiRequest, payment_id: str) -> ASGIResponse:
    """Moves held money to the merchant: all that is left, or a part, as often as something is left.

    `final` gives back the rest of the hold.
    """

    def make(call: Call, intent: Intent, body: CreateCapture) -> CapturePayment:
        return call.command(
            CapturePayment,
            intent,
            payment_id=path_id("payment", payment_id),
            transfer_id=ids.new(),
            amount_minor=body.amount,
            final=body.final,
        )

    return await perform(request, CreateCapture, flow.CAPTURE, make)


@post(
    "/{payment_id:str}/cancel",
    opt=Doc(
        "Cancel a payment", body=Nothing, answer=PaymentView,
        idempotent=True, provisional=True,
        errors=(
            errors.PaymentNotFound, errors.PaymentNotCancelable, errors.PaymentBusy,
            errors.ProcessorUnavailable,
        ),
    ).opt(),
)  # fmt: skip
async def cancel_payment(request: ApiRequest, payment_id: str) -> ASGIResponse:
    """Gives back what is held; what was captured before stays captured."""

    def make(call: Call, intent: Intent, _: Nothing) -> ReleasePayment:
        return call.command(
            ReleasePayment,
            intent,
            payment_id=path_id("payment", payment_id),
            transfer_id=ids.new(),
        )

    return await perform(request, Nothing, flow.CANCELLATION, make)


@get(
    "/{payment_id:str}",
    opt=Doc("Read a payment", answer=PaymentView, errors=(errors.PaymentNotFound,)).opt(),
)
async def read_payment(request: ApiRequest, payment_id: str) -> ASGIResponse:
    """One payment, as it is now."""
    call = await enter(request, "read")
    payment = await Reading(call).find(reads.find_payment, path_id("payment", payment_id))
    if payment is None:
        raise PaymentNotFound(payment=payment_id)
    return send(payment_view(payment))


_FILTERS: dict[str, dict[str, Any]] = {
    "status": {"type": "string", "enum": list(_STATUSES)},
    "customer": {"type": "string", "maxLength": 255, "minLength": 1},
    "amount[gte]": {"type": "integer", "minimum": 0, "maximum": AMOUNT_MINOR_MAX},
    "amount[lte]": {"type": "integer", "minimum": 0, "maximum": AMOUNT_MINOR_MAX},
}


@get(
    "/",
    opt=Doc(
        "List payments", answer=PaymentView, many=True, parameters=LIST_PARAMETERS | _FILTERS
    ).opt(),
)
async def list_payments(request: ApiRequest) -> ASGIResponse:
    """Newest first; narrowed by status, customer, amount, time and `metadata[name]=value`.

    Where few of many payments match, a page may end early and says so by `next_cursor`.
    """
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED, *_FILTERS, metadata=True)
    narrowed = PaymentFilter(
        status=lists.one_of(given, "status", _STATUSES),
        customer=given.get("customer"),
        amount_min=lists.whole(given, "amount[gte]", 0, AMOUNT_MINOR_MAX),
        amount_max=lists.whole(given, "amount[lte]", 0, AMOUNT_MINOR_MAX),
        metadata=lists.metadata_of(given),
    )
    page, reading = lists.page(given, "payment"), Reading(call, given)
    found = await reading.list(page, reads.list_payments, lambda p: p.id, page, narrowed)
    cursor = None if found.position is None else ids.encode("payment", found.position)
    return reading.send(ListView([payment_view(p) for p in found.items], found.has_more, cursor))


def router(*more: Any) -> Router:
    """The routes of payments; bulk has its own module."""
    return Router(
        "/v1/payments",
        route_handlers=[
            create_payment, capture_payment, cancel_payment, read_payment, list_payments, *more,
        ],
    )  # fmt: skip
