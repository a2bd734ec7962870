"""Decisions about disputes: pure, and shared by tests with a model.

The processor decides; we learn of it by looking, so what is reported may be older than what we
know. A report therefore has a place in an order, and a dispute never goes back in it: an inquiry
lies before the dispute that it becomes, an earlier deadline before a later one, and then each state
before the next. A fee only grows; the amount is held from the first report on.

What is booked follows from what a processor said, or the refusal is returned and nothing changes.
The amount is held in the payer's currency. Where the payment converts, the merchant's side is in
the currency that it got, and goes back at the payment's own rate; so is the fee, because the
merchant may never have anything in the payer's currency to pay it with.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains import fx
from app.domains.disputes.commands import ReportDispute
from app.domains.disputes.errors import (
    DisputeBusy,
    DisputeClosed,
    EvidenceLimit,
    EvidenceMissing,
    EvidenceOverdue,
)
from app.domains.disputes.model import (
    CHARACTERS_MAX,
    DUE_SOON,
    FINAL,
    PIECES_MAX,
    RANK,
    REVIEW_PAUSE,
    Dispute,
    TakenBack,
)
from app.domains.fx import Conversion
from app.domains.ledger import Book, Change, Draft
from app.domains.ledger.model import ChartAccount, Direction, merchant_account
from app.domains.payments import Payment
from app.domains.payments.model import available_account, fee_account, receivable_account
from app.processors import DisputeState


def why_not_open(payment: Payment | None, others_minor: int, reported: DisputeState) -> str | None:
    """Why a dispute that is new to us cannot be booked, if it cannot.

    An open one is held, so it must fit into what is left of its payment. One that is decided is
    booked as what it was, whatever has become of the payment meanwhile: its fee was charged, and
    the network gave back what it took, or did not.

    Args:
        others_minor: what the payment's other disputes took, or hold while they are open.
    """
    if payment is None:
        return f"there is no payment {reported.authorization[:64]} over this processor"
    if reported.currency != payment.currency:
        return f"it is in {reported.currency[:8]}, and the payment in {payment.currency}"
    if reported.amount_minor <= 0 or reported.fee_minor < 0:
        return f"it is about {reported.amount_minor} with a fee of {reported.fee_minor}"
    if reported.status in FINAL:
        if reported.amount_minor > payment.amount_minor:
            return f"it is about {reported.amount_minor}, and the payment {payment.amount_minor}"
        return None
    left = payment.amount_captured_minor - payment.amount_refunded_minor - others_minor
    if reported.amount_minor > left:
        return f"it is about {reported.amount_minor}, and {left} of the payment can be disputed"
    return None


def why_not_follow(dispute: Dispute, payment_id: UUID | None, reported: DisputeState) -> str | None:
    """Why a report about a known dispute contradicts what was booked, if it does."""
    if payment_id != dispute.payment_id:
        known = ids.encode("payment", dispute.payment_id)
        return f"it is now about {reported.authorization[:64]}, and was about {known}"
    if (reported.amount_minor, reported.currency) != (dispute.amount_minor, dispute.currency):
        was = f"{dispute.amount_minor} {dispute.currency}"
        return (
            f"it is now about {reported.amount_minor} {reported.currency[:8]}, and was about {was}"
        )
    is_other = dispute.is_final and reported.status != dispute.status
    if is_other and reported.status in FINAL:
        return f"it is now {reported.status}, and was {dispute.status}"
    if is_other and dispute.inquiry and not reported.inquiry:
        return f"it is now a dispute that is {reported.status}, and was closed as an inquiry"
    return None


def is_news(dispute: Dispute, reported: DisputeState) -> bool:
    """Whether a report lies ahead of what is known; one that lies behind came too late."""
    if dispute.is_final or reported.status in FINAL:
        return not dispute.is_final
    return _place(reported) > _place(dispute)


def _place(said: Dispute | DisputeState) -> tuple[bool, datetime, int]:
    """Where something lies in a dispute's life.

    A dispute gives another deadline than its inquiry did, even an earlier one; but within each of
    the two no processor gives less time than it gave before.
    """
    return not said.inquiry, said.due_at, RANK[said.status]


def is_dearer(dispute: Dispute, reported: DisputeState, *, fee_back: bool) -> bool:
    """Whether more is taken for a dispute than is known, such as once something is withdrawn.

    Less is old news, or a fee that is given back, which is the platform's.

    Args:
        fee_back: a merchant who wins gets the fee back, and does not pay more of it afterwards.
    """
    is_back = dispute.status == "won" and (fee_back or dispute.fee_returned_minor > 0)
    return reported.fee_minor > dispute.fee_minor and not is_back


def fee_transfer_of(dispute_id: UUID, merchants_fee_minor: int) -> UUID:
    """The transfer that brings what a merchant pays for a dispute up to so much: there is one."""
    return ids.derived("dispute_fee", dispute_id, merchants_fee_minor, at=dispute_id)


def refuse_response(
    dispute: Dispute, now: datetime, *, needs_evidence: bool
) -> PlatformError | None:
    """Why a dispute cannot be answered at the processor now, if it cannot.

    Refusals, the first that applies: DisputeClosed, DisputeBusy, EvidenceOverdue, EvidenceMissing.
    """
    error = _refuse(dispute, now)
    if error is None and needs_evidence and dispute.evidence_count == 0:
        return EvidenceMissing(dispute=dispute.name)
    return error


def refuse_evidence(dispute: Dispute, now: datetime, characters: int) -> PlatformError | None:
    """Why a piece of evidence cannot be added now, if it cannot.

    Refusals, the first that applies: DisputeClosed, DisputeBusy, EvidenceOverdue, EvidenceLimit.

    Args:
        characters: of a text; of a file none.
    """
    error = _refuse(dispute, now)
    too_many = dispute.evidence_count >= PIECES_MAX
    if error is None and (too_many or dispute.evidence_characters + characters > CHARACTERS_MAX):
        return EvidenceLimit(dispute=dispute.name, pieces=PIECES_MAX, characters=CHARACTERS_MAX)
    return error


def _refuse(dispute: Dispute, now: datetime) -> PlatformError | None:
    if dispute.status != "needs_response":
        return DisputeClosed(dispute=dispute.name, status=dispute.status)
    if dispute.operation_id is not None:
        return DisputeBusy(dispute=dispute.name)
    if now >= dispute.due_at:
        return EvidenceOverdue(dispute=dispute.name, due_at=dispute.due_at.isoformat())
    return None


def is_due_soon(dispute: Dispute, now: datetime) -> bool:
    """Whether the merchant is to be reminded now."""
    open_ = dispute.status == "needs_response" and not dispute.due_soon_told
    return open_ and dispute.due_at - DUE_SOON <= now < dispute.due_at


def look_at(dispute: Dispute, now: datetime) -> datetime | None:
    """When to look at a reported dispute again; none: the processor should have decided."""
    if dispute.status == "under_review":
        return now + REVIEW_PAUSE
    if now >= dispute.due_at:
        return None
    return dispute.due_at if dispute.due_soon_told else max(now, dispute.due_at - DUE_SOON)


_REASON_MAX: Final = 100  # a word, such as `fraudulent`


def held_account(merchant_id: UUID, currency: str) -> ChartAccount:
    """The account that holds disputed amounts until they are decided."""
    return merchant_account(merchant_id, currency, "disputes_held")


def accounts_of(payment: Payment, *, region: str, stripe: int) -> list[ChartAccount]:
    """All accounts that a dispute of a payment may be booked on."""
    merchant_id, currency, earned = payment.merchant_id, payment.currency, payment.merchant_currency
    accounts = [
        available_account(merchant_id, earned),
        held_account(merchant_id, currency),
        receivable_account(merchant_id, currency),
        fee_account(region, earned, stripe),
    ]
    if payment.exchange is not None:
        accounts += fx.chart_accounts(region, currency, earned, stripe=stripe)
    return accounts


def open_dispute(
    book: Book,
    report: ReportDispute,
    payment: Payment,
    *,
    region: str,
    stripe: int,
) -> Dispute | PlatformError:
    """Take a new dispute's amount and fee from the merchant: the amount is held.

    Refusals are the ledger's.
    """
    amount = report.state.amount_minor
    taken = _step(payment, amount)
    dispute = _new_dispute(book, report, payment, taken)
    changes = _merchants_part(payment, amount, taken, region=region, stripe=stripe)
    changes += _moved(held_account(payment.merchant_id, payment.currency), dispute.amount_minor)
    changes += _fee(dispute, dispute.merchants_fee_minor, region=region, stripe=stripe)
    booked = book.book(
        Draft(
            merchant_id=payment.merchant_id,
            id=report.opening_transfer_id,
            kind="posted",
            purpose="dispute",
            changes=_joined(changes),
            correlation_id=report.correlation_id,
            payment_id=payment.id,
        )
    )
    if isinstance(booked, PlatformError):
        return booked
    _apply_step(payment, taken)
    return dispute


def raise_fee(
    book: Book,
    dispute: Dispute,
    fee_minor: int,
    *,
    payment: Payment,
    region: str,
    stripe: int,
    correlation_id: str,
) -> PlatformError | None:
    """Take from the merchant what a dispute costs more than was known; refusals are the ledger's.

    Args:
        fee_minor: the whole fee, more than the known one.
    """
    exchanged = dispute.exchanged
    if exchanged is not None:
        worth = _merchants_fee(payment, fee_minor)
        exchanged = msgspec.structs.replace(exchanged, fee_minor=worth)
    dearer = msgspec.structs.replace(dispute, fee_minor=fee_minor, exchanged=exchanged)
    more = dearer.merchants_fee_minor - dispute.merchants_fee_minor
    if more:  # in another currency a little more may be worth nothing
        draft = Draft(
            merchant_id=dispute.merchant_id,
            id=fee_transfer_of(dispute.id, dearer.merchants_fee_minor),
            kind="posted",
            purpose="dispute_fee",
            changes=_fee(dispute, more, region=region, stripe=stripe),
            correlation_id=correlation_id,
            payment_id=dispute.payment_id,
        )
        booked = book.book(draft)
        if isinstance(booked, PlatformError):
            return booked
    dispute.fee_minor, dispute.exchanged = fee_minor, exchanged
    return None


def close_dispute(
    book: Book,
    dispute: Dispute,
    reported: DisputeState,
    *,
    payment: Payment,
    transfer_id: UUID,
    region: str,
    stripe: int,
    fee_back: bool,
    correlation_id: str,
) -> PlatformError | None:
    """Give what is held to whom the processor gave it; refusals are the ledger's.

    Args:
        fee_back: a merchant who wins gets the fee back as well.
    """
    amount, status = dispute.amount_minor, reported.status
    changes = _moved(held_account(dispute.merchant_id, dispute.currency), -amount)
    returned = dispute.fee_minor if status == "won" and fee_back else 0
    given = _step(payment, -amount) if status == "won" else None
    if status == "won":
        changes += _merchants_part(payment, -amount, given, region=region, stripe=stripe)
        if returned:
            changes += _fee(dispute, -dispute.merchants_fee_minor, region=region, stripe=stripe)
    else:
        changes += _moved(receivable_account(dispute.merchant_id, dispute.currency), amount)
    booked = book.book(
        Draft(
            merchant_id=dispute.merchant_id,
            id=transfer_id,
            kind="posted",
            purpose=f"dispute_{status}",
            changes=_joined(changes),
            correlation_id=correlation_id,
            payment_id=dispute.payment_id,
        )
    )
    if isinstance(booked, PlatformError):
        return booked
    _apply_step(payment, given)
    if given is not None and dispute.exchanged is not None:
        dispute.exchanged = msgspec.structs.replace(
            dispute.exchanged, returned_minor=-given.target_minor
        )
    dispute.status, dispute.inquiry = status, reported.inquiry
    dispute.fee_returned_minor = returned
    dispute.closing_transfer_id = transfer_id
    return None


def _merchants_part(
    payment: Payment, amount_minor: int, step: Conversion | None, *, region: str, stripe: int
) -> list[Change]:
    """What the merchant gives for a disputed amount; below 0, what it gets again.

    Args:
        step: that part of the payment's conversion, if it converts.
    """
    available = available_account(payment.merchant_id, payment.merchant_currency)
    if step is None:
        return _moved(available, -amount_minor)
    changes = _moved(available, -step.target_minor)
    return changes + fx.legs(region, step, stripe=stripe, back=True)


def _step(payment: Payment, amount_minor: int) -> Conversion | None:
    """What of a payment's conversion is taken back; below 0, given back again."""
    if payment.exchange is None:
        return None
    return fx.step(payment.exchange.whole, payment.exchange.taken_back, amount_minor)


