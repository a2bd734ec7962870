"""Whether a processor's record and Suya's agree. Pure.

Each `judge_` function returns a sentence where they differ, and none where they agree. It does not
know whether a flow is under way, during which they need not agree; its caller does.
"""

from datetime import datetime
from typing import Final

import msgspec

from app.domains.disputes.model import FINAL, RANK
from app.domains.payments.model import UNDECIDED
from app.domains.payouts.model import OPEN as AT_BANK
from app.domains.payouts.model import RETURNED

UNKNOWN: Final = "we know nothing of it"

_OVER: Final = frozenset({"declined", "failed", "canceled", "expired"})
"""States of a payment in which nothing may be left to capture, on either side."""

_PAYOUTS: Final = {"paid": "approved", "canceled": "canceled"}


class ProcessorRecord(msgspec.Struct, frozen=True):
    """A processor's record under a reference of Suya's; amounts in minor units."""

    id: str
    reference: str
    merchant: str
    status: str
    amount: int = 0
    currency: str = ""
    captured_amount: int = 0
    refunded_amount: int = 0
    voided_amount: int = 0
    received_amount: int | None = None
    authorization: str | None = None
    """Of a capture, a refund or a dispute: the payment's reference."""
    fee: int = 0
    """Of a dispute: the processor's fee."""
    due_at: datetime | None = None
    """Of a dispute: until when the processor takes evidence."""

    @property
    def left(self) -> int:
        """What may still be captured."""
        if self.status != "approved":
            return 0
        return self.amount - self.captured_amount - self.voided_amount


class OurPayment(msgspec.Struct, frozen=True):
    """Suya's record of a payment; amounts in minor units."""

    id: str
    status: str
    currency: str
    amount: int
    captured: int
    refunded: int
    operation_id: str | None
    processor: str | None
    """The processor that has it; none for a payment between accounts of Suya."""
    updated_at: datetime
    left: int
    """Held, and neither captured nor released."""

    @property
    def is_open(self) -> bool:
        """Whether a flow is under way on it."""
        return self.operation_id is not None


class OurRefund(msgspec.Struct, frozen=True):
    """Suya's record of a refund."""

    id: str
    payment_id: str
    status: str
    currency: str
    amount: int


class OurPayout(msgspec.Struct, frozen=True):
    """Suya's record of a payout."""

    id: str
    status: str
    currency: str
    amount: int
    failure_code: str | None
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether its bank has not decided yet."""
        return self.status in AT_BANK


class OurDispute(msgspec.Struct, frozen=True):
    """Suya's record of a dispute."""

    authorization: str
    """The payment's reference."""
    status: str
    currency: str
    amount: int
    fee: int
    created_at: datetime
    due_at: datetime


def judge_authorization(
    there: ProcessorRecord, here: OurPayment | None, processor: str
) -> str | None:
    """Compare a card payment."""
    if here is None or here.processor is None:
        return UNKNOWN
    if (there.amount, there.currency) != (here.amount, here.currency):
        return _sums(there, here.amount, here.currency)
    if there.status in {"requires_action", "undecided"}:
        return None if here.status in UNDECIDED else f"it is {there.status} there"
    if here.status in UNDECIDED or here.status in _OVER or here.processor != processor:
        taken = there.captured_amount - there.refunded_amount
        if taken or there.left:
            state = here.status if here.processor == processor else f"with {here.processor}"
            return f"it is {state} here, and there {taken} are taken and {there.left} are held"
        return None
    pairs = (
        ("captured", there.captured_amount, here.captured),
        ("refunded", there.refunded_amount, here.refunded),
        ("held", there.left, here.left),
    )
    differ = [f"{name} are {a} there and {b} here" for name, a, b in pairs if a != b]
    return ", ".join(differ) or None


def judge_capture(there: ProcessorRecord, here_minor: int | None) -> str | None:
    """Compare a capture; `booked` is the amount that Suya's transfer moved, none without one."""
    if there.status != "approved":
        return None if here_minor is None else f"it is {there.status} there, and booked here"
    if here_minor is None:
        return f"{there.amount} are captured there, and nothing is booked here"
    if here_minor != there.amount:
        return f"{there.amount} are captured there, and {here_minor} are booked here"
    return None


def judge_refund(there: ProcessorRecord, here: OurRefund | None) -> str | None:
    """Compare a refund."""
    if here is None:
        return UNKNOWN
    if (there.amount, there.currency) != (here.amount, here.currency):
        return _sums(there, here.amount, here.currency)
    due = "succeeded" if there.status == "approved" else "failed"
    return None if here.status == due else f"it is {there.status} there and {here.status} here"


def judge_bank_transfer(there: ProcessorRecord, here: OurPayment | None) -> str | None:
    """Compare a payment by bank transfer."""
    if here is None or here.processor is None:
        return UNKNOWN
    if (there.amount, there.currency) != (here.amount, here.currency):
        return _sums(there, here.amount, here.currency)
    came = (there.received_amount or 0) if there.status == "approved" else 0
    if came != here.captured:
        return f"{came} came there, and it is {here.status} with {here.captured} here"
    return None


def judge_payout(there: ProcessorRecord, here: OurPayout | None) -> str | None:
    """Compare a payout."""
    if here is None:
        return UNKNOWN
    if (there.amount, there.currency) != (here.amount, here.currency):
        return _sums(there, here.amount, here.currency)
    failed = "returned" if here.failure_code == RETURNED else "declined"
    due = _PAYOUTS.get(here.status, failed if here.status == "failed" else "pending")
    return None if there.status == due else f"it is {there.status} there and {here.status} here"


def judge_dispute(there: ProcessorRecord, here: OurDispute | None) -> str | None:
    """Compare a dispute."""
    if here is None and there.status in FINAL:
        return f"it is {there.status} there with a fee of {there.fee}, and is not booked here"
    if here is None:
        return UNKNOWN
    if there.authorization != here.authorization:
        return f"it is about {there.authorization} there and {here.authorization} here"
    if (there.amount, there.currency) != (here.amount, here.currency):
        return _sums(there, here.amount, here.currency)
    if there.fee != here.fee:
        return f"its fee is {there.fee} there and {here.fee} here"
    if there.status != here.status:
        return f"it is {there.status} there and {here.status} here"
    return None


def may_catch_up(there: ProcessorRecord, here: OurDispute) -> bool:
    """Whether reading a dispute once more may make it agree here.

    The processor decides, so Suya may be behind it, and never ahead: the processor moves to the
    next state, or returns to the former one with more time. The rest stays as it was when the
    dispute was opened. A fee may grow elsewhere, but not at the acquirer, which takes it at once.
    """
    alike = msgspec.structs.replace(there, status=here.status)
    if judge_dispute(alike, here) is not None or here.status in FINAL or there.status not in RANK:
        return False
    has_more_time = there.due_at is not None and there.due_at > here.due_at
    return has_more_time or RANK[there.status] > RANK[here.status]


def _sums(there: ProcessorRecord, amount: int, currency: str) -> str:
    return f"it is of {there.amount} {there.currency} there and {amount} {currency} here"
