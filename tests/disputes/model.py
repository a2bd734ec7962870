"""A model of disputes in memory: what must come out, written down a second time.

It shares no code with `app`. What is told happens one after the other, each as a whole; batches,
retries and races must look like some run of this.
"""

from dataclasses import dataclass, field

ORDER = ("needs_response", "under_review", "won", "lost")

News = tuple[str, int, str]
"""`asked` or `disputed`, the day on which evidence is due, and the state; each grows."""


@dataclass
class Payment:
    amount: int
    refunded: int = 0


@dataclass
class Dispute:
    payment: int
    amount: int
    fee: int
    stage: str
    day: int
    state: str = "needs_response"
    pieces: int = 0
    answering: tuple[str, int] | None = None
    """The stage and the day that were known when an answer was begun."""
    submitted: bool = False
    facts: int = 1

    @property
    def is_final(self) -> bool:
        return self.state in {"won", "lost"}

    @property
    def contests(self) -> bool:
        return self.state == "lost" or (not self.is_final and self.stage == "disputed")


@dataclass
class Model:
    """One merchant with captured card payments, each known by its number."""

    payments: list[Payment]
    disputes: dict[str, Dispute] = field(default_factory=dict)

    def of(self, payment: int) -> list[Dispute]:
        return [d for d in self.disputes.values() if d.payment == payment]

    def is_disputed(self, payment: int) -> bool:
        return any(d.contests for d in self.of(payment))

    def tell(self, name: str, payment: int, amount: int, fee: int, news: News) -> str:
        """What is answered when the processor says so."""
        known = self.disputes.get(name)
        stage, day, state = news
        if known is None:
            taken = sum(d.amount for d in self.of(payment) if d.state != "won")
            owner = self.payments[payment]
            is_decided = state in {"won", "lost"}
            left = owner.amount if is_decided else owner.amount - owner.refunded - taken
            if amount > left:
                return "dispute_not_bookable"
            known = self.disputes[name] = Dispute(payment, amount, fee, stage, day)
            if state == "under_review":
                known.state = state
                return state
        if known.is_final:
            contradicts = state in {"won", "lost"} and state != known.state
            if contradicts:
                return "dispute_not_bookable"
        ends = state in {"won", "lost"} and not known.is_final
        before = (known.stage, known.day, ORDER.index(known.state))
        goes_on = not known.is_final and not ends and (stage, day, ORDER.index(state)) > before
        if fee > known.fee or goes_on:
            known.facts += 1
        known.fee = max(known.fee, fee)
        if goes_on:
            known.stage, known.day, known.state = news
        if ends:
            known.stage, known.state = stage, state
            known.facts += 1
        return known.state

    def add(self, name: str) -> str:
        """What is answered to a piece of evidence."""
        refused = self._refuse(name)
        if refused:
            return refused
        dispute = self.disputes[name]
        if dispute.pieces == 20:
            return "evidence_limit"
        dispute.pieces += 1
        dispute.facts += 1
        return "added"

    def begin(self, name: str, *, accept: bool) -> str:
        """What is answered to an answer."""
        refused = self._refuse(name)
        if refused:
            return refused
        dispute = self.disputes[name]
        if not accept and not dispute.pieces:
            return "evidence_missing"
        dispute.answering = (dispute.stage, dispute.day)
        return "begun"

    def end(self, name: str, *, taken: bool, accept: bool, fee: int, told: News | None) -> str:
        """What is answered once the processor has said whether it takes the answer."""
        dispute = self.disputes[name]
        answered, dispute.answering = dispute.answering, None
        if taken and not accept:
            dispute.submitted = True
            dispute.facts += 1
            asks_more = answered != (dispute.stage, dispute.day)
            if dispute.state == "needs_response" and not asks_more:
                dispute.state = "under_review"
        if told is not None:
            self.tell(name, dispute.payment, dispute.amount, fee, told)
        return dispute.state if taken else "dispute_response_refused"

    def refund(self, payment: int, amount: int) -> str:
        """What is answered to a refund, which the processor then makes."""
        owner = self.payments[payment]
        if self.is_disputed(payment):
            return "payment_disputed"
        if amount > owner.amount - owner.refunded:
            return "refund_exceeds_capture"
        owner.refunded += amount
        return "refunded"

    def balances(self) -> dict[str, int]:
        """What the merchant's accounts hold, where it is something."""
        captured = sum(p.amount for p in self.payments)
        refunded = sum(p.refunded for p in self.payments)
        won = sum(d.amount for d in self.disputes.values() if d.state == "won")
        lost = sum(d.amount for d in self.disputes.values() if d.state == "lost")
        taken = sum(d.amount + d.fee for d in self.disputes.values())
        held = sum(d.amount for d in self.disputes.values() if not d.is_final)
        found = {
            "processor_receivable": captured - refunded - lost,
            "merchant_pending": captured,
            "merchant_available": won - taken - refunded,
            "disputes_held": held,
        }
        return {kind: amount for kind, amount in found.items() if amount}

    def _refuse(self, name: str) -> str | None:
        dispute = self.disputes.get(name)
        if dispute is None:
            return "dispute_not_found"
        if dispute.state != "needs_response":
            return "dispute_closed"
        return "dispute_busy" if dispute.answering else None
