"""Card commands: each reads its records, calls the pure decision, and writes the result."""

import secrets
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from app.sandbox.acquirer import cards
from app.sandbox.acquirer.booking import (
    answered,
    book_card,
    capture_fee_minor,
    has_trait,
    tell,
    traits_of,
)
from app.sandbox.acquirer.dispute_commands import open_dispute, withdraw_dispute
from app.sandbox.acquirer.faults import Fault
from app.sandbox.acquirer.model import (
    AuthorizationRecord,
    CaptureRecord,
    ChallengeRecord,
    RefundRecord,
    ReversalRecord,
    Timer,
    TombstoneRecord,
)
from app.sandbox.acquirer.testcards import Behavior
from app.sandbox.acquirer.unit import Unit
from app.sandbox.acquirer.wire import CaptureBody, RefundBody, RequestRefused, ReversalBody

_TOKEN_BYTES = 16  # enough that nobody guesses another payer's page


class Authorize(Struct, frozen=True, kw_only=True):
    """A request for an authorization, without the card's number."""

    reference: str
    merchant: str
    amount_minor: int
    currency: str
    capture: bool
    brand: str
    last4: str
    behavior: Behavior
    fault: Fault | None
    page_url: str
    """The base address of 3-D Secure pages."""


def require_decided(held: AuthorizationRecord) -> AuthorizationRecord:
    """Return the authorization, if its card's bank has answered.

    Raises:
        Refused: it has not.
    """
    if held.status == "undecided":
        raise RequestRefused(
            503, "undecided", "The card's bank has not answered yet; ask again later."
        )
    return held


def authorize(unit: Unit, wish: Authorize, fingerprint: str) -> AuthorizationRecord:
    """Approve or decline once under a reference; the same request gets the same authorization.

    Raises:
        Refused: another request used the reference, or the card's bank has not answered yet.
    """
    known = unit.find_repeated(AuthorizationRecord, wish.reference, fingerprint)
    if known is not None:
        return require_decided(known)
    traits = traits_of(wish.fault)
    if wish.behavior.disputed and not traits:
        traits = ("dispute",)
    held = AuthorizationRecord(
        id=unit.name(AuthorizationRecord),
        reference=wish.reference,
        merchant=wish.merchant,
        created_at=unit.now,
        status="undecided",
        amount_minor=wish.amount_minor,
        captured_minor=0,
        refunded_minor=0,
        voided_minor=0,
        currency=wish.currency,
        capture=wish.capture,
        brand=wish.brand,
        last4=wish.last4,
        traits=traits,
    )
    held = _decide(unit, held, wish)
    unit.add(held, fingerprint)
    if held.captured_minor:
        held = _book_capture(unit, held, held.reference, held.captured_minor)
        unit.change(held)
    if held.status != "undecided":
        answered(unit, held, held.traits)
    return held


def _decide(unit: Unit, held: AuthorizationRecord, wish: Authorize) -> AuthorizationRecord:
    """Decide a new authorization: void after its reversal, else by its fault, else by its card.

    After a reversal no money moves, whatever the card would do.
    """
    fault, name = wish.fault, wish.fault.name if wish.fault else ""
    if unit.find(TombstoneRecord, held.reference) is not None:
        return cards.reverse(held, refund_captured=True)[0]
    if fault is not None and name in {"late_decline", "late_approval"}:
        due_at = unit.now + timedelta(milliseconds=fault.duration_ms)
        unit.later(Timer(due_at=due_at, name=name, reference=held.reference))
        return held
    code = fault.value if fault is not None and name == "decline" else wish.behavior.decline_code
    if code is None and (name == "requires_action" or wish.behavior.requires_action):
        return _challenge(unit, held, wish.page_url)
    return cards.settle_late(held, code, unit.now)


def _challenge(unit: Unit, held: AuthorizationRecord, page_url: str) -> AuthorizationRecord:
    """The authorization that waits for its payer."""
    token = secrets.token_hex(_TOKEN_BYTES)
    unit.add(
        ChallengeRecord(
            id=unit.name(ChallengeRecord),
            reference=token,
            merchant=held.merchant,
            created_at=unit.now,
            authorization=held.reference,
        )
    )
    due_at = unit.now + cards.CHALLENGE_LIFE
    unit.later(Timer(due_at=due_at, name="abandon", reference=held.reference))
    return replace(held, status="requires_action", action_url=f"{page_url}/3ds/{token}")


def _book_capture(
    unit: Unit, held: AuthorizationRecord, reference: str, amount_minor: int
) -> AuthorizationRecord:
    """Record captured money. A payer who disputes does so now, or after the script's delay."""
    book_card(
        unit, held, "capture", reference, amount_minor, fee_minor=capture_fee_minor(amount_minor)
    )
    if held.dispute is None and has_trait(held.traits, "dispute"):
        delay_s = unit.script.dispute_delay_s
        if not delay_s:
            return open_dispute(unit, held, "fraudulent")
        due_at = unit.now + timedelta(seconds=delay_s)
        unit.later(Timer(due_at=due_at, name="open_dispute", reference=held.reference))
    return held


