"""The states of a dispute: every state against every command. Pure."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec.structs import replace

from app.base.money import EXPONENTS
from app.sandbox.acquirer.model import DisputeRecord

RESPONSE_TIME = timedelta(days=7)
"""How long evidence is accepted; short for a network, so that a missed deadline is noticed."""

REVIEW_TIME = timedelta(days=60)
"""How long a payer's bank reviews evidence before the sandbox decides for it."""

_FEE_MAJOR = 15  # acquirers charge it for the work, won or lost


def fee_minor(currency: str) -> int:
    """The sandbox's fee for a dispute."""
    return int(_FEE_MAJOR * 10 ** EXPONENTS[currency])


# Evidence with this text is decided at once, as in Stripe's test mode.
WINNING_EVIDENCE = "winning_evidence"
LOSING_EVIDENCE = "losing_evidence"


def give_evidence(dispute: DisputeRecord, reference: str, now: datetime) -> DisputeRecord | None:
    """The dispute after evidence arrived; none if it accepts no evidence any more."""
    if dispute.status != "needs_response" or now >= dispute.due_at:
        return None
    return replace(dispute, status="under_review", evidence=reference)


def accept(dispute: DisputeRecord) -> DisputeRecord | None:
    """The dispute after the merchant accepted it; none if it was decided otherwise."""
    if dispute.status == "won":
        return None
    return replace(dispute, status="lost")


def decide(dispute: DisputeRecord, outcome: Literal["won", "lost"]) -> DisputeRecord | None:
    """The dispute after the payer's bank decided; none if it had decided otherwise."""
    if dispute.status in {"won", "lost"}:
        return dispute if dispute.status == outcome else None
    return replace(dispute, status=outcome)


def run_out(dispute: DisputeRecord) -> DisputeRecord:
    """The dispute after the time for evidence passed."""
    return replace(dispute, status="lost") if dispute.status == "needs_response" else dispute


def end_review(dispute: DisputeRecord) -> DisputeRecord:
    """The dispute after the time of its review passed: the evidence convinced nobody.

    So it is lost.
    """
    return replace(dispute, status="lost") if dispute.status == "under_review" else dispute
