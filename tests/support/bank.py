"""An outside for tests in memory: a processor that loses answers, and what it has on its books.

It plays somebody else's system, so that many histories can be run in seconds; the real sandbox is
met by the other tests. Its records are the model: whatever happened on the way, the platform's
books must end as they say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from app.processors import (
    AskAuthorization,
    AskCapture,
    AskRefund,
    AskReversal,
    Notification,
    Verdict,
)

UNKNOWN = Verdict("unknown", code="timeout")
FAULTS = ("lost_before", "lost_after", "late", "refused")


@dataclass
class Record:
    """An authorization as the bank has it."""

    merchant: str
    amount: int
    captures: bool
    status: str
    captured: int = 0
    refunded: int = 0

    @property
    def left(self) -> int:
        """What can still be captured."""
        return self.amount - self.captured if self.status == "approved" else 0

    @property
    def kept(self) -> int:
        """What the payer has paid in the end."""
        return self.captured - self.refunded


@dataclass
class Bank:
    """A processor; how it behaves is drawn from `random`, until it is `well`."""

    name: str
    random: Random
    well: bool = False
    records: dict[str, Record] = field(default_factory=dict)
    captures: dict[str, Verdict] = field(default_factory=dict)
    refunds: dict[str, tuple[str, int, Verdict]] = field(default_factory=dict)
    late: list[Callable[[], Any]] = field(default_factory=list)
    rung: list[Notification] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    async def authorize(self, ask: AskAuthorization) -> Verdict:
        return self._meet(lambda: self._authorize(ask))

    async def find_authorization(self, ask: AskAuthorization) -> Verdict:
        return self._ask(lambda: self._state(ask.reference))

    async def capture(self, ask: AskCapture) -> Verdict:
        return self._meet(lambda: self._capture(ask))

    async def find_capture(self, ask: AskCapture) -> Verdict:
        return self._ask(lambda: self.captures.get(ask.reference, Verdict("not_found")))

    async def reverse(self, ask: AskReversal) -> Verdict:
        return self._meet(lambda: self._reverse(ask))

    async def refund(self, ask: AskRefund) -> Verdict:
        return self._meet(lambda: self._refund(ask))

    async def find_refund(self, ask: AskRefund) -> Verdict:
        found = self.refunds.get(ask.reference)
        return self._ask(lambda: Verdict("not_found") if found is None else found[2])

    def answer_challenge(self, reference: str, *, approve: bool) -> None:
        """Be the payer."""
        record = self.records[reference]
        if record.status == "requires_action":
            record.status = "approved" if approve else "declined"
            if approve and record.captures:
                record.captured = record.amount
            self._ring(record.merchant, "authorization", reference)

    def fail_refund(self, reference: str) -> None:
        """Let a refund come back."""
        payment, amount, verdict = self.refunds[reference]
        if verdict.outcome == "approved":
            failed = Verdict("declined", code="account_closed")
            self.refunds[reference] = (payment, amount, failed)
            record = self.records[payment]
            record.refunded -= amount
            self._ring(record.merchant, "refund", reference)

    def get_well(self) -> None:
        """From now on every answer arrives; what was late comes now."""
        self.well = True
        for act in self.late:
            act()
        self.late.clear()

    def _meet(self, act: Callable[[], Verdict]) -> Verdict:
        """A request whose effect, answer or both may be lost, or that may come later."""
        fault = None if self.well or self.random.random() < 0.6 else self.random.choice(FAULTS)
        if self.late and self.random.random() < 0.5:
            self.late.pop(self.random.randrange(len(self.late)))()
        if fault == "refused":
            return Verdict("not_executed", code="circuit_open")
        if fault == "late":
            self.late.append(act)
            return UNKNOWN
        if fault == "lost_before":
            return UNKNOWN
        verdict = act()
        return UNKNOWN if fault == "lost_after" else verdict

    def _ask(self, look: Callable[[], Verdict]) -> Verdict:
        return look() if self.well or self.random.random() < 0.7 else UNKNOWN

    def _authorize(self, ask: AskAuthorization) -> Verdict:
        if ask.reference not in self.records:
            kind = ask.card.token
            status = {"no": "declined", "3ds": "requires_action"}.get(kind, "approved")
            amount = ask.amount_minor - (kind == "odd")
            record = Record(ask.merchant, amount, ask.capture, status)
            record.captured = amount if ask.capture and status == "approved" else 0
            self.records[ask.reference] = record
            self._ring(ask.merchant, "authorization", ask.reference)
        return self._state(ask.reference)

    def _state(self, reference: str) -> Verdict:
        record = self.records.get(reference)
        if record is None:
            return Verdict("not_found")
        if record.status in {"voided", "declined"}:
            return Verdict("declined", code=record.status)
        url = "https://3ds" if record.status == "requires_action" else None
        outcome: Any = record.status
        return Verdict(
            outcome,
            processor_reference=f"at_{self.name}",
            amount_minor=record.amount,
            captured_minor=record.captured,
            action_url=url,
        )

    def _capture(self, ask: AskCapture) -> Verdict:
        if ask.reference not in self.captures:
            record = self.records[ask.authorization]
            if ask.amount_minor > record.left:
                return Verdict("declined", code="nothing_left")
            record.captured += ask.amount_minor
            if ask.final:
                record.amount = record.captured
            self.captures[ask.reference] = Verdict("approved", amount_minor=ask.amount_minor)
            self._ring(record.merchant, "capture", ask.reference)
        return self.captures[ask.reference]

    def _reverse(self, ask: AskReversal) -> Verdict:
        record = self.records.setdefault(
            ask.authorization, Record(ask.merchant, 0, captures=False, status="voided")
        )
        if record.status == "requires_action" or not record.captured:
            record.status = "voided"
        record.amount = record.captured
        if ask.refund_captured:
            record.refunded, record.status = record.captured, "voided"
        return Verdict("approved")

    def _refund(self, ask: AskRefund) -> Verdict:
        if ask.reference not in self.refunds:
            record = self.records[ask.authorization]
            if ask.amount_minor > record.kept or self.random.random() < 0.2:
                verdict = Verdict("declined", code="refused_by_issuer")
            else:
                record.refunded += ask.amount_minor
                verdict = Verdict("approved", processor_reference=f"at_{self.name}")
            self.refunds[ask.reference] = (ask.authorization, ask.amount_minor, verdict)
            self._ring(record.merchant, "refund", ask.reference)
        return self.refunds[ask.reference][2]

    def _ring(self, merchant: str, subject: Any, reference: str) -> None:
        name = f"{self.name}_{next(self.numbers)}"
        self.rung.append(Notification(name, merchant, subject, reference, "{}"))


class Banks:
    """Several of them, as flows see them."""

    def __init__(self, banks: Sequence[Bank]) -> None:
        self.by_name = {bank.name: bank for bank in banks}

    def cards(self, name: str) -> Bank:
        return self.by_name[name]
