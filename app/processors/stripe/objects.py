"""The fields of Stripe's objects that Suya reads, and what they mean. Pure.

Source: Stripe's OpenAPI specification, `payment_intent`, `refund`, `dispute`, `event`.
"""

from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec

from app.processors.model import DisputeState, Notification, OutcomeName, Verdict, unknown

REFERENCE, MERCHANT = "suya_reference", "suya_merchant"
"""The keys of an object's metadata for Suya's reference and merchant."""


class FailureReason(msgspec.Struct):
    """Why an attempt failed, or a request was refused."""

    code: str | None = None
    decline_code: str | None = None
    type: str | None = None

    @property
    def reason(self) -> str:
        """The most precise of its codes: with `card_declined` it is the reason."""
        return self.decline_code or self.code or self.type or "declined"


class _Redirect(msgspec.Struct):
    url: str | None = None


class _NextAction(msgspec.Struct):
    redirect_to_url: _Redirect | None = None


class PaymentIntent(msgspec.Struct):
    """A PaymentIntent: at most one successful charge."""

    id: str
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    last_payment_error: FailureReason | None = None
    next_action: _NextAction | None = None
    metadata: dict[str, str] = {}

    @property
    def is_untouched(self) -> bool:
        """Whether no card was ever tried with it, so that no money moved."""
        return (
            self.status in {"requires_payment_method", "requires_confirmation"}
            and self.last_payment_error is None
        )


class StripeRefund(msgspec.Struct):
    id: str
    amount: int
    currency: str
    status: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None


class RefundPage(msgspec.Struct):
    data: list[StripeRefund]
    has_more: bool = False


class SearchResult(msgspec.Struct):
    """The intents that a search found."""

    data: list[PaymentIntent]


class StripePaymentMethod(msgspec.Struct):
    """A PaymentMethod: a card, kept at Stripe."""

    id: str


class _DisputedIntent(msgspec.Struct):
    id: str
    metadata: dict[str, str] = {}


class _BalanceTransaction(msgspec.Struct):
    amount: int
    """Negative: withdrawn from the account; positive: given back."""
    fee: int
    currency: str


class _EvidenceDetails(msgspec.Struct):
    due_by: int | None = None


class StripeDispute(msgspec.Struct):
    id: str
    amount: int
    currency: str
    reason: str
    status: str
    created: int
    payment_intent: _DisputedIntent | None = None
    balance_transactions: list[_BalanceTransaction] = []
    evidence_details: _EvidenceDetails = msgspec.field(default_factory=_EvidenceDetails)


class ClosedDispute(msgspec.Struct):
    """A dispute after Suya accepted it."""

    status: str


class ErrorDetail(FailureReason):
    """Why a request was refused."""

    payment_intent: PaymentIntent | None = None


class ErrorResponse(msgspec.Struct):
    error: ErrorDetail


class _EventObject(msgspec.Struct):
    object: str
    id: str
    metadata: dict[str, str] | None = None


class _EventData(msgspec.Struct):
    object: _EventObject


class StripeEvent(msgspec.Struct):
    id: str
    type: str
    data: _EventData


T = TypeVar("T")

# Stripe's exponents are those of ISO 4217 but for these. Source: docs.stripe.com/currencies,
# "Special cases" and "Zero-decimal currencies".
_TIMES_100 = {"ISK", "UGX"}  # without decimals in ISO 4217, with two at Stripe
_BY_100 = {"MGA"}  # two decimals in ISO 4217, none at Stripe
_TENS_ONLY = {"BHD", "JOD", "KWD", "OMR", "TND"}  # three decimals, of which the last has to be 0


def to_stripe(amount_minor: int, currency: str) -> int | None:
    """Convert an amount to Stripe's units; none if it has no whole number of them."""
    if currency in _TIMES_100:
        return amount_minor * 100
    if currency in _BY_100:
        return None if amount_minor % 100 else amount_minor // 100
    if currency in _TENS_ONLY and amount_minor % 10:
        return None
    return amount_minor


def takes(amount_minor: int, currency: str) -> bool:
    """Whether Stripe has the amount."""
    return to_stripe(amount_minor, currency) is not None


def from_stripe(amount: int, currency: str) -> int:
    """Convert an amount of Stripe's to minor units of ISO 4217."""
    if currency in _TIMES_100:
        return amount // 100  # Stripe takes no hundredths of these
    return amount * 100 if currency in _BY_100 else amount


def read(body: str | bytes, kind: type[T]) -> T | Verdict:
    """Decode the object in a body; the verdict `unknown` if that fails."""
    try:
        return msgspec.json.decode(body, type=kind)
    except ValueError:
        return unknown("answer_unreadable")


