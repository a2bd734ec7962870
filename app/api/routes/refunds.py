"""/v1/refunds: create, read, list."""

from litestar import Router, get, post
from litestar.response.base import ASGIResponse

from app.api.http import lists
from app.api.http.call import ApiRequest, Call, enter, path_id, perform, send
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.fields import Amount, Body, Description, Metadata, PaymentId
from app.api.http.reading import Reading
from app.base import ids
from app.domains.ledger import errors as ledger_errors
from app.domains.payments import errors, flow, reads
from app.domains.payments.commands import RefundPayment
from app.domains.payments.errors import RefundNotFound
from app.domains.payments.views import RefundView, refund_view
from app.engine.idempotency import Intent


class CreateRefund(Body):
    """Give money back."""

    payment: PaymentId
    amount: Amount | None = None
    description: Description | None = None
    metadata: Metadata = {}


def _refund(call: Call, intent: Intent, body: CreateRefund) -> RefundPayment:
    return call.command(
        RefundPayment,
        intent,
        payment_id=body.payment,
        refund_id=ids.new(),
        transfer_id=ids.new(),
        amount_minor=body.amount,
        description=body.description,
        metadata=body.metadata,
        negative_limit_minor=call.merchant.negative_limit_minor,
    )


@post(
    "/",
    opt=Doc(
        "Refund a payment", body=CreateRefund, answer=RefundView, status=201,
        idempotent=True, provisional=True,
        errors=(
            errors.PaymentNotFound, errors.PaymentNotRefundable, errors.RefundNotSupported,
            errors.RefundExceedsCapture, errors.PaymentDisputed,
            ledger_errors.NegativeLimitExceeded, errors.PaymentBusy, errors.RefundDeclined,
            errors.ProcessorUnavailable, ledger_errors.AccountClosed,
        ),
    ).opt(),
)  # fmt: skip
async def create_refund(request: ApiRequest) -> ASGIResponse:
    """Gives captured money back to the payer, to the wallet or card it came from: all or a part.

    It is taken from what is available to the merchant, which may go below zero by it, as far as the
    merchant's limit says. Then nothing is paid out until captures have filled it again.

    What came by bank transfer is not given back here: the payer's account is not known.
    """
    return await perform(request, CreateRefund, flow.REFUND, _refund)


@get(
    "/{refund_id:str}",
    opt=Doc("Read a refund", answer=RefundView, errors=(errors.RefundNotFound,)).opt(),
)
async def read_refund(request: ApiRequest, refund_id: str) -> ASGIResponse:
    """One refund."""
    call = await enter(request, "read")
    refund = await Reading(call).find(reads.find_refund, path_id("refund", refund_id))
    if refund is None:
        raise RefundNotFound(refund=refund_id)
    return send(refund_view(refund))


@get(
    "/",
    opt=Doc(
        "List refunds", answer=RefundView, many=True,
        parameters=LIST_PARAMETERS | {"payment": {"type": "string"}},
    ).opt(),
)  # fmt: skip
async def list_refunds(request: ApiRequest) -> ASGIResponse:
    """Newest first; all of the merchant's, or one payment's."""
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED, "payment")
    page, reading = lists.page(given, "refund"), Reading(call, given)
    payment_id = lists.cursor(given, "payment", "payment")
    found = await reading.list(page, reads.list_refunds, lambda r: r.id, page, payment_id)
    return reading.send(lists.list_view(found.items, refund_view, more=found.has_more))


def router() -> Router:
    return Router("/v1/refunds", route_handlers=[create_refund, read_refund, list_refunds])