def _apply_step(payment: Payment, step: Conversion | None) -> None:
    """Make the payment say what disputes have taken back of its conversion."""
    if step is not None and payment.exchange is not None:
        had = payment.exchange.disputed
        payment.exchange.disputed = step if had is None else fx.plus(had, step)


def _fee(dispute: Dispute, fee_minor: int, *, region: str, stripe: int) -> list[Change]:
    """What the merchant pays for the dispute, in the currency that it gets; below 0: gets back."""
    exchanged = dispute.exchanged
    currency = dispute.currency if exchanged is None else exchanged.target_currency
    available = available_account(dispute.merchant_id, currency)
    fees = fee_account(region, currency, stripe)
    return _moved(available, -fee_minor) + _moved(fees, fee_minor)


def _merchants_fee(payment: Payment, fee_minor: int) -> int:
    """A fee in the currency that the merchant gets, at the payment's own rate."""
    if payment.exchange is None:
        return fee_minor
    whole = payment.exchange.whole
    currencies = (whole.source_currency, whole.target_currency)
    return fx.worth(payment.exchange.rate, *currencies, fee_minor)


def _moved(account: ChartAccount, credit_minor: int) -> list[Change]:
    """A change of an account, unless nothing moves."""
    if not credit_minor:
        return []
    direction: Direction = "credit" if credit_minor > 0 else "debit"
    return [Change(account.merchant_id, account.id, direction, abs(credit_minor))]


