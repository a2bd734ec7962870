"""The command of a create request, for every rail."""

from collections.abc import Awaitable
from uuid import UUID

from app.api.http import wire
from app.api.http.call import Call
from app.api.http.errors import SandboxOnly
from app.api.routes.vault import adopt
from app.base import ids
from app.base.errors import PlatformError
from app.domains.payments import model
from app.domains.payments.commands import OpenPayment
from app.domains.payments.model import Rail
from app.engine.idempotency import Intent

_FAULT_HEADER = b"suya-sandbox-fault"


def open_payment(
    call: Call, intent: Intent, body: wire.CreatePayment
) -> OpenPayment | Awaitable[OpenPayment]:
    """The command of a create request; a card has to be looked up for it.

    Raises:
        PaymentMethodNotFound, PaymentMethodDetached: of a card.
        SandboxOnly: a fault is asked for where money is real.
    """
    method = body.payment_method
    if isinstance(method, wire.WalletMethod):
        return _command(call, intent, body, method.account)
    account = model.receivable_account(call.merchant.id, body.currency).id
    if isinstance(method, wire.CardMethod):
        return _open_card(call, intent, body, account, method.id)
    rail = Rail(route=(call.services.world.processors.route_to_bank(body.currency),))
    return _command(call, intent, body, account, method="bank_transfer", rail=rail)


async def _open_card(
    call: Call, intent: Intent, body: wire.CreatePayment, account: UUID, method_id: UUID
) -> OpenPayment:
    try:
        card = await adopt(call, method_id)
    except PlatformError as error:
        if error.status >= 500:  # noqa: PLR2004 - nobody decided
            raise
        # A key that has an answer keeps it, whatever has become of the card since.
        return _command(call, intent, body, account, method="card", refused=error)
    route = call.services.world.processors.route(
        currency=body.currency,
        brand=card.brand,
        amount_minor=body.amount,
        # Drawn by the intent, so that the same request repeated takes the same route.
        draw=intent.id.int,
    )
    rail = Rail(route=route, token=card.token, brand=card.brand, last4=card.last4)
    customer = None if card.customer_id is None else ids.encode("customer", card.customer_id)
    return _command(call, intent, body, account, method="card", rail=rail, customer=customer)


def _command(
    call: Call,
    intent: Intent,
    body: wire.CreatePayment,
    account: UUID,
    *,
    method: str = "wallet",
    rail: Rail | None = None,
    customer: str | None = None,
    refused: PlatformError | None = None,
) -> OpenPayment:
    return call.command(
        OpenPayment,
        intent,
        payment_id=ids.new(),
        transfer_id=ids.new(),
        account_id=account,
        amount_minor=body.amount,
        currency=body.currency,
        capture=body.capture,
        description=body.description,
        metadata=body.metadata,
        fee_bps=call.merchant.fee_bps,
        fee_fixed_minor=call.merchant.fee_fixed_minor,
        method=method,
        customer=customer,
        rail=rail,
        sandbox_fault=None if rail is None else _sandbox_fault(call),
        fee_plans=call.fee_plans,
        quote_id=body.fx_quote,
        refused=refused,
    )


def _sandbox_fault(call: Call) -> str | None:
    """What the sandbox's acquirer is asked to do wrong with this payment."""
    given = call.context.headers.get(_FAULT_HEADER)
    if given is None:
        return None
    if call.services.settings.environment != "sandbox":
        raise SandboxOnly
    return given.decode("latin-1")
