"""Payments and refunds, who gets what of them, and what their flows keep.

    processing -> requires_action                     (cards and bank transfers: not decided yet)
    processing | requires_action -> authorized | captured | declined | failed | canceled
    authorized -> partially_captured -> captured
    authorized -> canceled | expired
    partially_captured -> captured                    (by cancel or expiry: the rest is released)

The payer's side is in the payment's currency. The merchant's side and the fee are in the currency
that the merchant gets: the same one, or that of the quote at which the payment converts.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeVar
from uuid import UUID

import msgspec

from app.base import ids
from app.domains import fx
from app.domains.fx import Conversion, Quote
from app.domains.ledger import Change
from app.domains.ledger.model import ChartAccount, merchant_account, platform_account
from app.domains.merchants import FeeRates
from app.engine.saga import Flow


class Exchange(msgspec.Struct):
    """What a payment converts, for as long as it lives."""

    quote_id: UUID
    rate: str
    """Units of the merchant's currency for one of the payer's, as the quote said."""
    whole: Conversion
    """From what the payer pays to what the merchant gets, its fee included."""
    refunded: Conversion
    """What of it refunds have taken back."""
    disputed: Conversion | None = None
    """What of it disputes have taken back that are not won."""

    @property
    def taken_back(self) -> Conversion:
        """What of it refunds and disputes have taken back together."""
        return self.refunded if self.disputed is None else fx.plus(self.refunded, self.disputed)


def exchange_at(quote: Quote) -> Exchange:
    """The exchange of a payment that uses this quote."""
    whole = quote.conversion
    return Exchange(quote.id, fx.rate_text(quote.rate), whole, fx.nothing_of(whole))


PaymentStatus = Literal[
    "processing",
    "requires_action",
    "authorized",
    "partially_captured",
    "captured",
    "declined",
    "failed",
    "canceled",
    "expired",
]

RefundStatus = Literal["pending", "succeeded", "failed"]

OPEN: Final[frozenset[PaymentStatus]] = frozenset({"authorized", "partially_captured"})
"""States with an open hold."""

REFUNDABLE: Final[frozenset[PaymentStatus]] = frozenset({"partially_captured", "captured"})

UNDECIDED: Final[frozenset[PaymentStatus]] = frozenset({"processing", "requires_action"})
"""States in which the processor has not spoken yet."""


class Rail(msgspec.Struct, omit_defaults=True):
    """How a payment reaches a processor, and what is known of it there."""

    route: tuple[str, ...]
    """Processors in order of preference; the first is the one that has it."""
    token: str | None = None
    """Of the card: `pm_...`."""
    brand: str | None = None
    last4: str | None = None
    processor_reference: str | None = None
    """The processor's own name for the payment."""
    decline_code: str | None = None
    """Why it was declined or failed."""
    action_url: str | None = None
    """Where the payer does what is required."""
    instructions: dict[str, str] | None = None
    """What the payer's order to the bank has to say."""
    cancel_requested: bool = False
    """The merchant wants it canceled as soon as it is known what there is to cancel."""

    @property
    def processor(self) -> str:
        """Who has the payment."""
        return self.route[0]


class Payment(msgspec.Struct):
    """What a payer owes, and how far it has come. Amounts in minor units."""

    merchant_id: UUID
    id: UUID
    status: PaymentStatus
    method: str
    capture: str
    """`automatic` or `manual`."""
    account_id: UUID
    """Where the money comes from: the payer's wallet, or what the processor owes the merchant."""
    customer: str | None
    currency: str
    amount_minor: int
    amount_captured_minor: int
    amount_refunded_minor: int
    fee_minor: int
    """The platform's share of what was captured, in the currency that the merchant gets."""
    fee_bps: int
    fee_fixed_minor: int
    """The fee plan that was in force for it when it was made."""
    disputed: bool
    hold_id: UUID | None
    description: str | None
    metadata: Mapping[str, str]
    version: int
    """Counts the payment's events."""
    correlation_id: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    """When an uncaptured authorization ends."""
    rail: Rail | None = None
    """Of a payment over a processor or a bank; none: all of it is in the ledger."""
    operation_id: UUID | None = None
    """The flow that is under way on it; there is one at a time."""
    fee_plan: FeeRates | None = None
    """All the terms, where there are more than the two above."""
    fee_refunded_minor: int = 0
    """What the platform has given back of its share."""
    exchange: Exchange | None = None
    """Where the merchant gets another currency; none: the payment's own."""

    @property
    def merchant_currency(self) -> str:
        """What the merchant gets, and what fees are in."""
        return self.currency if self.exchange is None else self.exchange.whole.target_currency

    @property
    def fee_terms(self) -> FeeRates:
        """What it costs."""
        return self.fee_plan or FeeRates(self.fee_bps, self.fee_fixed_minor)

    @property
    def name(self) -> str:
        """The id on the wire."""
        return ids.encode("payment", self.id)