def _joined(changes: list[Change]) -> list[Change]:
    """The changes with one for each account: a merchant pays amount and fee at once."""
    joined: dict[tuple[UUID, Direction], Change] = {}
    for change in changes:
        key = (change.account_id, change.direction)
        before = joined[key].posted_minor if key in joined else 0
        joined[key] = Change(
            change.merchant_id, *key, before + change.posted_minor, change.pending_minor
        )
    return list(joined.values())


def _new_dispute(
    book: Book, report: ReportDispute, payment: Payment, taken: Conversion | None
) -> Dispute:
    state = report.state
    exchanged = None
    if taken is not None:
        fee = _merchants_fee(payment, state.fee_minor)
        exchanged = TakenBack(**msgspec.structs.asdict(taken), fee_minor=fee)
    return Dispute(
        merchant_id=payment.merchant_id,
        id=report.dispute_id,
        payment_id=payment.id,
        processor=report.processor,
        processor_reference=state.id,
        # What is decided already is booked next, so that its history is that of any other.
        status="needs_response" if state.status in FINAL else state.status,
        reason=state.reason.replace("\x00", "")[:_REASON_MAX],
        currency=payment.currency,
        amount_minor=state.amount_minor,
        fee_minor=state.fee_minor,
        fee_returned_minor=0,
        due_at=state.due_at,
        due_soon_told=False,
        evidence_count=0,
        evidence_bytes=0,
        evidence_characters=0,
        evidence_submitted_at=None,
        operation_id=None,
        opening_transfer_id=report.opening_transfer_id,
        closing_transfer_id=None,
        version=1,
        correlation_id=report.correlation_id,
        created_at=book.booked_at,
        updated_at=book.booked_at,
        exchanged=exchanged,
        inquiry=state.inquiry,
    )
