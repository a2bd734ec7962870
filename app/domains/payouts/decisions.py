"""Decisions about payouts, and what they move in the ledger: pure.

Each books what its step asks, or returns the refusal and changes nothing. What the bank said is
never decided here, only booked.
"""

from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from app.base import ids, money
from app.base.errors import PlatformError
from app.base.iban import is_in_sepa
from app.base.settings import Settings
from app.domains.ledger import Book, Change, Draft
from app.domains.ledger.errors import InsufficientFunds
from app.domains.ledger.model import ChartAccount, merchant_account, platform_account
from app.domains.payouts.commands import OpenPayout
from app.domains.payouts.errors import (
    AccountOutsideSepa,
    ApprovalBySameKey,
    NothingToPayOut,
    PayoutNotApprovable,
    PayoutNotCancelable,
)
from app.domains.payouts.model import (
    CANCELED,
    OPEN,
    RETURNED,
    BankAccount,
    Payout,
    PayoutChange,
    PayoutChannel,
)
from app.processors import Verdict

_HUNDREDTHS: Final = 2  # digits of the currencies that limits are thought in


def approval_limit(currency: str, hundredths: int) -> int:
    """A limit that is thought in hundredths of a currency, in minor units of any currency."""
    digits = money.EXPONENTS[currency] - _HUNDREDTHS
    scale = int(10 ** abs(digits))
    return hundredths * scale if digits >= 0 else hundredths // scale


def decide_approval(payout: Payout, key_id: UUID) -> PlatformError | None:
    """Whether this key may let the payout go.

    Refusals, the first that applies: PayoutNotApprovable, ApprovalBySameKey.
    """
    if payout.status != "requires_approval":
        return PayoutNotApprovable(payout=payout.name, status=payout.status)
    if payout.created_by == key_id:
        return ApprovalBySameKey(payout=payout.name)
    return None


class Cancel(Enum):
    """How a payout can be canceled."""

    NOW = "now"
    """The bank surely has nothing of it."""
    ASK = "ask"
    """The bank has it, and decides."""
    WAIT = "wait"
    """It is not known yet whether the bank has it."""


def decide_cancel(payout: Payout) -> Cancel | PlatformError:
    """How to cancel a payout. Refusal: PayoutNotCancelable."""
    if payout.status == "requires_approval":
        return Cancel.NOW
    if payout.status == "pending":
        is_here = payout.channel == "file" and payout.file_id is None
        return Cancel.NOW if is_here else Cancel.WAIT
    if payout.status == "in_transit":
        return Cancel.ASK
    return PayoutNotCancelable(payout=payout.name, status=payout.status)


def decide_verdict(payout: Payout, verdict: Verdict) -> PayoutChange:
    """What a bank's word about a payout does to it; words come twice, late and out of order.

    One word may say that two things have happened: money that was paid and came back does both, one
    after the other. So it is asked again after each change, until nothing is left to do.

    A payout that has ended here and is paid there is for people: its money would leave twice.
    """
    if payout.status == "paid" and verdict.outcome == "declined":
        return PayoutChange.RETURN
    if verdict.was_paid and (payout.status in OPEN or payout.ended_unpaid):
        return PayoutChange.PAY
    if payout.status not in OPEN:
        return PayoutChange.NOTHING
    if verdict.outcome == "approved":
        return PayoutChange.PAY
    if verdict.outcome == "declined":
        return PayoutChange.CANCEL if verdict.code == CANCELED else PayoutChange.FAIL
    if verdict.is_permanent and payout.status == "pending":
        return PayoutChange.FAIL
    if verdict.outcome == "pending" and payout.status == "pending":
        return PayoutChange.TRANSIT
    return PayoutChange.NOTHING


def decide_recall(payout: Payout, verdict: Verdict) -> PayoutChange:
    """What a bank's word about stopping a payout does to it."""
    stopped = verdict.outcome == "approved" and payout.status in OPEN
    return PayoutChange.CANCEL if stopped else PayoutChange.NOTHING


def apply(payout: Payout, step: PayoutChange, code: str | None, now: datetime) -> None:
    """Make the payout say what the bank did."""
    if step is PayoutChange.RETURN:
        payout.status, payout.failure_code = "failed", RETURNED
    else:
        payout.status = step.value
    if step is PayoutChange.PAY:
        # Of one that had ended here before, neither is true any more.
        payout.failure_code = payout.returned_transfer_id = None
    if step is PayoutChange.FAIL:
        payout.failure_code = code or "declined"
    payout.version += 1
    payout.updated_at = now


def available_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """Where payouts come from."""
    return merchant_account(merchant_id, currency, "merchant_available")


def transit_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """Where the money is until the bank has paid it."""
    return merchant_account(merchant_id, currency, "payouts_in_transit")


