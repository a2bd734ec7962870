"""What a batch of commands on payments has loaded and decided so far.

Rows are locked in one order everywhere: payments, flows, refunds, holds, accounts, each in id
order.
"""

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from app.base import ids
from app.base.errors import InvariantViolated, PlatformError
from app.domains import ledger
from app.domains.ledger import Book, Hold
from app.domains.ledger.model import STRIPES, ChartAccount
from app.domains.payments import model, store
from app.domains.payments.commands import OnPayment
from app.domains.payments.errors import PaymentBusy, PaymentNotFound
from app.domains.payments.model import Payment, Refund
from app.domains.payments.views import payment_text, refund_text
from app.engine import events, idempotency, saga
from app.engine.database import Moving, Tx
from app.engine.events import Fact
from app.engine.idempotency import Answer, refusal
from app.engine.saga import Booking, Flow


class PaymentBatch:
    """Payments, their holds, flows and refunds, and what becomes of them."""

    def __init__(
        self,
        region: str,
        payments: dict[tuple[UUID, UUID], Payment],
        holds: dict[UUID, Hold],
        book: Book,
        flows: dict[UUID, Flow],
        *,
        stripe: int,
    ) -> None:
        self.region = region
        self.stripe = stripe
        """Which stripe of the platform's accounts is in the book."""
        self.payments = payments
        self.holds = holds
        self.book = book
        self.flows = flows
        """Flows that go on, locked."""
        self.answers: list[Answer] = []
        self.facts: list[Fact] = []
        self.changed: dict[UUID, Payment] = {}
        self.begun: list[Flow] = []
        self.moved_on: dict[UUID, Flow] = {}
        self.final: list[tuple[UUID, UUID, Answer]] = []
        """(merchant, key) of flows that ended, and what is kept there from now on."""
        self.released_keys: list[tuple[UUID, UUID]] = []
        self.refunds: dict[UUID, Refund] = {}

    def find(self, command: OnPayment) -> tuple[Payment | None, Hold | None]:
        """The payment a command is about, and its hold."""
        payment = self.payments.get((command.merchant_id, command.payment_id))
        return payment, self.hold_of(payment)

    def hold_of(self, payment: Payment | None) -> Hold | None:
        return self.holds.get(payment.hold_id) if payment and payment.hold_id else None

    def refuse(self, command: OnPayment, error: PlatformError) -> None:
        self.answers.append(refusal(error, command.correlation_id))

    def wait_for(self, command: OnPayment, payment: Payment) -> bool:
        """Whether a command has to wait, because a flow is under way on the payment.

        Not for a payer, who may take long to act; until then the payment's status answers.
        """
        if payment.operation_id is None or payment.status == "requires_action":
            return False
        busy = refusal(PaymentBusy(payment=payment.name), command.correlation_id)
        self.answers.append(Answer(busy.status, busy.body, waits_for=payment.operation_id))
        return True

    def settle(
        self,
        command: OnPayment,
        payment: Payment,
        error: PlatformError | None,
        event_type: str,
        answer: Answer | None = None,
    ) -> None:
        """Note the outcome of one command: a refusal, or a changed payment with its event."""
        if error is not None:
            self.refuse(command, error)
            return
        text = self.note(payment, command.correlation_id, event_type)
        self.answers.append(answer or Answer(200, text))

    def note(self, payment: Payment, correlation_id: str, event_type: str) -> str:
        """Note a changed payment with its event; returns its text."""
        text = payment_text(payment)
        self.changed[payment.id] = payment
        self.facts.append(payment_event(payment, correlation_id, text, event_type))
        return text

    def begin(self, payment: Payment, flow: Flow, text: str) -> None:
        """Begin a flow on a payment; the answer is provisional until it ends."""
        payment.operation_id = flow.id
        self.changed[payment.id] = payment
        self.begun.append(flow)
        self.answers.append(Answer(idempotency.PROVISIONAL, text, flow=flow))

    def end(self, flow: Flow, answer: Answer, *, answered: bool = False) -> None:
        """End a flow with its final answer; `answered`: the key has a final one already."""
        saga.end(flow, self.book.booked_at)
        self.moved_on[flow.id] = flow
        if flow.key_id is not None and not answered:
            self.final.append((flow.merchant_id, flow.key_id, answer))
        self.answers.append(answer)

    def release_key(self, flow: Flow, error: PlatformError) -> None:
        """End a flow that surely had no effect: its key can be used again."""
        saga.end(flow, self.book.booked_at, error.code)
        self.moved_on[flow.id] = flow
        if flow.key_id is not None:
            self.released_keys.append((flow.merchant_id, flow.key_id))
        self.answers.append(refusal(error, flow.correlation_id))

    def park(self, flow: Flow, payment: Payment, why: str) -> None:
        """Leave a flow to people; until they have looked at it nothing else runs on the payment."""
        flow.status, flow.note, flow.lease_until = "parked", why, None
        flow.updated_at = self.book.booked_at
        payment.operation_id = flow.id
        self.moved_on[flow.id] = flow
        self.answers.append(Answer(idempotency.PROVISIONAL, payment_text(payment)))

    def keep_on(self, flow: Flow, text: str, *, driven: bool) -> None:
        """Note that a flow has moved on; `driven` by the request that asks, or waiting."""
        self.moved_on[flow.id] = flow
        self.answers.append(Answer(idempotency.PROVISIONAL, text, flow=flow if driven else None))

    def note_refund(self, refund: Refund, correlation_id: str, event_type: str) -> str:
        """Note a refund with its event; returns its text."""
        text = refund_text(refund)
        self.refunds[refund.id] = refund
        self.facts.append(
            Fact(
                merchant_id=refund.merchant_id,
                type=event_type,
                object_id=refund.id,
                sequence=refund.version,
                data=text,
                correlation_id=correlation_id,
                created_at=self.book.booked_at,
            )
        )
        return text

    def write(self, tx: Tx) -> None:
        """Write what was decided; nothing is decided here any more."""
        payments = list(self.changed.values())
        ledger.write_book(tx, self.region, self.book)
        held = [self.holds[p.hold_id] for p in payments if p.hold_id in self.holds]
        ledger.update_holds(tx, self.region, held)
        store.update_payments(tx, self.region, payments)
        saga.insert_flows(tx, self.region, self.begun)
        saga.update_flows(tx, self.region, list(self.moved_on.values()))
        idempotency.answer(tx, self.region, self.final)
        idempotency.release_keys(tx, self.region, self.released_keys)
        events.append(tx, self.region, self.facts)


