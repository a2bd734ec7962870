"""The commands on payments: what is asked, by whom, and the ids that make asking twice harmless.

Ids are given when a command is made and not when it runs, so that a second run of the same command
meets its own first one.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.base.errors import PlatformError
from app.domains.merchants import FeePlan, FeeRates, choose
from app.domains.payments.model import Rail
from app.engine.idempotency import Command


class OpenPayment(Command, frozen=True):
    """Take or authorize a payment: from a customer's wallet, or over a rail that leaves here."""

    payment_id: UUID
    transfer_id: UUID
    account_id: UUID
    """The wallet; of another rail the merchant's `processor_receivable`."""
    amount_minor: int
    """1 to money.AMOUNT_MINOR_MAX"""
    currency: str
    capture: str
    """`automatic` or `manual`."""
    description: str | None
    metadata: Mapping[str, str]
    fee_bps: int
    fee_fixed_minor: int
    """What a payment of the merchant costs that no fee plan covers."""
    method: str = "wallet"
    """`wallet`, `card` or `bank_transfer`."""
    customer: str | None = None
    """Who pays, where that is not said by the wallet."""
    rail: Rail | None = None
    sandbox_fault: str | None = None
    """What the sandbox's acquirer is asked to do wrong."""
    fee_plans: Sequence[FeePlan] = ()
    """The merchant's, those in force."""
    refused: PlatformError | None = None
    """Why it cannot be, found before it was a command; a key that has an answer keeps it."""
    quote_id: UUID | None = None
    """At which it converts to the currency that the merchant gets."""

    @property
    def fee_terms(self) -> FeeRates:
        """What it costs, if it does not convert."""
        return self.fee_terms_in(self.currency)

    def fee_terms_in(self, currency: str) -> FeeRates:
        """What it costs if this is the currency that the merchant gets."""
        plan = choose(self.fee_plans, self.method, currency) if self.fee_plans else None
        return plan.terms if plan else FeeRates(self.fee_bps, self.fee_fixed_minor)


class OnPayment(Command, frozen=True):
    """What may be asked of a payment that there is."""

    payment_id: UUID
    transfer_id: UUID


class CapturePayment(OnPayment, frozen=True):
    """Capture an authorized payment, in full or in part."""

    amount_minor: int | None
    """None: all that is left."""
    final: bool
    """Give back the rest of the hold."""


class ReleasePayment(OnPayment, frozen=True):
    """Cancel a payment, or expire it: give back what is left of its hold."""

    expired: bool = False
    insist: bool = False
    """Ask for the cancellation even while the authorization is unknown."""


class RefundPayment(OnPayment, frozen=True):
    """Give captured money back to the payer's wallet, in full or in part."""

    refund_id: UUID
    amount_minor: int | None
    """None: all that is left."""
    description: str | None
    metadata: Mapping[str, str]
    negative_limit_minor: int | None = None
    """How far below zero it may take what is available to the merchant; none: as far as it goes."""


class FailRefund(OnPayment, frozen=True):
    """A refund that had succeeded came back: book that the payer did not get it."""

    refund_id: UUID
    code: str
