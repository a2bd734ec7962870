"""The states of a card's authorization: every state against every command. Pure."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from app.sandbox.acquirer.model import AuthorizationRecord

AUTHORIZATION_LIFE = timedelta(days=7)
"""How long an approved amount may be captured; card networks allow as much."""

CHALLENGE_LIFE = timedelta(hours=1)
"""How long a payer has for 3-D Secure; after an hour the payer will not come back."""

# Why a capture is declined if the authorization is not `approved`.
_NOT_CAPTURABLE = {
    "undecided": "authorization_undecided",
    "requires_action": "authentication_required",
    "declined": "authorization_declined",
    "voided": "authorization_voided",
}


def capture(
    held: AuthorizationRecord, amount_minor: int, *, final: bool, now: datetime
) -> tuple[AuthorizationRecord, str | None]:
    """The authorization after a capture, and why the capture was declined, if it was."""
    code = _why_not_capture(held, amount_minor, now)
    if code is not None:
        return held, code
    captured_minor = held.captured_minor + amount_minor
    rest_minor = held.capturable_minor - amount_minor if final else 0
    return (
        replace(held, captured_minor=captured_minor, voided_minor=held.voided_minor + rest_minor),
        None,
    )


def _why_not_capture(held: AuthorizationRecord, amount_minor: int, now: datetime) -> str | None:
    if held.status != "approved":
        return _NOT_CAPTURABLE[held.status]
    if now >= held.created_at + AUTHORIZATION_LIFE:
        return "authorization_expired"
    if amount_minor > held.capturable_minor:
        return "exceeds_authorization"
    return None


def reverse(held: AuthorizationRecord, *, refund_captured: bool) -> tuple[AuthorizationRecord, int]:
    """The authorization after a reversal, and how much captured money that gives back.

    A capture by request is final; `refund_captured` undoes an authorization as if it had not
    happened.
    """
    if held.status in {"declined", "voided"}:
        return held, 0
    refund_minor = held.refundable_minor if refund_captured else 0
    refunded_minor = held.refunded_minor + refund_minor
    return (
        replace(
            held,
            status="approved" if held.captured_minor and not refund_captured else "voided",
            voided_minor=held.voided_minor + held.capturable_minor,
            refunded_minor=refunded_minor,
            action_url=None,
        ),
        refund_minor,
    )


def refund(held: AuthorizationRecord, amount_minor: int) -> tuple[AuthorizationRecord, str | None]:
    """The authorization after a refund, and why the refund was declined, if it was."""
    if held.dispute is not None:
        return held, "disputed"
    if amount_minor > held.refundable_minor:
        return held, "exceeds_captured"
    return replace(held, refunded_minor=held.refunded_minor + amount_minor), None


def fail_refund(held: AuthorizationRecord, amount_minor: int) -> AuthorizationRecord:
    """The authorization after a refund failed: its money is captured again."""
    assert amount_minor <= held.refunded_minor
    return replace(held, refunded_minor=held.refunded_minor - amount_minor)


def authenticate(
    held: AuthorizationRecord, *, approved: bool, now: datetime
) -> AuthorizationRecord:
    """The authorization after its payer approved or refused it; the first answer counts."""
    if held.status != "requires_action":
        return held
    return _settle(held, None if approved else "authentication_failed", now)


def abandon(held: AuthorizationRecord) -> AuthorizationRecord:
    """The authorization after its payer's time for 3-D Secure passed."""
    if held.status != "requires_action":
        return held
    return replace(
        held, status="declined", decline_code="authentication_abandoned", action_url=None
    )


def settle_late(held: AuthorizationRecord, code: str | None, now: datetime) -> AuthorizationRecord:
    """The authorization after a late answer of its bank: declined by `code`, or approved."""
    return _settle(held, code, now) if held.status == "undecided" else held


def _settle(held: AuthorizationRecord, code: str | None, now: datetime) -> AuthorizationRecord:
    settled = replace(held, status="approved", action_url=None)
    if code is None and held.capture:
        settled, code = capture(settled, held.amount_minor, final=True, now=now)
    if code is not None:
        return replace(settled, status="declined", decline_code=code)
    return settled