async def load(
    tx: Tx,
    region: str,
    moving: Moving,
    keys: Collection[tuple[UUID, UUID]],
    *,
    flows: Collection[tuple[UUID, UUID]] = (),
    fees: bool = False,
    held: bool = True,
    available: bool = False,
) -> PaymentBatch:
    """Lock and load payments, their flows, holds and accounts, in this order.

    Args:
        keys: (merchant, payment).
        flows: (merchant, flow) of those that go on.
        fees: captures, with their fees, may be booked.
        held: holds may change.
        available: refunds may be booked, or fail.
    """
    await store.pull_payments(tx, region, moving, keys)
    payments = await store.lock_payments(tx, region, keys)
    locked = await saga.lock_flows(tx, region, moving, flows)
    held_keys = [(p.merchant_id, p.hold_id) for p in payments.values() if held and p.hold_id]
    holds = await ledger.lock_holds(tx, region, held_keys)
    accounts = {(p.merchant_id, p.account_id) for p in payments.values()}
    stripe = stripe_of(tx)
    charts: set[ChartAccount] = set()
    for payment in payments.values():
        charts.add(model.captured_account(payment.merchant_id, payment.currency, payment.method))
        if available:
            charts.update(model.accounts_of_refund(payment, region, stripe))
        if fees:
            charts.update(model.accounts_of_capture(payment, region, stripe))
    book = await ledger.open_book(tx, region, accounts, charts, moving)
    return PaymentBatch(region, payments, holds, book, locked, stripe=stripe)


def each(
    batch: PaymentBatch, bookings: Sequence[Booking]
) -> Iterator[tuple[Booking, Flow, Payment]]:
    """The bookings that go on, each with its flow and payment as they are now.

    One whose flow has ended, or is in other hands, books nothing: its answer is kept elsewhere.
    """
    for booking in bookings:
        flow = batch.flows.get(booking.flow.id)
        payment = batch.payments.get((booking.merchant_id, booking.flow.object_id))
        if flow is None or payment is None:
            raise InvariantViolated(f"flow {booking.flow.id} has lost its payment")
        if not booking.counts_for(flow):
            batch.answers.append(Answer(idempotency.PROVISIONAL, payment_text(payment)))
        else:
            yield booking, flow, payment


def stripe_of(tx: Tx) -> int:
    """Which stripe of the hot platform accounts this writer uses."""
    return tx.writer.stripe % STRIPES


def not_found(command: OnPayment) -> PaymentNotFound:
    return PaymentNotFound(payment=ids.encode("payment", command.payment_id))


def payment_event(payment: Payment, correlation_id: str, text: str, event_type: str) -> Fact:
    return Fact(
        merchant_id=payment.merchant_id,
        type=event_type,
        object_id=payment.id,
        sequence=payment.version,
        data=text,
        correlation_id=correlation_id,
        created_at=payment.updated_at,
    )