def cash_account(region: str, currency: str, stripe: int) -> ChartAccount:
    """The stripe of the platform's account at its bank that this writer uses."""
    return platform_account(region, currency, "bank_cash", stripe)


def decide_reach(account: BankAccount, channel: PayoutChannel) -> PlatformError | None:
    """Whether payouts over this channel reach a bank account: files are SEPA's.

    Refusal: AccountOutsideSepa. Whatever goes one by one the bank decides itself.
    """
    if channel == "file" and not is_in_sepa(account.iban):
        name = ids.encode("bank_account", account.id)
        return AccountOutsideSepa(bank_account=name, country=account.iban[:2])
    return None


def channel_of(currency: str, settings: Settings) -> PayoutChannel:
    """How payouts in a currency go; SEPA, whose files these are, is for euros."""
    return settings.payout_eur_road if currency == "EUR" else "single"


def accounts_of(payout: Payout, region: str, stripe: int) -> set[ChartAccount]:
    """All accounts that a payout's money may move between."""
    return {
        available_account(payout.merchant_id, payout.currency),
        transit_account(payout.merchant_id, payout.currency),
        cash_account(region, payout.currency, stripe),
    }


def decide_open(
    book: Book, command: OpenPayout, *, limit_minor: int, channel: PayoutChannel, transfer_id: UUID
) -> Payout | PlatformError:
    """Take a new payout's money from what is available, or say why not.

    The account has no floor, because refunds and disputes may take more than there is. So whether
    there is enough is decided here, while the account is locked.

    Refusals, the first that applies: NothingToPayOut, InsufficientFunds, BalanceLimit.
    """
    source = available_account(command.merchant_id, command.currency)
    target = transit_account(command.merchant_id, command.currency)
    available = book.accounts[source.id].available_minor
    amount = available if command.amount_minor is None else command.amount_minor
    if command.amount_minor is None and available <= 0:
        return NothingToPayOut(account=ids.encode("account", source.id))
    if amount > available:
        return InsufficientFunds(
            account=ids.encode("account", source.id), available=available, asked=amount
        )
    payout = Payout(
        merchant_id=command.merchant_id,
        id=command.payout_id,
        status="requires_approval" if amount > limit_minor else "pending",
        currency=command.currency,
        amount_minor=amount,
        bank_account_id=command.bank_account_id,
        channel=channel,
        file_id=None,
        failure_code=None,
        description=command.description,
        metadata=command.metadata,
        created_by=command.key_id,
        approved_by=None,
        transfer_id=transfer_id,
        paid_transfer_id=None,
        returned_transfer_id=None,
        version=1,
        correlation_id=command.correlation_id,
        created_at=book.booked_at,
        updated_at=book.booked_at,
    )
    moved = book.book(
        _draft(payout, transfer_id, "payout", (source, target), command.correlation_id)
    )
    return moved if isinstance(moved, PlatformError) else payout


def settle(
    book: Book,
    payout: Payout,
    step: PayoutChange,
    code: str | None,
    *,
    region: str,
    stripe: int,
    correlation_id: str,
) -> PlatformError | None:
    """Move the money as the bank's word says, and the payout with it.

    What had ended here, and was paid all the same, is paid from what is available, which may then
    be less than nothing.

    Refusal: BalanceLimit, of a balance that no merchant ever had.
    """
    if step is PayoutChange.NOTHING:
        return None
    if step is not PayoutChange.TRANSIT:
        transfer_id = ids.new()
        available = available_account(payout.merchant_id, payout.currency)
        transit = transit_account(payout.merchant_id, payout.currency)
        cash = cash_account(region, payout.currency, stripe)
        source = available if payout.ended_unpaid else transit
        purpose, between = {
            PayoutChange.PAY: ("payout_paid", (source, cash)),
            PayoutChange.FAIL: ("payout_failed", (transit, available)),
            PayoutChange.CANCEL: ("payout_canceled", (transit, available)),
            PayoutChange.RETURN: ("payout_returned", (cash, available)),
        }[step]
        moved = book.book(_draft(payout, transfer_id, purpose, between, correlation_id))
        if isinstance(moved, PlatformError):
            return moved
        if step is PayoutChange.PAY:
            payout.paid_transfer_id = transfer_id
        else:
            payout.returned_transfer_id = transfer_id
    apply(payout, step, code, book.booked_at)
    return None


def _draft(
    payout: Payout,
    transfer_id: UUID,
    purpose: str,
    between: tuple[ChartAccount, ChartAccount],
    correlation_id: str,
) -> Draft:
    debit, credit = between
    return Draft(
        merchant_id=payout.merchant_id,
        id=transfer_id,
        kind="posted",
        purpose=purpose,
        changes=[
            Change(debit.merchant_id, debit.id, "debit", payout.amount_minor),
            Change(credit.merchant_id, credit.id, "credit", payout.amount_minor),
        ],
        correlation_id=correlation_id,
        metadata={"payout": payout.name},
    )
