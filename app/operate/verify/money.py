"""A payment's own amounts and status against what its transfers moved. Pure."""

from collections.abc import Iterator
from typing import Final

import msgspec

from app.base import ids
from app.domains import fx
from app.domains.ledger.model import EntryLine
from app.domains.payments.model import Exchange
from app.operate.verify.model import Check, hold_wire, wire

PLATFORM: Final = frozenset({ids.NIL.hex, ids.TEST.hex})

_ENDS: Final = {"void": "voided", "expire": "expired"}
"""Kind of transfer -> status of the hold it ended."""

_exchange = msgspec.json.Decoder(Exchange)

Off = tuple[Check, str]
"""The check that fails, and the sentence that says how."""


class PaymentRow(msgspec.Struct, frozen=True):
    """A payment's and its hold's own statements; amounts in minor units."""

    merchant_id: str
    id: str
    status: str
    account_id: str
    currency: str
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    fee_minor: int
    hold_id: str | None
    hold_status: str | None
    """None also where the hold does not exist."""
    hold_debit_account_id: str | None
    hold_amount_minor: int | None
    hold_posted_minor: int | None
    fee_refunded_minor: int
    exchange: str | None
    disputed: bool
    method: str

    @property
    def exchanged(self) -> tuple[int, int] | None:
        """What the merchant gets in another currency, and what refunds have taken back of it."""
        if self.exchange is None:
            return None
        exchange = _exchange.decode(self.exchange)
        return exchange.whole.target_minor, exchange.refunded.target_minor

    @property
    def takes_back_its_share(self) -> bool:
        """Whether refunds and disputes have taken back their share of the conversion."""
        if self.exchange is None:
            return True
        exchange = _exchange.decode(self.exchange)
        whole, taken = exchange.whole, exchange.taken_back
        return taken == fx.step(whole, fx.nothing_of(whole), taken.source_minor)


class PaymentSums(msgspec.Struct):
    """The sums of the transfers and refunds of one payment."""

    account: str
    """The payer's account, in hex."""
    captured_minor: int = 0
    """Taken from the payer."""
    earned_minor: int = 0
    """Given to the merchant, in the currency that it gets."""
    refunded_minor: int = 0
    """Given back to the payer."""
    returned_minor: int = 0
    """Taken from the merchant for that."""
    held_minor: int = 0
    """Held by the pending transfer."""
    posted_minor: int = 0
    """Posted of the hold."""
    left_minor: int = 0
    """Held, and neither posted nor released."""
    ends: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """(transfer, status of the hold after it), for transfers that void or expire."""
    refund_rows_minor: int = 0
    failed_minor: int = 0
    """Refunds that were reversed, by their transfers."""
    failed_rows_minor: int = 0

    def add(self, transfer_id: str, kind: str, purpose: str, lines: list[EntryLine]) -> str | None:
        """Count a transfer; returns a sentence where payments have no transfer of that kind."""
        from_payer = to_merchant = pending = 0
        for line in lines:
            sign = 1 if line.direction == "debit" else -1
            if line.direction == "debit":
                pending += line.pending_minor
            if line.account_id == self.account:
                from_payer += sign * line.posted_minor
            elif line.merchant_id not in PLATFORM:
                to_merchant -= sign * line.posted_minor
        match kind, purpose:
            case ("posted", "payment") | ("post", "capture"):
                self.captured_minor += from_payer
                self.earned_minor += to_merchant
            case ("posted", "refund" | "refund_failure"):
                self.refunded_minor -= from_payer
                self.returned_minor -= to_merchant
                self.failed_minor += from_payer if purpose == "refund_failure" else 0
            case ("pending", "authorization"):
                self.held_minor += pending
            case ("void", "cancellation") | ("expire", "expiry"):
                self.ends.append((transfer_id, _ENDS[kind]))
            case _:
                return f"no payment has a transfer of kind '{kind}' and purpose '{purpose}'"
        if kind == "post":
            self.posted_minor += from_payer
        self.left_minor += pending
        return None


