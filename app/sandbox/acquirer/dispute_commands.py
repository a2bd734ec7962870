"""Dispute commands: opened, answered, decided. The money is taken when a dispute opens."""

from datetime import timedelta
from typing import Literal

from msgspec.structs import replace

from app.sandbox.acquirer import disputes
from app.sandbox.acquirer.booking import book_card, tell
from app.sandbox.acquirer.model import AuthorizationRecord, DisputeRecord, EvidenceRecord, Timer
from app.sandbox.acquirer.unit import Unit
from app.sandbox.acquirer.wire import EvidenceBody, RequestRefused

_MOMENT = timedelta(milliseconds=1)  # magic evidence is decided just after its answer


def open_dispute(unit: Unit, held: AuthorizationRecord, reason: str) -> AuthorizationRecord:
    """Withdraw what is captured and not refunded, and ask the merchant for evidence."""
    dispute_id = unit.name(DisputeRecord)
    dispute = DisputeRecord(
        id=dispute_id,
        reference=dispute_id,
        merchant=held.merchant,
        created_at=unit.now,
        authorization=held.reference,
        status="needs_response",
        reason=reason,
        amount_minor=held.refundable_minor,
        fee_minor=disputes.fee_minor(held.currency),
        currency=held.currency,
        due_at=unit.now + disputes.RESPONSE_TIME,
    )
    unit.add(dispute)
    book_card(unit, held, "dispute", dispute_id, -dispute.amount_minor, fee_minor=dispute.fee_minor)
    unit.later(Timer(due_at=dispute.due_at, name="run_out_dispute", reference=dispute_id))
    tell(unit, dispute, what="opened", traits=held.traits)
    return replace(held, dispute=dispute_id)


def open_on_command(unit: Unit, authorization: str, reason: str) -> DisputeRecord:
    """Open a dispute on an authorization.

    Raises:
        Refused: there is no such authorization; it is disputed, or nothing of it can be.
    """
    held = unit.get(AuthorizationRecord, authorization)
    if held.dispute is not None:
        raise RequestRefused(409, "disputed", "The authorization is disputed already.")
    if not held.refundable_minor:
        raise RequestRefused(409, "nothing_captured", "Nothing is captured that could be disputed.")
    held = open_dispute(unit, held, reason)
    unit.change(held)
    assert held.dispute is not None
    return unit.get(DisputeRecord, held.dispute)


def give_evidence(
    unit: Unit, dispute_id: str, ask: EvidenceBody, fingerprint: str
) -> DisputeRecord:
    """Record a merchant's evidence, once under a reference.

    Raises:
        Refused: another request used the reference; there is no such dispute; it takes none.
    """
    known = unit.find_repeated(EvidenceRecord, ask.reference, fingerprint)
    dispute = unit.get(DisputeRecord, dispute_id)
    if known is not None:
        return dispute
    changed = disputes.give_evidence(dispute, ask.reference, unit.now)
    if changed is None:
        raise RequestRefused(409, "dispute_closed", f"The dispute is {dispute.status}.")
    unit.add(
        EvidenceRecord(
            id=unit.name(EvidenceRecord),
            reference=ask.reference,
            merchant=dispute.merchant,
            created_at=unit.now,
            dispute=dispute_id,
            text=ask.text,
        ),
        fingerprint,
    )
    timer, due_at = "end_review", unit.now + disputes.REVIEW_TIME
    if disputes.WINNING_EVIDENCE in ask.text:
        timer, due_at = "win_dispute", unit.now + _MOMENT
    elif disputes.LOSING_EVIDENCE in ask.text:
        timer, due_at = "lose_dispute", unit.now + _MOMENT
    unit.later(Timer(due_at=due_at, name=timer, reference=dispute_id))
    return _changed(unit, dispute, changed)


def accept(unit: Unit, dispute_id: str) -> DisputeRecord:
    """Accept a dispute, which is then lost.

    Raises:
        Refused: there is no such dispute, or it is won.
    """
    dispute = unit.get(DisputeRecord, dispute_id)
    changed = disputes.accept(dispute)
    if changed is None:
        raise RequestRefused(409, "dispute_closed", "The dispute is won.")
    return _changed(unit, dispute, changed)


def decide(unit: Unit, dispute_id: str, outcome: Literal["won", "lost"]) -> DisputeRecord:
    """Let the payer's bank decide; a merchant who wins gets the money back, but not the fee.

    Raises:
        Refused: there is no such dispute, or it was decided otherwise.
    """
    dispute = unit.get(DisputeRecord, dispute_id)
    changed = disputes.decide(dispute, outcome)
    if changed is None:
        raise RequestRefused(409, "dispute_closed", f"The dispute is {dispute.status}.")
    return _changed(unit, dispute, changed)


def run_out(unit: Unit, dispute_id: str) -> None:
    """End the time for evidence."""
    dispute = unit.get(DisputeRecord, dispute_id)
    _changed(unit, dispute, disputes.run_out(dispute))


def end_review(unit: Unit, dispute_id: str) -> None:
    """End the time of the review."""
    dispute = unit.get(DisputeRecord, dispute_id)
    _changed(unit, dispute, disputes.end_review(dispute))


def decide_by_timer(unit: Unit, dispute_id: str, outcome: Literal["won", "lost"]) -> None:
    """Decide, unless it is decided already."""
    dispute = unit.get(DisputeRecord, dispute_id)
    _changed(unit, dispute, disputes.decide(dispute, outcome) or dispute)


def withdraw_dispute(unit: Unit, held: AuthorizationRecord) -> AuthorizationRecord:
    """The authorization after its bank withdrew the dispute, if it could."""
    assert held.dispute is not None
    decide_by_timer(unit, held.dispute, "won")
    return unit.get(AuthorizationRecord, held.reference)


def _changed(unit: Unit, before: DisputeRecord, dispute: DisputeRecord) -> DisputeRecord:
    """Write and notify of a dispute's new state, if there is one."""
    if dispute == before:
        return dispute
    unit.change(dispute)
    if dispute.status == "won":
        held = unit.get(AuthorizationRecord, dispute.authorization)
        unit.change(replace(held, dispute=None))
        book_card(unit, held, "dispute_won", dispute.id, dispute.amount_minor)
    tell(unit, dispute)
    return dispute
