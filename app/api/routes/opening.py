"""The body of a new payment and its command, for every rail."""

from collections.abc import Awaitable
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.api.http.call import Call
from app.api.http.errors import SandboxOnly
from app.api.http.fields import (
    AccountId,
    Amount,
    Body,
    Currency,
    Description,
    Metadata,
    PaymentMethodId,
    QuoteId,
)
from app.api.routes.vault import adopt
from app.base import ids
from app.base.errors import PlatformError, TooManyRequests
from app.domains.payments import model
from app.domains.payments.commands import OpenPayment
from app.domains.payments.errors import AmountNotProcessable, ModeNotProcessable
from app.domains.payments.model import Rail
from app.engine.idempotency import Intent


class WalletMethod(Body):
    """The payer pays from a wallet."""

    type: Literal["wallet"]
    account: AccountId


class CardMethod(Body):
    """The payer pays by a card that is in the vault."""

    type: Literal["card"]
    id: PaymentMethodId


class BankTransferMethod(Body):
    """The payer orders a transfer at a bank; it is taken as a whole when it has come."""

    type: Literal["bank_transfer"]


PaymentMethod = Annotated[
    WalletMethod | CardMethod | BankTransferMethod, Field(discriminator="type")
]


class CreatePayment(Body):
    """Take a payment, or authorize it for a later capture."""

    amount: Amount
    currency: Currency
    payment_method: PaymentMethod
    capture: Literal["automatic", "manual"] = "automatic"
    fx_quote: QuoteId | None = None
    description: Description | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _check_capture(self) -> Self:
        # Money that has come is there: nothing can be authorized and taken later, or let go.
        if self.capture == "manual" and self.payment_method.type == "bank_transfer":
            raise ValueError("takes capture 'manual' only from a wallet or a card")
        return self

    @model_validator(mode="after")
    def _check_quote(self) -> Self:
        # A quote holds for a minute; an authorization for a week, and a bank transfer for days.
        if self.fx_quote is not None and self.capture == "manual":
            raise ValueError("takes an fx_quote only with capture 'automatic'")
        if self.fx_quote is not None and self.payment_method.type == "bank_transfer":
            raise ValueError("takes an fx_quote only from a wallet or a card")
        return self


_FAULT_HEADER = b"suya-sandbox-fault"


def open_payment(
    call: Call, intent: Intent, body: CreatePayment
) -> OpenPayment | Awaitable[OpenPayment]:
    """The command of a create request; a card has to be looked up for it.

    Raises:
        PaymentMethodNotFound, PaymentMethodDetached: of a card.
        SandboxOnly: a fault is asked for where money is real.
    """
    method = body.payment_method
    if isinstance(method, WalletMethod):
        return _command(call, intent, body, method.account)
    account = model.receivable_account(call.merchant.id, body.currency).id
    if isinstance(method, CardMethod):
        return _open_card(call, intent, body, account, method.id)
    processors = call.services.world.processors
    bank = processors.route_to_bank(body.currency)
    if processors.mode_of(bank) != call.merchant.mode:
        unfit = ModeNotProcessable(method="bank transfer", mode=call.merchant.mode)
        return _command(call, intent, body, account, method="bank_transfer", refused=unfit)
    return _command(call, intent, body, account, method="bank_transfer", rail=Rail(route=(bank,)))


async def _open_card(
    call: Call, intent: Intent, body: CreatePayment, account: UUID, method_id: UUID
) -> OpenPayment:
    try:
        card = await adopt(call, method_id)
    except PlatformError as error:
        if error.status >= 500 or isinstance(error, TooManyRequests):  # noqa: PLR2004
            # Nothing was decided.
            raise
        # A key that has an answer keeps it, whatever has become of the card since.
        return _command(call, intent, body, account, method="card", refused=error)
    route = call.services.world.processors.route(
        call.merchant.mode,
        currency=body.currency,
        brand=card.brand,
        amount_minor=body.amount,
        # Drawn by the intent, so that the same request repeated takes the same route.
        draw=intent.id.int,
    )
    if not route:
        return _command(call, intent, body, account, method="card", refused=_unfit(call, body))
    rail = Rail(route=route, token=card.token, brand=card.brand, last4=card.last4)
    customer = None if card.customer_id is None else ids.encode("customer", card.customer_id)
    return _command(call, intent, body, account, method="card", rail=rail, customer=customer)


def _unfit(call: Call, body: CreatePayment) -> PlatformError:
    """Why no processor takes a card payment."""
    if not call.services.world.processors.has_cards_of(call.merchant.mode):
        return ModeNotProcessable(method="card", mode=call.merchant.mode)
    return AmountNotProcessable(amount=body.amount, currency=body.currency)


def _command(
    call: Call,
    intent: Intent,
    body: CreatePayment,
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
