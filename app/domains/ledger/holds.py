"""Holds: money set aside by a pending transfer, posted in parts or given back. Pure.

A hold ends once: posted in full or for good, voided, or expired. Each function books one transfer
and moves the hold on, or refuses and changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.base.errors import PlatformError
from app.domains.ledger.errors import HoldExceeded, HoldNotOpen
from app.domains.ledger.model import Book, Change, Draft, Hold, Transfer


def begin_hold(
    book: Book, draft: Draft, *, amount_minor: int, expires_at: datetime, payment_id: UUID
) -> Hold | PlatformError:
    """Hold `amount_minor` from the account of the draft's debit for that of its credit."""
    booked = book.book(draft)
    if isinstance(booked, PlatformError):
        return booked
    debit, credit = draft.changes
    return Hold(
        merchant_id=draft.merchant_id,
        id=draft.id,
        payment_id=payment_id,
        debit_account_id=debit.account_id,
        credit_account_id=credit.account_id,
        amount_minor=amount_minor,
        posted_minor=0,
        status="open",
        expires_at=expires_at,
    )


def post_hold(
    book: Book,
    hold: Hold,
    *,
    transfer_id: UUID,
    amount_minor: int,
    final: bool,
    away_minor: int,
    away: Sequence[Change],
    correlation_id: str,
) -> Transfer | PlatformError:
    """Post `amount_minor` of a hold, less what goes elsewhere; `final` gives back the rest.

    `away` is what becomes of `away_minor`, such as a fee, or all of it in another currency.

    Refusals, the first that applies: HoldNotOpen, HoldExceeded, those of `Book.book`.
    """
    if hold.status != "open":
        return HoldNotOpen(status=hold.status)
    if amount_minor > hold.left_minor:
        return HoldExceeded(left=hold.left_minor, asked=amount_minor)
    released = hold.left_minor if final else amount_minor
    changes = [
        Change(hold.merchant_id, hold.debit_account_id, "debit", amount_minor, -released),
        Change(
            hold.merchant_id, hold.credit_account_id, "credit", amount_minor - away_minor, -released
        ),
        *away,
    ]
    booked = book.book(_end(hold, ("post", "capture"), transfer_id, changes, correlation_id))
    if isinstance(booked, Transfer):
        ends = final or amount_minor == hold.left_minor
        hold.posted_minor += amount_minor
        hold.status = "posted" if ends else "open"
    return booked


def release_hold(
    book: Book, hold: Hold, *, transfer_id: UUID, expired: bool, correlation_id: str
) -> Transfer | PlatformError:
    """Give back what is left of a hold: void it, or expire it.

    Refusals, the first that applies: HoldNotOpen, those of `Book.book`.
    """
    if hold.status != "open":
        return HoldNotOpen(status=hold.status)
    left = hold.left_minor
    changes = [
        Change(hold.merchant_id, hold.debit_account_id, "debit", 0, -left),
        Change(hold.merchant_id, hold.credit_account_id, "credit", 0, -left),
    ]
    how = ("expire", "expiry") if expired else ("void", "cancellation")
    booked = book.book(_end(hold, how, transfer_id, changes, correlation_id))
    if isinstance(booked, Transfer):
        hold.status = "expired" if expired else "voided"
    return booked


def _end(
    hold: Hold,
    how: tuple[str, str],
    transfer_id: UUID,
    changes: Sequence[Change],
    correlation_id: str,
) -> Draft:
    return Draft(
        merchant_id=hold.merchant_id,
        id=transfer_id,
        kind=how[0],
        purpose=how[1],
        changes=changes,
        correlation_id=correlation_id,
        payment_id=hold.payment_id,
        hold_id=hold.id,
    )