def judge_intent(intent: PaymentIntent, currency: str) -> Verdict:
    """The verdict on the authorization that `intent` is."""
    outcome, code, action_url = _state(intent)
    if outcome in {"not_found", "unknown"}:
        return Verdict(outcome, code=code)
    amount_minor = from_stripe(intent.amount, currency)
    if intent.currency.upper() != currency:
        # In the requested currency it did nothing, which a comparison of amounts then shows.
        amount_minor, code = 0, "currency_differs"
    return Verdict(
        outcome,
        processor_reference=intent.id,
        amount_minor=amount_minor,
        captured_minor=from_stripe(intent.amount_received, currency),
        code=code,
        action_url=action_url,
    )


def _state(intent: PaymentIntent) -> tuple[OutcomeName, str | None, str | None]:
    """Outcome, code, address of the payer's page."""
    if intent.is_untouched:
        return "not_found", None, None  # the intent was created, and no card was tried with it
    match intent.status:
        case "requires_payment_method":
            assert intent.last_payment_error is not None  # or no card was tried with it
            return "declined", intent.last_payment_error.reason, None
        case "requires_action":
            action = intent.next_action
            redirect = action.redirect_to_url if action else None
            return "requires_action", None, redirect.url if redirect else None
        case "processing":
            return "pending", None, None
        case "requires_capture" | "succeeded":
            return "approved", None, None
        case "canceled":
            return "declined", "voided", None
        case _:
            return "unknown", "answer_unreadable", None


_REFUNDS: dict[str | None, OutcomeName] = {
    "succeeded": "approved",
    "pending": "pending",
    "requires_action": "pending",  # the payer is asked by mail where the money should go
    "failed": "declined",
    "canceled": "declined",
}


def judge_refund(refund: StripeRefund, currency: str) -> Verdict:
    """The verdict on a refund; one that failed after it had succeeded is declined."""
    outcome = _REFUNDS.get(refund.status)
    if outcome is None:
        return unknown("answer_unreadable")
    is_same = refund.currency.upper() == currency
    code = (refund.failure_reason or refund.status) if outcome == "declined" else None
    return Verdict(
        outcome,
        processor_reference=refund.id,
        amount_minor=from_stripe(refund.amount, currency) if is_same else 0,
        code=code if is_same else "currency_differs",
    )


_DISPUTES: dict[str, Literal["needs_response", "under_review", "won", "lost"]] = {
    "needs_response": "needs_response",
    # An inquiry: nothing is withdrawn while it lasts; then it is closed or becomes a dispute.
    "warning_needs_response": "needs_response",
    "under_review": "under_review",
    "warning_under_review": "under_review",
    "won": "won",
    "warning_closed": "won",  # it did not become a dispute
    "prevented": "won",
    "lost": "lost",
}


def judge_dispute(dispute: StripeDispute) -> DisputeState | Verdict:
    """A dispute of a payment of Suya's; `not_found` if the account's owner charged it elsewhere."""
    owner = dispute.payment_intent
    if owner is None or REFERENCE not in owner.metadata or MERCHANT not in owner.metadata:
        return Verdict("not_found")
    status = _DISPUTES.get(dispute.status)
    if status is None:
        return unknown("answer_unreadable")
    # Without a deadline no evidence is accepted: as if it had passed when the dispute was opened.
    due_at = dispute.evidence_details.due_by or dispute.created
    currency = dispute.currency.upper()
    # There is no fee before something was withdrawn, and one more entry, without a fee, when that
    # is given back. Fees are in the account's own currency; those of other currencies cannot be
    # added.
    fees = [
        moved.fee
        for moved in dispute.balance_transactions
        if moved.amount <= 0 and moved.fee > 0 and moved.currency == dispute.currency
    ]
    return DisputeState(
        id=dispute.id,
        authorization=owner.metadata[REFERENCE],
        merchant=owner.metadata[MERCHANT],
        status=status,
        reason=dispute.reason,
        amount_minor=from_stripe(dispute.amount, currency),
        fee_minor=from_stripe(sum(fees), currency),
        currency=currency,
        due_at=datetime.fromtimestamp(due_at, UTC),
        inquiry=dispute.status.startswith("warning_"),
    )


_SUBJECTS: dict[str, Any] = {
    "payment_intent": "authorization",
    "charge": "authorization",  # a charge has its intent's metadata
    "refund": "refund",
    "dispute": "dispute",
}


def to_notification(event: StripeEvent, payload: str) -> Notification | None:
    """The object that an event is about; none if it is not Suya's.

    A dispute's event names no merchant; `Processors.complete` reads the dispute for it.
    """
    changed = event.data.object
    subject = _SUBJECTS.get(changed.object)
    metadata = changed.metadata or {}
    reference = changed.id if subject == "dispute" else metadata.get(REFERENCE)
    if subject is None or reference is None:
        return None
    return Notification(
        id=event.id,
        merchant=metadata.get(MERCHANT, ""),
        subject=subject,
        reference=reference,
        payload=payload,
    )
