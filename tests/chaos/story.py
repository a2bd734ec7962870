"""A small sound history and the books that belong to it, for tests to spoil.

The books are added up by hand here, so the checker is not tested against itself.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.devkit.chaos import Anomaly, History, check
from app.devkit.chaos.model import (
    AcquirerBooks,
    Attempt,
    Authorization,
    Books,
    FinalAccount,
    FinalEntry,
    FinalFlow,
    FinalPayment,
    FinalRefund,
    FinalTransfer,
    Kept,
    Operation,
    Request,
    Run,
    Shop,
)

MERCHANT = "mer_1"
ADA, BOB, TILL = "acct_ada", "acct_bob", "acct_till"
OWED, DUE = "acct_owed", "acct_due"
KINDS = {
    ADA: "customer_wallet",
    BOB: "customer_wallet",
    TILL: "merchant_available",
    OWED: "processor_receivable",
    DUE: "merchant_pending",
}
PATHS = {
    Operation.DEPOSIT: "/v1/deposits",
    Operation.PAYMENT: "/v1/payments",
    Operation.AUTHORIZATION: "/v1/payments",
    Operation.REFUND: "/v1/refunds",
    Operation.TRANSFER: "/v1/transfers",
}

Lines = Mapping[str, tuple[str, int, int]]


class Story:
    """Requests one after the other; each takes the instants n (sent) and n + 0.5 (answered)."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Attempt] = []
        self.transfers: list[FinalTransfer] = []
        self.entries: list[FinalEntry] = []
        self.payments: dict[str, FinalPayment] = {}
        self.refunds: list[FinalRefund] = []
        self.kept: dict[tuple[str, str], Kept] = {}
        self.flows: list[FinalFlow] = []
        self.there: dict[str, Authorization] = {}
        """What the acquirer has; nothing: the run had none."""
        self.accounts: dict[str, FinalAccount] = {
            name: FinalAccount(MERCHANT, name, kind, 0, (0, 0, 0, 0))
            for name, kind in KINDS.items()
        }

    def ask(
        self, key: str, operation: Operation, body: dict[str, Any], path: str | None = None
    ) -> None:
        """Send a request."""
        at = 1.0 + len(self.requests)
        place = path or PATHS[operation]
        self.requests.append(Request(key, operation, MERCHANT, place, body, "baseline", at, at))

    def answer(self, key: str, status: int, body: dict[str, Any]) -> None:
        """Answer the request that was sent last, and keep the answer."""
        text = msgspec.json.encode(body).decode()
        self.answers.append(Attempt(key, 1, len(self.requests) + 0.5, status, text))
        self.kept[MERCHANT, key] = Kept(key, status, text)

    def refuse(self, key: str, status: int, code: str) -> None:
        """Answer with a problem that is a decision."""
        self.answer(key, status, {"code": code, "retry": "never"})

    def move(self, key: str, lines: Lines, payment: str | None = None, purpose: str = "") -> None:
        """Book a transfer for a request."""
        transfer = f"tr_{len(self.transfers) + 1}_{key}"
        self.transfers.append(FinalTransfer(MERCHANT, transfer, key, payment, purpose))
        for account, (direction, posted, pending) in lines.items():
            row = self.accounts[account]
            at = 0 if direction == "debit" else 1
            sums = list(row.sums)
            sums[at] += posted
            sums[at + 2] += pending
            done = (sums[0], sums[1], sums[2], sums[3])
            version = row.version + 1
            self.accounts[account] = msgspec.structs.replace(row, version=version, sums=done)
            self.entries.append(
                FinalEntry(account, version, transfer, direction, posted, pending, done)
            )

    def put(self, payment: FinalPayment) -> dict[str, Any]:
        """Record how far a payment has come; returns it as an answer tells it."""
        self.payments[payment.id] = payment
        return {
            "object": "payment",
            "id": payment.id,
            "amount": payment.amount,
            "amount_captured": payment.captured,
            "amount_refunded": payment.refunded,
            "fee": payment.fee,
            "status": payment.status,
        }

    def history(self) -> History:
        """The recorded requests and answers."""
        history = History()
        history.add(Run("test", "embedded", 1, 100, [Shop(MERCHANT, "local", 100, 0)]))
        for request in self.requests:
            history.add(request)
        for answer in self.answers:
            history.add(answer)
        if self.there:
            history.add(AcquirerBooks(list(self.there.values())))
        return history

    def books(self) -> Books:
        """The rows of the database."""
        return Books(
            accounts=list(self.accounts.values()),
            transfers=self.transfers,
            entries=self.entries,
            payments=list(self.payments.values()),
            refunds=self.refunds,
            kept=self.kept,
            flows=self.flows,
        )

    def findings(self) -> list[Anomaly]:
        """The findings of the checker."""
        return check(self.history(), self.books())


