"""A merchant's book, and a card payment on it that can be brought to any state."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from app.base import ids
from app.base.errors import PlatformError
from app.domains.ledger import Account, Book, Hold
from app.domains.ledger.model import ChartAccount, new_account
from app.domains.payments import decisions, model
from app.domains.payments.commands import FailRefund, OpenPayment, RefundPayment
from app.domains.payments.decisions import Next
from app.domains.payments.model import Capture, Payment, Rail, Refund
from app.processors import Verdict

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MERCHANT = UUID(int=7)
FEES = model.fee_account("local", "USD", 0)
PENDING = model.captured_account(MERCHANT, "USD", "card")
AVAILABLE = model.available_account(MERCHANT, "USD")
RECEIVABLE = model.receivable_account(MERCHANT, "USD")
AMOUNT: Final = 1_000


class Desk:
    """A merchant's book, and one card payment of 1,000 brought to a state."""

    def __init__(self, state: str, *, capture: str = "automatic", route: int = 1) -> None:
        accounts = [new_account(a, NOW) for a in (FEES, PENDING, AVAILABLE, RECEIVABLE)]
        self.book = Book({account.id: account for account in accounts}, NOW)
        self.capture = capture
        command = OpenPayment(
            region="local",
            merchant_id=MERCHANT,
            intent=None,
            correlation_id="req_1",
            former_region=None,
            payment_id=ids.new(),
            transfer_id=ids.new(),
            account_id=RECEIVABLE.id,
            amount_minor=AMOUNT,
            currency="USD",
            capture=capture,
            description=None,
            metadata={},
            fee_bps=100,
            fee_fixed_minor=5,
            method="card",
            rail=Rail(route=("first", "second")[:route], token="pm_1", brand="visa"),  # noqa: S106
        )
        holds: list[Hold] = []
        payment = decisions.decide_rail_open(self.book, command, holds)
        assert isinstance(payment, Payment)
        self.payment, (self.hold,) = payment, holds
        self.bring_to(state)

    @property
    def rail(self) -> Rail:
        assert self.payment.rail is not None
        return self.payment.rail

    def bring_to(self, state: str) -> None:
        """Bring the payment to a state by what leads there."""
        steps = {
            "processing": (),
            "requires_action": ("requires_action",),
            "authorized": ("approved",),
            "captured": ("approved",),
            "partially_captured": ("approved",),
            "declined": ("declined",),
            "failed": ("not_executed",),
            "canceled": ("approved",),
            "expired": ("approved",),
        }
        if state in {"authorized", "partially_captured", "canceled", "expired"}:
            self.payment.capture = "manual"
        for outcome in steps[state]:
            self.hear(outcome)
        if state == "partially_captured":
            self.take(400)
        if state in {"canceled", "expired"}:
            self.release(expired=state == "expired")
        assert self.payment.status == state

    def hear(self, outcome: Any, amount_minor: int | None = None, code: str | None = None) -> Next:
        """Book a verdict on the authorization."""
        verdict = Verdict(
            outcome,
            code=code,
            processor_reference="auth_1",
            amount_minor=amount_minor,
            action_url="https://3ds" if outcome == "requires_action" else None,
        )
        return decisions.book_authorization(
            self.book, self.payment, self.hold, verdict, region="local", stripe=0, hold_days=7
        )

    def take(self, amount: int | None, *, final: bool = False) -> PlatformError | None:
        """Capture a part."""
        decided = decisions.resolve_capture(
            self.payment,
            amount,
            final=final,
            left_minor=self.hold.left_minor,
            now=self.book.booked_at,
        )
        if not isinstance(decided, Capture):
            return decided
        return decisions.post_capture(
            self.book,
            self.payment,
            self.hold,
            decided,
            transfer_id=ids.new(),
            correlation_id="req_1",
            region="local",
            stripe=0,
        )

    def release(self, *, expired: bool) -> PlatformError | None:
        """Give back what is left, because it was canceled or expired."""
        return decisions.decide_release(
            self.book,
            self.payment,
            self.hold,
            transfer_id=ids.new(),
            expired=expired,
            correlation_id="req_1",
        )

    def refund(self, amount: int | None) -> Refund | PlatformError:
        """Give back to the card."""
        command = RefundPayment(
            region="local",
            merchant_id=MERCHANT,
            intent=None,
            correlation_id="req_1",
            former_region=None,
            payment_id=self.payment.id,
            refund_id=ids.new(),
            transfer_id=ids.new(),
            amount_minor=amount,
            description=None,
            metadata={},
        )
        return decisions.decide_rail_refund(self.book, command, self.payment, stripe=0)

    def fail(self, refund: Refund) -> PlatformError | None:
        """Book that a refund came back."""
        command = FailRefund(
            region="local",
            merchant_id=MERCHANT,
            intent=None,
            correlation_id="req_1",
            former_region=None,
            payment_id=self.payment.id,
            refund_id=refund.id,
            transfer_id=ids.new(),
            code="account_closed",
        )
        return decisions.fail_refund(self.book, self.payment, refund, command, stripe=0)

    def account(self, account: ChartAccount) -> Account:
        return self.book.accounts[account.id]

    @property
    def owed(self) -> int:
        """What the processor owes the merchant."""
        found = self.account(RECEIVABLE)
        return found.posted_debits_minor - found.posted_credits_minor

    @property
    def held(self) -> int:
        """What it may owe soon."""
        found = self.account(RECEIVABLE)
        return found.pending_debits_minor - found.pending_credits_minor

    def assert_balanced(self) -> None:
        """All debits are all credits, posted and pending."""
        accounts = self.book.accounts.values()
        for posted, pending in (
            (
                sum(a.posted_debits_minor for a in accounts)
                - sum(a.posted_credits_minor for a in accounts),
                sum(a.pending_debits_minor for a in accounts)
                - sum(a.pending_credits_minor for a in accounts),
            ),
        ):
            assert (posted, pending) == (0, 0)
