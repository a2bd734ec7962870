"""What is asked of a processor, and what it may answer: pure.

A processor is whoever moves money outside: a card network's acquirer, a bank. Every request carries
a reference that we made: the processor acts on it once, and can be asked by it later what became of
the request. So a call may be repeated, and a lost answer is no loss.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

OutcomeName = Literal[
    "approved", "declined", "requires_action", "pending", "not_found", "not_executed", "unknown"
]


class Verdict(msgspec.Struct, frozen=True):
    """What a processor said, or that nobody knows what it did. Source: the taxonomy of Kill Bill.

    approved: it is done. declined: someone decided no. requires_action: the payer has to do
    something first. pending: accepted, and decided later. not_found: there is no such reference
    there. not_executed: the request surely had no effect. unknown: it may have had one.
    """

    outcome: OutcomeName
    processor_reference: str | None = None
    """The processor's own name for the object."""
    amount_minor: int | None = None
    """What it did it for; of an authorization all it authorized."""
    captured_minor: int | None = None
    """Of an authorization: what of it is captured, if the processor tells."""
    code: str | None = None
    """Why it declined (`insufficient_funds`), or why nothing is known (`timeout`)."""
    action_url: str | None = None
    """Where the payer does what is required."""
    instructions: Mapping[str, str] | None = None
    """Of a bank transfer: what the payer's order has to say (`iban`, `reference_text`)."""
    is_permanent: bool = False
    """Of not_executed: it was refused for what it asks, so the same request is refused again."""


def not_executed(code: str) -> Verdict:
    """The request surely had no effect, for this reason."""
    return Verdict("not_executed", code=code)


def unknown(code: str) -> Verdict:
    """The request may have had an effect; this is why nobody knows."""
    return Verdict("unknown", code=code)


class TokenizedCard(msgspec.Struct, frozen=True):
    """A card by its token; its number is known to the vault alone."""

    token: str
    """`pm_...`"""
    brand: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What every request to a processor carries."""

    reference: str
    """Ours (`pay_...`, `cap_...`, `re_...`, `po_...`): the processor acts once for each."""
    merchant: str
    """`mer_...`; comes back in notifications, so that they are understood without a search."""
    correlation_id: str


class AskAuthorization(Ask, frozen=True, kw_only=True):
    """Authorize a card payment, and capture it at once where `capture` says so."""

    amount_minor: int
    currency: str
    capture: bool
    card: TokenizedCard
    sandbox_fault: str | None = None
    """What the sandbox's acquirer is asked to do wrong (the header `Suya-Sandbox-Fault`)."""


class AskCapture(Ask, frozen=True, kw_only=True):
    """Capture a part of an authorization; `final` releases the rest there."""

    authorization: str
    """The reference of the authorization."""
    processor_reference: str | None
    amount_minor: int
    currency: str
    final: bool


class AskReversal(Ask, frozen=True, kw_only=True):
    """Release what is left of an authorization; one that never arrived is refused from now on.

    What was captured at once (`capture` at the authorization) is given back as well, if
    `refund_captured` says so: it undoes an authorization that should not have happened.
    """

    authorization: str
    processor_reference: str | None
    currency: str
    refund_captured: bool = False


class AskRefund(Ask, frozen=True, kw_only=True):
    """Give back captured money to the card."""

    authorization: str
    processor_reference: str | None
    amount_minor: int
    currency: str


class AskBankTransfer(Ask, frozen=True, kw_only=True):
    """Expect money from a payer's bank: `pending` with instructions, `approved` when it came."""

    amount_minor: int
    currency: str


class AskPayout(Ask, frozen=True, kw_only=True):
    """Send money to a bank account: `pending` while under way, `approved` once paid."""

    amount_minor: int
    currency: str
    iban: str
    name: str
    """Who owns the bank account."""


class DisputeState(msgspec.Struct, frozen=True):
    """A dispute as the processor has it."""

    id: str
    """The processor's own id."""
    authorization: str
    """Our reference of the disputed payment."""
    merchant: str
    status: Literal["needs_response", "under_review", "won", "lost"]
    reason: str
    amount_minor: int
    fee_minor: int
    currency: str
    due_at: datetime
    """Until when evidence is taken."""
    inquiry: bool = False
    """The bank only asks, and nothing was withdrawn; it may become a dispute yet."""


class FileState(msgspec.Struct, frozen=True):
    """What a bank took of a file of payouts; what becomes of each is asked for by its reference."""

    status: Literal["accepted", "partially_accepted", "rejected"]
    rejected: Mapping[str, str] = {}
    """Our reference -> why the bank did not take that payout."""
    reason: str | None = None
    """Why it took nothing of the file."""


class Notification(msgspec.Struct, frozen=True):
    """A processor's message: it says what to look at, and never what is true."""

    id: str
    """The processor's name for the notification; the same in every repetition."""
    merchant: str
    """`mer_...`, as we told the processor."""
    subject: Literal["authorization", "capture", "refund", "bank_transfer", "payout", "dispute"]
    reference: str
    """Our reference of the subject; of a dispute the processor's id."""
    payload: str
    """The text as it came, kept for people (without what looks like a card number)."""