def undo(story: Story, purpose: str, key: str) -> None:
    """Remove a request's transfers for a purpose; all others are booked anew."""
    kept = [t for t in story.transfers if (t.purpose, t.correlation_id) != (purpose, key)]
    lines: dict[str, dict[str, tuple[str, int, int]]] = {}
    for entry in story.entries:
        moved = (entry.direction, entry.posted, entry.pending)
        lines.setdefault(entry.transfer, {})[entry.account] = moved
    story.transfers, story.entries = [], []
    for name, row in story.accounts.items():
        story.accounts[name] = msgspec.structs.replace(row, version=0, sums=(0, 0, 0, 0))
    for one in kept:
        story.move(one.correlation_id, lines[one.id], one.payment, one.purpose)


def sound() -> Story:
    """Two deposits, a payment, a hold captured in part for good, a refund, a transfer, a refusal.

    The fee is 1 %.
    """
    story = Story()
    for key, wallet, amount in (("d1", ADA, 1_000), ("d2", BOB, 500)):
        story.ask(key, Operation.DEPOSIT, {"account": wallet, "amount": amount})
        story.move(key, {wallet: ("credit", amount, 0)})
        story.answer(key, 201, {"object": "transfer", "id": story.transfers[-1].id})

    story.ask("p1", Operation.PAYMENT, _payment(ADA, 300))
    story.move("p1", {ADA: ("debit", 300, 0), TILL: ("credit", 297, 0)}, "pay_1")
    paid = FinalPayment("pay_1", "p1", ADA, 300, 300, 0, 3, "captured")
    story.answer("p1", 201, story.put(paid))

    story.ask("a1", Operation.AUTHORIZATION, _payment(BOB, 200))
    story.move("a1", {BOB: ("debit", 0, 200), TILL: ("credit", 0, 200)}, "pay_2")
    held = FinalPayment("pay_2", "a1", BOB, 200, 0, 0, 0, "authorized")
    story.answer("a1", 201, story.put(held))

    capture = {"amount": 150, "final": True}
    story.ask("c1", Operation.CAPTURE, capture, "/v1/payments/pay_2/capture")
    story.move("c1", {BOB: ("debit", 150, -200), TILL: ("credit", 148, -200)}, "pay_2")
    captured = msgspec.structs.replace(held, captured=150, fee=2, status="captured")
    story.answer("c1", 200, story.put(captured))

    story.ask("r1", Operation.REFUND, {"payment": "pay_1", "amount": 100})
    story.move("r1", {TILL: ("debit", 100, 0), ADA: ("credit", 100, 0)}, "pay_1")
    story.refunds.append(FinalRefund("re_1", "r1", "pay_1", 100))
    story.put(msgspec.structs.replace(paid, refunded=100))
    story.answer("r1", 201, {"object": "refund", "id": "re_1", "amount": 100})

    entries = [
        {"account": ADA, "direction": "debit", "amount": 50},
        {"account": BOB, "direction": "credit", "amount": 50},
    ]
    story.ask("t1", Operation.TRANSFER, {"currency": "USD", "entries": entries})
    story.move("t1", {ADA: ("debit", 50, 0), BOB: ("credit", 50, 0)})
    story.answer("t1", 201, {"object": "transfer", "id": story.transfers[-1].id})

    story.ask("n1", Operation.PAYMENT, _payment(ADA, 10_000))
    story.refuse("n1", 402, "insufficient_funds")

    story.ask("g1", Operation.READ, {}, "/v1/payments/pay_1")
    story.answer("g1", 200, story.put(msgspec.structs.replace(paid, refunded=100)))
    return story


def _payment(wallet: str, amount: int) -> dict[str, Any]:
    return {"amount": amount, "payment_method": {"type": "wallet", "account": wallet}}