def capture(
    unit: Unit, authorization: str, ask: CaptureBody, fault: Fault | None, fingerprint: str
) -> CaptureRecord:
    """Capture a part of an authorization, once under a reference.

    Raises:
        Refused: another request used the reference; there is no such authorization.
    """
    known = unit.find_repeated(CaptureRecord, ask.reference, fingerprint)
    if known is not None:
        return known
    held = unit.get(AuthorizationRecord, authorization)
    code = fault.value if fault is not None and fault.name == "decline" else None
    if code is None:
        held, code = cards.capture(held, ask.amount, final=ask.final, now=unit.now)
    made = CaptureRecord(
        id=unit.name(CaptureRecord),
        reference=ask.reference,
        merchant=held.merchant,
        created_at=unit.now,
        authorization=authorization,
        status="approved" if code is None else "declined",
        amount_minor=ask.amount,
        currency=held.currency,
        final=ask.final,
        decline_code=code,
    )
    unit.add(made, fingerprint)
    if code is None:
        unit.change(_book_capture(unit, held, ask.reference, ask.amount))
    answered(unit, made, held.traits)
    return made


def reverse(unit: Unit, authorization: str, ask: ReversalBody, fingerprint: str) -> ReversalRecord:
    """End an authorization, once under a reference.

    If it has not arrived yet, it is voided on arrival.

    Raises:
        Refused: another request used the reference.
    """
    known = unit.find_repeated(ReversalRecord, ask.reference, fingerprint)
    if known is not None:
        return known
    held = unit.find(AuthorizationRecord, authorization)
    amount_minor, merchant = 0, ""
    if held is None:
        if unit.find(TombstoneRecord, authorization) is None:
            unit.add(
                TombstoneRecord(
                    id=unit.name(TombstoneRecord),
                    reference=authorization,
                    merchant="",
                    created_at=unit.now,
                )
            )
    else:
        merchant = held.merchant
        if ask.refund_captured and held.dispute is not None:
            # The payer gets the money back, so the bank withdraws the dispute.
            held = withdraw_dispute(unit, held)
        before_minor = held.capturable_minor
        # The payer has the money of a lost dispute already.
        refund_captured = ask.refund_captured and held.dispute is None
        held, refund_minor = cards.reverse(held, refund_captured=refund_captured)
        unit.change(held)
        if refund_minor:
            book_card(unit, held, "refund", ask.reference, -refund_minor)
        amount_minor = before_minor - held.capturable_minor + refund_minor
    made = ReversalRecord(
        id=unit.name(ReversalRecord),
        reference=ask.reference,
        merchant=merchant,
        created_at=unit.now,
        authorization=authorization,
        status="approved",
        amount_minor=amount_minor,
    )
    unit.add(made, fingerprint)
    return made


def refund(unit: Unit, ask: RefundBody, fault: Fault | None, fingerprint: str) -> RefundRecord:
    """Refund captured money, once under a reference.

    Raises:
        Refused: another request used the reference; there is no such authorization.
    """
    known = unit.find_repeated(RefundRecord, ask.reference, fingerprint)
    if known is not None:
        return known
    held = unit.get(AuthorizationRecord, ask.authorization)
    code = fault.value if fault is not None and fault.name == "decline" else None
    if code is None:
        held, code = cards.refund(held, ask.amount)
    made = RefundRecord(
        id=unit.name(RefundRecord),
        reference=ask.reference,
        merchant=held.merchant,
        created_at=unit.now,
        authorization=ask.authorization,
        status="approved" if code is None else "declined",
        amount_minor=ask.amount,
        currency=held.currency,
        decline_code=code,
    )
    unit.add(made, fingerprint)
    if code is None:
        unit.change(held)
        book_card(unit, held, "refund", ask.reference, -ask.amount)
        if has_trait(traits_of(fault), "fails_later"):
            due_at = unit.now + timedelta(seconds=unit.script.fails_later_s)
            unit.later(Timer(due_at=due_at, name="fail_refund", reference=ask.reference))
    answered(unit, made, held.traits)
    return made


def fail_refund(unit: Unit, reference: str) -> RefundRecord:
    """Let an approved refund fail, days later.

    Raises:
        Refused: there is no such refund, or it was declined.
    """
    made = unit.get(RefundRecord, reference)
    if made.status == "declined":
        raise RequestRefused(
            409, "refund_declined", "The refund was declined; nothing can come back."
        )
    if made.status == "failed":
        return made
    held = cards.fail_refund(unit.get(AuthorizationRecord, made.authorization), made.amount_minor)
    made = replace(made, status="failed", decline_code="card_account_closed")
    unit.change(held)
    unit.change(made)
    book_card(unit, held, "refund_failed", reference, made.amount_minor)
    tell(unit, made, traits=held.traits)
    return made


def find_challenged(unit: Unit, token: str) -> AuthorizationRecord:
    """The authorization behind a 3-D Secure page.

    Raises:
        Refused: there is no such page.
    """
    return unit.get(AuthorizationRecord, unit.get(ChallengeRecord, token).authorization)


def authenticate(unit: Unit, token: str, *, approved: bool) -> AuthorizationRecord:
    """Record the payer's answer; the first one counts.

    Raises:
        Refused: there is no such page.
    """
    held = find_challenged(unit, token)
    return _settled(unit, held, cards.authenticate(held, approved=approved, now=unit.now))


def abandon(unit: Unit, reference: str) -> None:
    """End an authorization whose payer went away."""
    held = unit.get(AuthorizationRecord, reference)
    _settled(unit, held, cards.abandon(held))


def settle_late(unit: Unit, reference: str, code: str | None) -> None:
    """Let a card's bank answer late."""
    held = unit.get(AuthorizationRecord, reference)
    _settled(unit, held, cards.settle_late(held, code, unit.now))


def _settled(
    unit: Unit, before: AuthorizationRecord, held: AuthorizationRecord
) -> AuthorizationRecord:
    """Write and notify of a decision that no request waited for, if it is one."""
    if held == before:
        return held
    if held.captured_minor:
        held = _book_capture(unit, held, held.reference, held.captured_minor)
    unit.change(held)
    tell(unit, held, traits=held.traits)
    return held