class Refund(msgspec.Struct):
    """Money given back to the payer."""

    merchant_id: UUID
    id: UUID
    payment_id: UUID
    status: RefundStatus
    currency: str
    amount_minor: int
    description: str | None
    metadata: Mapping[str, str]
    version: int
    correlation_id: str
    created_at: datetime
    failure_code: str | None = None
    """Why the processor did not give the money back."""
    processor_reference: str | None = None
    exchanged: Conversion | None = None
    """What of the payment's conversion it took back, if that converts."""
    fee_refunded_minor: int = 0
    """What the platform gave back of its fee, in the currency that the merchant gets."""


class Capture(msgspec.Struct, frozen=True):
    """A capture that was decided."""

    amount_minor: int
    fee_minor: int
    """In the currency that the merchant gets."""
    final: bool
    fee_refunded_minor: int = 0
    """By how much more of its fee the platform has given back after it; mostly below 0."""


class RefundSplit(msgspec.Struct, frozen=True):
    """What a refund moves; below 0, what its failure moves back."""

    amount_minor: int
    """What the payer gets."""
    fee_minor: int
    """What the platform gives back of its fee."""
    exchanged: Conversion | None
    """The part of the payment's conversion that is taken back, if it converts."""

    @property
    def merchant_minor(self) -> int:
        """What the merchant gives."""
        gross = self.amount_minor if self.exchanged is None else self.exchanged.target_minor
        return gross - self.fee_minor


def fee_account(region: str, currency: str, stripe: int) -> ChartAccount:
    """The stripe of the platform's fee account that this writer uses."""
    return platform_account(region, currency, "platform_fees", stripe)


def available_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """What a merchant can dispose of; refunds come from it."""
    return merchant_account(merchant_id, currency, "merchant_available")


def receivable_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """What processors owe a merchant; each merchant has its own, so no row is hot."""
    return merchant_account(merchant_id, currency, "processor_receivable")


def captured_account(merchant_id: UUID, currency: str, method: str) -> ChartAccount:
    """Where captured money goes: at once available, or pending until the processor settles."""
    kind = "merchant_available" if method == "wallet" else "merchant_pending"
    return merchant_account(merchant_id, currency, kind)


def accounts_of_capture(payment: Payment, region: str, stripe: int) -> list[ChartAccount]:
    """The accounts that a capture may touch, beside those of the hold."""
    currency = payment.merchant_currency
    accounts = [fee_account(region, currency, stripe)]
    if payment.exchange is not None:
        accounts.append(captured_account(payment.merchant_id, currency, payment.method))
        accounts += _fx_accounts(payment, region, stripe)
    return accounts


def accounts_of_quote(quote: Quote, region: str, stripe: int) -> list[ChartAccount]:
    """The accounts that a payment at a quote may touch at once, beside the payer's."""
    currencies = (quote.source_currency, quote.target_currency)
    return [
        fee_account(region, quote.target_currency, stripe),
        available_account(quote.merchant_id, quote.target_currency),
        *fx.chart_accounts(region, *currencies, stripe=stripe),
    ]


def accounts_of_refund(payment: Payment, region: str, stripe: int) -> list[ChartAccount]:
    """The accounts that a refund, or its failure, may touch, beside the payer's."""
    currency = payment.merchant_currency
    accounts = [available_account(payment.merchant_id, currency)]
    if payment.fee_terms.refunded:
        accounts.append(fee_account(region, currency, stripe))
    if payment.exchange is not None:
        accounts += _fx_accounts(payment, region, stripe)
    return accounts


def _fx_accounts(payment: Payment, region: str, stripe: int) -> list[ChartAccount]:
    assert payment.exchange is not None
    whole = payment.exchange.whole
    return fx.chart_accounts(region, whole.source_currency, whole.target_currency, stripe=stripe)


def capture_split(
    payment: Payment, amount_minor: int, fee_minor: int, *, region: str, stripe: int
) -> tuple[int, list[Change]]:
    """What of a capture goes elsewhere than to the merchant in the payment's currency, and where.

    That is the fee; or, where the payment converts, all of it.
    """
    fee = _moved(fee_account(region, payment.merchant_currency, stripe), fee_minor)
    if payment.exchange is None:
        return fee_minor, fee
    whole = payment.exchange.whole
    assert amount_minor == whole.source_minor, "what converts is captured at once, as a whole"
    merchant = captured_account(payment.merchant_id, whole.target_currency, payment.method)
    changes = _moved(merchant, whole.target_minor - fee_minor) + fee
    return amount_minor, changes + fx.legs(region, whole, stripe=stripe)


