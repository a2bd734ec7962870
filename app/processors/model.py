"""The requests to a processor, and its possible answers. Pure.

A processor moves money outside: a card network's acquirer, a bank. Every request carries a
reference that Suya made. The processor acts on it once, and can be asked by it later how the
request ended. So a call may be repeated, and a lost answer loses nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

OutcomeName = Literal[
    "approved", "declined", "requires_action", "pending", "not_found", "not_executed", "unknown"
]


class Verdict(msgspec.Struct, frozen=True):
    """A processor's answer, or that its effect is unknown. Source: the taxonomy of Kill Bill.

    approved: it is done. declined: it was decided against. requires_action: the payer has to do
    something first. pending: accepted, and decided later. not_found: the processor has no such
    reference. not_executed: the request certainly had no effect. unknown: it may have had one.
    """

    outcome: OutcomeName
    processor_reference: str | None = None
    """The processor's own id of the object."""
    amount_minor: int | None = None
    """The amount that was moved; of an authorization, the authorized amount."""
    captured_minor: int | None = None
    """Of an authorization: how much of it is captured, if the processor says."""
    code: str | None = None
    """Why it was declined (`insufficient_funds`), or why its effect is unknown (`timeout`)."""
    action_url: str | None = None
    """The page on which the payer has to act."""
    instructions: Mapping[str, str] | None = None
    """Of a bank transfer: what the payer's order has to contain (`iban`, `reference_text`)."""
    is_permanent: bool = False
    """Of not_executed: it was refused for its content, so the same request is refused again."""
    was_paid: bool = False
    """Of a declined payout: its money had arrived, and came back."""


def not_executed(code: str) -> Verdict:
    """The request certainly had no effect; `code` says why."""
    return Verdict("not_executed", code=code)


def unknown(code: str) -> Verdict:
    """The request may have had an effect; `code` says why that is not known."""
    return Verdict("unknown", code=code)


class TokenizedCard(msgspec.Struct, frozen=True):
    """A card by its token; only the vault knows its number."""

    token: str
    """`pm_...`"""
    brand: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The part of every request to a processor."""

    reference: str
    """Suya's (`pay_...`, `cap_...`, `re_...`, `po_...`): the processor acts once for each."""
    merchant: str
    """`mer_...`; comes back in notifications, which therefore need no search."""
    correlation_id: str


class AskAuthorization(Ask, frozen=True, kw_only=True):
    """Authorize a card payment, and capture it at once if `capture` is set."""

    amount_minor: int
    currency: str
    capture: bool
    card: TokenizedCard
    sandbox_fault: str | None = None
    """The fault for the sandbox's acquirer (the header `Suya-Sandbox-Fault`)."""


class AskCapture(Ask, frozen=True, kw_only=True):
    """Capture a part of an authorization; `final` releases the rest there."""

    authorization: str
    """The reference of the authorization."""
    processor_reference: str | None
    amount_minor: int
    currency: str
    final: bool


class AskReversal(Ask, frozen=True, kw_only=True):
    """Release what is left of an authorization; if it arrives only later, it is refused.

    `refund_captured` also gives back what was captured at once (`capture` at the authorization): it
    undoes an authorization that should not have happened.
    """

    authorization: str
    processor_reference: str | None
    currency: str
    refund_captured: bool = False


class AskRefund(Ask, frozen=True, kw_only=True):
    """Give captured money back to the card."""

    authorization: str
    processor_reference: str | None
    amount_minor: int
    currency: str


class AskBankTransfer(Ask, frozen=True, kw_only=True):
    """Expect money from a payer's bank: `pending` with instructions, `approved` on arrival."""

    amount_minor: int
    currency: str


class AskPayout(Ask, frozen=True, kw_only=True):
    """Send money to a bank account: `pending` while under way, `approved` once paid."""

    amount_minor: int
    currency: str
    iban: str
    name: str
    """The name of the bank account's owner."""


class DisputeState(msgspec.Struct, frozen=True):
    """The processor's record of a dispute."""

    id: str
    """The processor's own id."""
    authorization: str
    """Suya's reference of the disputed payment."""
    merchant: str
    status: Literal["needs_response", "under_review", "won", "lost"]
    reason: str
    amount_minor: int
    fee_minor: int
    currency: str
    due_at: datetime
    """Until when evidence is accepted."""
    inquiry: bool = False
    """The bank only inquires, and nothing was withdrawn; it may still become a dispute."""


class FileState(msgspec.Struct, frozen=True):
    """What a bank took of a file of payouts; each payout is then queried by its reference."""

    status: Literal["accepted", "partially_accepted", "rejected"]
    rejected: Mapping[str, str] = {}
    """Suya's reference -> why the bank did not take that payout."""
    reason: str | None = None
    """Why it took nothing of the file."""


class Notification(msgspec.Struct, frozen=True):
    """A processor's message: it names the object to look at, and is no proof of its state."""

    id: str
    """The processor's id of the notification; the same in every repetition."""
    merchant: str
    """`mer_...`, as the request to the processor had it."""
    subject: Literal["authorization", "capture", "refund", "bank_transfer", "payout", "dispute"]
    reference: str
    """Suya's reference of the subject; of a dispute the processor's id."""
    payload: str
    """The text as it came, kept for people (without what looks like a card number)."""
