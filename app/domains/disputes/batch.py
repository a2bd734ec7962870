"""What a batch about disputes has loaded and decided so far.

Rows are locked in one order everywhere: payments, flows, disputes, accounts, each in id order.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from app.base.errors import PlatformError
from app.base.settings import Settings
from app.domains import ledger
from app.domains.disputes import decisions, model, store
from app.domains.disputes.asks import look_at_processor
from app.domains.disputes.commands import ReportDispute
from app.domains.disputes.errors import DisputeNotBookable
from app.domains.disputes.model import FINAL, Dispute, WatchPlan, plan_text
from app.domains.disputes.views import dispute_text
from app.domains.ledger import Book
from app.domains.payments import Payment
from app.domains.payments.batch import payment_event, stripe_of
from app.domains.payments.store import lock_payments, pull_payments, update_payments
from app.domains.payments.views import payment_text
from app.engine import events, saga
from app.engine.database import Moving, Tx
from app.engine.events import Fact
from app.engine.saga import Flow


class DisputeBatch:
    """Payments, their disputes, the flows that look at these, and what becomes of them."""

    def __init__(
        self,
        tx: Tx,
        region: str,
        *,
        payments: dict[tuple[UUID, UUID], Payment],
        flows: dict[UUID, Flow],
        disputes: Sequence[Dispute],
        book: Book,
    ) -> None:
        self.region = region
        self.flows = flows
        self.book = book
        self._tx = tx
        self._settings: Settings = tx.settings
        self._stripe = stripe_of(tx)
        self._payments = payments
        self._disputes = {d.id: d for d in disputes}
        self._by_reference = {_reference(d): d for d in disputes}
        self._facts: list[Fact] = []
        self._new: dict[UUID, Dispute] = {}
        self._changed: dict[UUID, Dispute] = {}
        self._changed_payments: dict[UUID, Payment] = {}
        self._begun: dict[UUID, Flow] = {}
        self._moved: dict[UUID, Flow] = {}

    def find(self, dispute_id: UUID) -> Dispute | None:
        """A dispute by our own id."""
        return self._disputes.get(dispute_id)

    def apply(self, report: ReportDispute) -> Dispute | DisputeNotBookable:
        """Book what a processor says of a dispute, and see to it that it is looked at again."""
        known = self._known(report)
        outcome = self._book(report, known)
        if isinstance(outcome, DisputeNotBookable):
            self._watch_finding(report, known, outcome)
        else:
            self._watch(report, outcome)
        return outcome

    def apply_look(self, flow: Flow, report: ReportDispute, *, counts: bool) -> None:
        """As `apply`, for the flow that looks at the dispute itself.

        Args:
            counts: the flow is in the hands that looked; else it goes on in others.
        """
        known = self._known(report)
        outcome = self._book(report, known)
        if isinstance(outcome, Dispute):
            self.remind(outcome, report.correlation_id)
            if counts:
                self._look_again(flow, outcome)
        elif known is not None:
            self._park(flow, outcome)
        elif counts:
            self.postpone(flow, outcome.message)

    def note(self, dispute: Dispute, correlation_id: str, event_type: str) -> str:
        """Note a changed dispute with its event; returns its text."""
        dispute.updated_at = self.book.booked_at
        if dispute.id not in self._new:
            self._changed[dispute.id] = dispute
        text = dispute_text(dispute)
        self._facts.append(dispute_event(dispute, correlation_id, text, event_type))
        return text

    def change(self, dispute: Dispute) -> None:
        """Note a change that clients do not see."""
        self._changed[dispute.id] = dispute

    def remind(self, dispute: Dispute, correlation_id: str) -> None:
        """Remind the merchant, once and while there is time, that evidence is due."""
        if decisions.is_due_soon(dispute, self.book.booked_at):
            dispute.due_soon_told = True
            dispute.version += 1
            self.note(dispute, correlation_id, "dispute.evidence_due_soon")

    def _look_again(self, flow: Flow, dispute: Dispute) -> None:
        """Let a flow wait until there may be something to see."""
        now = self.book.booked_at
        self._moved[flow.id] = flow
        if flow.status == "parked":
            flow.status, flow.attempts = "running", 0
        at = decisions.look_at(dispute, now)
        if dispute.is_final:
            saga.end(flow, now, dispute.status)
        elif at is None:
            self.postpone(flow, "it is overdue, and the processor has not decided")
        elif now > flow.created_at + model.REVIEW_TIME_MAX:
            saga.park(flow, now, "nobody has decided for a year")
        else:
            flow.attempts = 0
            saga.wait(flow, now, at, f"it is {dispute.status}")

    def postpone(self, flow: Flow, why: str) -> None:
        """Look again with growing pauses; after too many, people have to."""
        self._moved[flow.id] = flow
        saga.postpone(
            flow,
            self.book.booked_at,
            why,
            backoff_ms=self._settings.saga_backoff_ms,
            most=self._settings.saga_attempts_max,
        )

    def end(self, flow: Flow) -> None:
        """End a flow that answered a dispute."""
        saga.end(flow, self.book.booked_at)
        self._moved[flow.id] = flow

    def write(self) -> None:
        """Write what was decided; nothing is decided here any more."""
        tx, region, now = self._tx, self.region, self.book.booked_at
        ledger.write_book(tx, region, self.book)
        update_payments(tx, region, list(self._changed_payments.values()))
        store.insert_disputes(tx, region, list(self._new.values()), now)
        store.update_disputes(tx, region, list(self._changed.values()))
        saga.insert_flows(tx, region, list(self._begun.values()))
        saga.update_flows(tx, region, list(self._moved.values()))
        events.append(tx, region, self._facts)

    def _known(self, report: ReportDispute) -> Dispute | None:
        return self._by_reference.get((report.merchant_id, report.processor, report.state.id))

    def _payment(self, report: ReportDispute) -> Payment | None:
        """The disputed payment, if it is one over the processor that says so.

        A dispute that is decided may be of an attempt that was undone before the payment went on
        to another processor.
        """
        payment_id = report.payment_id
        payment = self._payments.get((report.merchant_id, payment_id)) if payment_id else None
        if payment is None or payment.rail is None:
            return None
        is_there = payment.rail.processor == report.processor
        return payment if is_there or report.state.status in FINAL else None

    def _book(self, report: ReportDispute, known: Dispute | None) -> Dispute | DisputeNotBookable:
        if known is None:
            opened = self._open(report)
            if not isinstance(opened, Dispute):
                return opened
            known = opened
        else:
            why = decisions.why_not_follow(known, report.payment_id, report.state)
            if why is not None:
                return _not_bookable(report, why)
        state = report.state
        is_dearer = decisions.is_dearer(known, state, fee_back=self._settings.dispute_fee_returned)
        if is_dearer:
            refused = self._raise_fee(report, known)
            if refused is not None:
                return refused
        is_news = decisions.is_news(known, state)
        is_end = is_news and state.status in FINAL
        if is_news and not is_end:
            if state.due_at != known.due_at:
                known.due_at, known.due_soon_told = state.due_at, False
            known.status, known.inquiry = state.status, state.inquiry
        if is_dearer or (is_news and not is_end):
            self._advance(known, report, "dispute.updated")
        if is_end:
            return self._close(report, known)
        self._mark(report, known)
        return known

    def _raise_fee(self, report: ReportDispute, dispute: Dispute) -> DisputeNotBookable | None:
        refused = decisions.raise_fee(
            self.book,
            dispute,
            report.state.fee_minor,
            payment=self._payments[dispute.merchant_id, dispute.payment_id],
            region=self.region,
            stripe=self._stripe,
            correlation_id=report.correlation_id,
        )
        return None if refused is None else _not_bookable(report, refused.code)

    def _open(self, report: ReportDispute) -> Dispute | DisputeNotBookable:
        payment = self._payment(report)
        others = [
            d
            for d in self._disputes.values()
            if payment is not None and d.payment_id == payment.id and d.status != "won"
        ]
        why = decisions.why_not_open(payment, sum(d.amount_minor for d in others), report.state)
        if why is not None or payment is None:
            return _not_bookable(report, why or "there is no such payment")
        flow = self.flows.get(report.watch_id)
        if flow is not None:
            # It was reported before it could be booked; its flow knows it by this id.
            report = msgspec.structs.replace(report, dispute_id=flow.object_id)
        dispute = decisions.open_dispute(
            self.book, report, payment, region=self.region, stripe=self._stripe
        )
        if isinstance(dispute, PlatformError):
            return _not_bookable(report, dispute.code)
        self._disputes[dispute.id] = self._new[dispute.id] = dispute
        self._by_reference[_reference(dispute)] = dispute
        self.note(dispute, report.correlation_id, "dispute.opened")
        self._changed_payments[payment.id] = payment
        self._mark(report, dispute)
        return dispute

    def _close(self, report: ReportDispute, dispute: Dispute) -> Dispute | DisputeNotBookable:
        payment = self._payments[dispute.merchant_id, dispute.payment_id]
        refused = decisions.close_dispute(
            self.book,
            dispute,
            report.state,
            payment=payment,
            transfer_id=report.closing_transfer_id,
            region=self.region,
            stripe=self._stripe,
            fee_back=self._settings.dispute_fee_returned,
            correlation_id=report.correlation_id,
        )
        if refused is not None:
            return _not_bookable(report, refused.code)
        self._changed_payments[payment.id] = payment
        self._advance(dispute, report, f"dispute.{dispute.status}")
        self._mark(report, dispute)
        return dispute

    def _advance(self, dispute: Dispute, report: ReportDispute, event_type: str) -> None:
        dispute.version += 1
        self.note(dispute, report.correlation_id, event_type)

    def _mark(self, report: ReportDispute, dispute: Dispute) -> None:
        """Have a dispute's payment say whether it is disputed.

        What a lost dispute took cannot be given back once more, so the payment stays disputed.
        """
        payment = self._payments[dispute.merchant_id, dispute.payment_id]
        its = [d for d in self._disputes.values() if d.payment_id == payment.id]
        disputed = any(d.contests for d in its)
        if disputed == payment.disputed:
            return
        payment.disputed = disputed
        payment.version += 1
        payment.updated_at = self.book.booked_at
        self._changed_payments[payment.id] = payment
        event_type = "payment.disputed" if disputed else "payment.undisputed"
        text = payment_text(payment)
        self._facts.append(payment_event(payment, report.correlation_id, text, event_type))

    def _watch(self, report: ReportDispute, dispute: Dispute) -> None:
        """Look at the dispute again when there may be something to see."""
        flow = self.flows.get(report.watch_id)
        if flow is None and not dispute.is_final:
            flow = self._begin(report, dispute.id)
        if flow is None or flow.status == "done":
            return
        if dispute.is_final or decisions.look_at(dispute, self.book.booked_at) is not None:
            self._look_again(flow, dispute)
        elif flow.id in self._begun or flow.status == "parked":
            self._look_soon(flow, "it is overdue")

    def _watch_finding(
        self, report: ReportDispute, known: Dispute | None, finding: DisputeNotBookable
    ) -> None:
        """Look again where the payment may still become what was reported; else people have to."""
        flow = self.flows.get(report.watch_id) or self._begin(report, report.dispute_id)
        if known is not None:
            self._park(flow, finding)
        elif flow.id in self._begun:
            self._look_soon(flow, finding.message)

    def _look_soon(self, flow: Flow, why: str) -> None:
        flow.status, flow.attempts = "running", 0
        pause = timedelta(milliseconds=self._settings.saga_backoff_ms[0])
        saga.wait(flow, self.book.booked_at, self.book.booked_at + pause, why)
        self._moved[flow.id] = flow

    def _park(self, flow: Flow, finding: DisputeNotBookable) -> None:
        """What contradicts what was booked, only people can clear up."""
        saga.park(flow, self.book.booked_at, finding.message)
        self._moved[flow.id] = flow

    def _begin(self, report: ReportDispute, dispute_id: UUID) -> Flow:
        plan = WatchPlan(report.processor, report.state.id, dispute_id, report.payment_id)
        flow = saga.new_flow(
            self._tx,
            report,
            look_at_processor,
            flow_id=report.watch_id,
            object_id=dispute_id,
            data=plan_text(plan),
            leased=False,
        )
        flow.region = self.region
        self.flows[flow.id] = self._begun[flow.id] = flow
        return flow


async def load_batch(
    tx: Tx,
    region: str,
    moving: Moving,
    report: Sequence[ReportDispute],
    *,
    payments: Collection[tuple[UUID, UUID]] = (),
    flows: Collection[tuple[UUID, UUID]] = (),
) -> DisputeBatch:
    """Lock and load payments, flows, disputes and accounts, in this order.

    Args:
        payments: (merchant, payment), beside those of the reports.
        flows: (merchant, flow), beside those that look at the reported disputes.
    """
    keys = {(t.merchant_id, t.payment_id) for t in report if t.payment_id is not None}
    keys |= await store.find_payments_of(tx, region, report)
    keys |= set(payments)
    await pull_payments(tx, region, moving, keys)
    locked = await lock_payments(tx, region, keys)
    watching = {(t.merchant_id, t.watch_id) for t in report} | set(flows)
    known_flows = await saga.lock_flows(tx, region, moving, watching)
    disputes = await store.lock_disputes_of_payments(tx, region, moving, keys)
    known = {_reference(d): d for d in disputes}
    charts = {
        account
        for t in report
        if t.payment_id is not None
        and (payment := locked.get((t.merchant_id, t.payment_id))) is not None
        and _may_book(t, known.get((t.merchant_id, t.processor, t.state.id)))
        for account in decisions.accounts_of(payment, region=region, stripe=stripe_of(tx))
    }
    book = await ledger.open_book(tx, region, (), charts, moving)
    return DisputeBatch(
        tx, region, payments=locked, flows=known_flows, disputes=disputes, book=book
    )


def _may_book(report: ReportDispute, known: Dispute | None) -> bool:
    """Whether a report may move money; hot accounts are locked only then."""
    if known is None or report.state.fee_minor > known.fee_minor:
        return True
    return report.state.status in FINAL and not known.is_final


def _reference(dispute: Dispute) -> tuple[UUID, str, str]:
    return dispute.merchant_id, dispute.processor, dispute.processor_reference


def _not_bookable(report: ReportDispute, why: str) -> DisputeNotBookable:
    return DisputeNotBookable(dispute=report.state.id[:64], processor=report.processor, why=why)


def dispute_event(dispute: Dispute, correlation_id: str, text: str, event_type: str) -> Fact:
    return Fact(
        merchant_id=dispute.merchant_id,
        type=event_type,
        object_id=dispute.id,
        sequence=dispute.version,
        data=text,
        correlation_id=correlation_id,
        created_at=dispute.updated_at,
    )
