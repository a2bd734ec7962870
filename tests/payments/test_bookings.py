"""What becomes of the flow of a new payment, and of its key, once a processor has spoken."""

from datetime import timedelta

from app.base import ids
from app.domains.payments import bookings
from app.domains.payments.batch import PaymentBatch
from app.domains.payments.decisions import Next
from app.domains.payments.model import OpenPlan, plan_of, plan_text
from app.engine.saga import Flow
from app.processors import Verdict
from tests.payments.desk import AMOUNT, MERCHANT, NOW, Desk
from tests.support.tables import Row, table


def _flow(desk: Desk, plan: OpenPlan, *, age: timedelta = timedelta(), attempts: int = 0) -> Flow:
    """The flow of the desk's payment, begun some time ago."""
    return Flow(
        region="local",
        merchant_id=MERCHANT,
        id=ids.new(),
        name="authorization",
        object_id=desk.payment.id,
        recovery_point="ask_authorization",
        status="running",
        attempts=attempts,
        data=plan_text(plan),
        note=None,
        key_id=ids.new(),
        correlation_id="req_1",
        created_at=NOW - age,
        updated_at=NOW - age,
        next_attempt_at=NOW - age,
        lease_until=NOW,
    )


def _plan(method: str = "card", *, asked: bool = False) -> OpenPlan:
    return OpenPlan(method, "first", AMOUNT, "USD", capture=True, asked=asked)


def _work(desk: Desk, flow: Flow) -> PaymentBatch:
    return PaymentBatch("local", {}, {}, desk.book, {flow.id: flow}, stripe=0)


@table("""
    method         age_min  attempts  for_min  attempts_then
    card                 0         0       15  0
    card                 5         0       10  0
    card                14         1        1  1
    card                15         2       15  1              -- it has had its time: asked again
    card                40         5       15  1
    bank_transfer        0         0     1440  0
    bank_transfer      600         1      840  1
    bank_transfer     1440         1     1440  1
""")
def test_a_payer_has_time_to_act(row: Row) -> None:
    """A flow waits from its beginning for as long as its payer has, and from then on anew."""
    desk = Desk("requires_action")
    flow = _flow(desk, _plan(row.method), age=timedelta(minutes=row.age_min), attempts=row.attempts)
    work = _work(desk, flow)

    verdict = Verdict("requires_action")
    bookings._go_on(work, flow, desk.payment, Next.WAIT, result=verdict, text="{}")

    assert flow.next_attempt_at == NOW + timedelta(minutes=row.for_min)
    assert flow.attempts == row.attempts_then
    assert (flow.status, flow.lease_until) == ("running", None)
    assert plan_of(flow, OpenPlan).asked
    assert [answer.status for answer in work.answers] == [201]
    assert [(key, answer.body) for _, key, answer in work.final] == [(flow.key_id, "{}")]


@table("""
    then         state     asked  answer  key        flow
    end          captured      0     201  final      done
    end          captured      1     201  -          done      -- the key has its answer already
    end          declined      0     402  final      done
    end          failed        0     402  final      done
    release_key  failed        0     502  released   done      -- the same key may be used again
    release_key  failed        1     402  -          done      -- its answer was given: it is over
""")
def test_a_key_keeps_what_was_decided(row: Row) -> None:
    """A key gets one final answer, or is free again where surely nothing was done."""
    desk = Desk(row.state)
    flow = _flow(desk, _plan(asked=bool(row.asked)))
    work = _work(desk, flow)

    then = Next(row.then)
    bookings._go_on(work, flow, desk.payment, then, result=Verdict("approved"), text="{}")

    assert [answer.status for answer in work.answers] == [row.answer]
    assert len(work.final) == (row.key == "final")
    assert len(work.released_keys) == (row.key == "released")
    assert flow.status == row.flow


@table("""
    canceled  amount  note
    yes         1000  canceled_meanwhile
    no           900  approved_for_900
    no          1000  cannot_be_booked
    no             -  cannot_be_booked
""")
def test_people_read_why_an_approval_is_undone(row: Row) -> None:
    """The flow goes on with the reversal, in the same hands, and its note has the reason."""
    desk = Desk("processing")
    desk.rail.cancel_requested = row.canceled == "yes"
    flow = _flow(desk, _plan(asked=False))
    work = _work(desk, flow)

    verdict = Verdict("approved", amount_minor=row.amount)
    bookings._go_on(work, flow, desk.payment, Next.UNDO, result=verdict, text="{}")

    assert flow.recovery_point == "ask_reversal"
    assert flow.note == row.note.replace("_", " ")
    assert [answer.flow for answer in work.answers] == [flow]