def fee_of_capture(payment: Payment, amount_minor: int) -> int:
    """The platform's fee for capturing `amount_minor` more.

    It is the fee of all that will have been captured less what was taken already, so parts cost
    together what the whole would, and the fixed part is taken once.
    """
    if payment.exchange is not None:
        return payment.fee_terms.of(payment.exchange.whole.target_minor)
    whole = payment.fee_terms.of(payment.amount_captured_minor + amount_minor)
    return min(amount_minor, whole - payment.fee_minor)


def fee_refunded_of(payment: Payment) -> int:
    """What the platform has to have given back of its fee, for what is captured and refunded.

    It is the fee's share of all that was refunded, rounded down, whichever came first.
    """
    if not payment.fee_terms.refunded or not payment.amount_captured_minor:
        return 0
    return payment.fee_minor * payment.amount_refunded_minor // payment.amount_captured_minor


def capture_of(payment: Payment, amount_minor: int, *, final: bool) -> Capture:
    """A capture of `amount_minor` more, with its fee."""
    fee = fee_of_capture(payment, amount_minor)
    after = msgspec.structs.replace(
        payment,
        amount_captured_minor=payment.amount_captured_minor + amount_minor,
        fee_minor=payment.fee_minor + fee,
    )
    # Refunds before it gave back a share of the fee for what was captured until then.
    more = fee_refunded_of(after) - payment.fee_refunded_minor
    return Capture(amount_minor, fee, final, max(fee - amount_minor, min(fee, more)))


def refund_split(payment: Payment, amount_minor: int) -> RefundSplit:
    """What the next refund of a payment moves, at the payment's own rate.

    Args:
        amount_minor: below 0, a refund of so much has failed.
    """
    exchanged = None
    if payment.exchange is not None:
        exchange = payment.exchange
        exchanged = fx.step(exchange.whole, exchange.taken_back, amount_minor)
    gross = amount_minor if exchanged is None else exchanged.target_minor
    refunded = payment.amount_refunded_minor + amount_minor
    due = fee_refunded_of(msgspec.structs.replace(payment, amount_refunded_minor=refunded))
    more = due - payment.fee_refunded_minor
    # A merchant gives for a refund, and gets for a failure, no less than nothing.
    fee = min(gross, max(0, more)) if amount_minor > 0 else max(gross, min(0, more))
    return RefundSplit(amount_minor, fee, exchanged)


def refund_changes(
    payment: Payment, split: RefundSplit, *, region: str, stripe: int
) -> list[Change]:
    """What a refund changes, or its failure."""
    currency = payment.merchant_currency
    changes = _moved(available_account(payment.merchant_id, currency), -split.merchant_minor)
    changes += _moved(fee_account(region, currency, stripe), -split.fee_minor)
    if split.exchanged is not None:
        changes += fx.legs(region, split.exchanged, stripe=stripe, back=True)
    payer = ChartAccount(payment.merchant_id, payment.account_id, "", payment.currency)
    return changes + _moved(payer, split.amount_minor)


def _moved(account: ChartAccount, credit_minor: int) -> list[Change]:
    """A change of an account, unless nothing moves; the platform's accounts have no merchant."""
    if credit_minor > 0:
        return [Change(account.merchant_id, account.id, "credit", credit_minor)]
    if credit_minor < 0:
        return [Change(account.merchant_id, account.id, "debit", -credit_minor)]
    return []


P = TypeVar("P", bound=msgspec.Struct)


class OpenPlan(msgspec.Struct, omit_defaults=True):
    """Of a new payment."""

    method: str
    """`card` or `bank_transfer`."""
    processor: str
    amount_minor: int
    currency: str
    capture: bool
    """At once, with the authorization."""
    token: str = ""
    brand: str = ""
    sandbox_fault: str | None = None
    asked: bool = False
    """The processor has the payment: from now on it is only asked for its state."""


class CapturePlan(msgspec.Struct):
    """Of a capture that was decided."""

    transfer_id: UUID
    """Of the transfer that will post it; the capture's reference is made of it."""
    amount_minor: int
    final: bool


class ReleasePlan(msgspec.Struct):
    """Of a cancellation or an expiry."""

    transfer_id: UUID
    expired: bool


class RefundPlan(msgspec.Struct):
    """Of a refund that is booked already."""

    transfer_id: UUID
    refund_id: UUID
    amount_minor: int


def plan_text(plan: msgspec.Struct) -> str:
    """A plan as it is kept."""
    return msgspec.json.encode(plan).decode()


def plan_of(flow: Flow, kind: type[P]) -> P:
    return msgspec.json.decode(flow.data, type=kind)