def judge(payment: PaymentRow, moved: PaymentSums) -> Iterator[Off]:
    """Judge a payment's amounts and status."""
    gross, back = payment.exchanged or (moved.captured_minor, moved.refunded_minor)
    if not moved.captured_minor:
        gross = 0
    amounts = (
        ("amount_captured", payment.captured_minor, moved.captured_minor),
        ("amount_refunded", payment.refunded_minor, moved.refunded_minor),
        # What the merchant did not get of it, less what it did not have to give back of it. A
        # capture after a refund changes both at once.
        (
            "fee less fee_refunded",
            payment.fee_minor - payment.fee_refunded_minor,
            gross - moved.earned_minor - (back - moved.returned_minor),
        ),
    )
    for name, said, is_ in amounts:
        if said != is_:
            yield Check.PAYMENT_AMOUNTS, f"{name} is {said}, and its transfers moved {is_}"
    if not payment.takes_back_its_share:
        what = "what was taken back of its conversion is not the share of what is refunded"
        yield Check.PAYMENT_AMOUNTS, what
    if payment.captured_minor > payment.amount_minor:
        what = f"{payment.captured_minor} of {payment.amount_minor} are captured"
        yield Check.PAYMENT_AMOUNTS, what
    if payment.refunded_minor > payment.captured_minor:
        what = f"{payment.refunded_minor} are refunded, and {payment.captured_minor} captured"
        yield Check.PAYMENT_REFUNDS, what
    if payment.refunded_minor != moved.refund_rows_minor:
        rows = moved.refund_rows_minor
        what = f"amount_refunded is {payment.refunded_minor}, and its refunds sum to {rows}"
        yield Check.PAYMENT_REFUNDS, what
    if moved.failed_minor != moved.failed_rows_minor:
        rows = moved.failed_rows_minor
        what = f"refunds of {rows} failed, and transfers gave {moved.failed_minor} back"
        yield Check.PAYMENT_REFUNDS, what
    yield from _judge_status(payment)


def _judge_status(payment: PaymentRow) -> Iterator[Off]:
    captured, amount = payment.captured_minor, payment.amount_minor
    hold = payment.hold_status
    match payment.status:
        case "authorized":
            agrees = captured == 0 and hold == "open"
        case "partially_captured":
            agrees = 0 < captured < amount and hold == "open"
        case "captured":
            agrees = captured > 0 and hold != "open"
        case "canceled":
            agrees = captured == 0 and hold in {"voided", None}
        case "expired":
            agrees = captured == 0 and hold == "expired"
        case "processing" | "requires_action":
            # Only the processor knows how an unanswered request ended; until then its amount is
            # held.
            agrees = captured == 0 and hold == "open"
        case "declined" | "failed":
            agrees = captured == 0 and hold == "voided"
        case _:
            agrees = False
    if not agrees:
        state = f"with {captured} of {amount} captured and its hold {hold or 'missing'}"
        yield Check.PAYMENT_STATUS, f"it is {payment.status} {state}"


def judge_hold(payment: PaymentRow, moved: PaymentSums) -> Iterator[Off]:
    if payment.hold_id is None:
        if moved.held_minor or moved.left_minor or moved.ends:
            yield Check.HOLD_AMOUNTS, "its transfers hold money, and it names no hold"
        return
    status, posted, amount = (
        payment.hold_status,
        payment.hold_posted_minor,
        payment.hold_amount_minor,
    )
    if status is None or posted is None or amount is None:
        yield Check.HOLD_AMOUNTS, f"its hold {hold_wire(payment.hold_id)} does not exist"
        return
    if amount != moved.held_minor or amount != payment.amount_minor:
        held = f"its transfers held {moved.held_minor}"
        what = f"{amount} is held, {held}, and the payment is of {payment.amount_minor}"
        yield Check.HOLD_AMOUNTS, what
    if posted != moved.posted_minor:
        what = f"{posted} is posted of the hold, and its transfers posted {moved.posted_minor}"
        yield Check.HOLD_AMOUNTS, what
    left = amount - posted if status == "open" else 0
    if left != moved.left_minor:
        what = f"the hold is {status} with {left} left, and its transfers leave {moved.left_minor}"
        yield Check.HOLD_AMOUNTS, what
    if payment.hold_debit_account_id != payment.account_id:
        yield Check.HOLD_AMOUNTS, "the hold is on another account than the payment"
    yield from _judge_ends(status, moved)


def _judge_ends(status: str, moved: PaymentSums) -> Iterator[Off]:
    by = ", ".join(f"{ended} by {wire('transfer', transfer)}" for transfer, ended in moved.ends)
    due = [status] if status in _ENDS.values() else []
    if len(moved.ends) > 1:
        yield Check.HOLD_ENDS_ONCE, f"the hold ended {len(moved.ends)} times: {by}"
    elif [ended for _, ended in moved.ends] != due:
        yield Check.HOLD_ENDS_ONCE, f"the hold is {status}, and was {by or 'not released'}"
