"""The flow that looks at each dispute until it is decided: reminders, deadlines, lost news."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.base import clock
from app.domains.disputes import bookings
from app.domains.disputes.asks import look_at_processor
from app.domains.disputes.model import DUE_SOON, REVIEW_PAUSE, REVIEW_TIME_MAX
from app.engine.saga import Flow
from app.engine.saga.store import find_flow
from app.processors import DisputeState, Verdict
from tests.disputes.support import REGION, Stall
from tests.support.databases import execute

SLACK = timedelta(minutes=5)  # between an instant of the product's and the test's own clock
NOT_YET = timedelta(days=3)


async def watch_of(stall: Stall) -> Flow:
    """The only flow that looks at a dispute of the merchant's."""
    flow_id = stall.one("SELECT id FROM sagas WHERE merchant_id = %s AND name = 'dispute'")
    flow = await find_flow(stall.database, [REGION], stall.merchant_id, flow_id)
    assert flow is not None
    return flow


async def look(stall: Stall, result: DisputeState | Verdict) -> Flow:
    """The flow after a look that brought this back."""
    flow = await watch_of(stall)
    assert flow.recovery_point == look_at_processor.name
    told: Any = result
    if isinstance(result, DisputeState):
        told = msgspec.structs.replace(stall.told(result), dispute_id=flow.object_id)
    (answer,) = await stall.book(bookings.book_looks, (flow, told))
    flow = await watch_of(stall)
    assert (answer.status, answer.body) == (200, flow.status)
    return flow


async def opened(stall: Stall, due_in: timedelta) -> tuple[UUID, UUID, datetime]:
    """A payment, its dispute, and when evidence is due."""
    due_at = clock.now() + due_in
    payment = await stall.pay()
    return payment, await stall.dispute(payment, due_at=due_at), due_at


def near(one: datetime, other: datetime) -> bool:
    """Whether two instants are the same but for what the test itself takes."""
    return abs(one - other) < SLACK


async def test_the_first_look_is_a_day_before_evidence_is_due(stall: Stall) -> None:
    """Nobody looks before there may be something to do, whoever dies meanwhile."""
    _, _, due_at = await opened(stall, timedelta(days=7))

    flow = await watch_of(stall)

    assert flow.status == "running"
    assert flow.lease_until is None
    assert near(flow.next_attempt_at, due_at - DUE_SOON)


async def test_a_merchant_is_reminded_once(stall: Stall) -> None:
    """A day before its time runs out a merchant is reminded, and then not any more."""
    payment, dispute_id, due_at = await opened(stall, timedelta(hours=20))
    still = stall.state(payment, due_at=due_at)
    assert near((await watch_of(stall)).next_attempt_at, clock.now())

    flow = await look(stall, still)
    assert near(flow.next_attempt_at, due_at)

    await look(stall, still)
    assert stall.events(dispute_id) == ["dispute.opened", "dispute.evidence_due_soon"]


async def test_a_merchant_is_reminded_though_the_processor_is_silent(stall: Stall) -> None:
    """The reminder does not wait for a processor that does not answer; the next look comes soon."""
    _, dispute_id, _ = await opened(stall, timedelta(hours=20))

    flow = await look(stall, Verdict("unknown", code="timeout"))

    assert stall.events(dispute_id) == ["dispute.opened", "dispute.evidence_due_soon"]
    assert (flow.status, flow.attempts, flow.note) == ("running", 1, "unknown: timeout")
    assert near(flow.next_attempt_at, clock.now())


async def test_more_time_means_another_reminder(stall: Stall) -> None:
    """A processor that gives more time is believed, and the merchant is reminded of the new end."""
    payment, dispute_id, due_at = await opened(stall, timedelta(hours=20))
    await look(stall, stall.state(payment, due_at=due_at))
    later = due_at + timedelta(days=5)

    flow = await look(stall, stall.state(payment, due_at=later))

    assert near(flow.next_attempt_at, later - DUE_SOON)
    await stall.tell(stall.state(payment, due_at=due_at))  # learned too late: it changes nothing
    assert stall.one("SELECT due_at FROM disputes WHERE merchant_id = %s") == later
    assert stall.events(dispute_id)[-1] == "dispute.updated"


async def test_a_deadline_decides_nothing(stall: Stall) -> None:
    """An overdue dispute is looked at until the processor says that it is lost."""
    payment, dispute_id, due_at = await opened(stall, timedelta(hours=-1))
    overdue = stall.state(payment, due_at=due_at)

    flow = await look(stall, overdue)

    assert stall.events(dispute_id) == ["dispute.opened"]
    assert (flow.status, flow.attempts) == ("running", 1)
    assert flow.note is not None
    assert "overdue" in flow.note

    flow = await look(stall, stall.state(payment, "lost", due_at=due_at))
    assert flow.status == "done"
    assert stall.events(dispute_id) == ["dispute.opened", "dispute.lost"]


async def test_what_is_under_review_is_looked_at_daily(stall: Stall) -> None:
    """A decision that nobody told us of is found out within a day."""
    payment, dispute_id, due_at = await opened(stall, timedelta(days=7))
    await stall.tell(stall.state(payment, "under_review", due_at=due_at))
    assert near((await watch_of(stall)).next_attempt_at, clock.now() + REVIEW_PAUSE)

    flow = await look(stall, stall.state(payment, "won", due_at=due_at))

    assert flow.status == "done"
    assert stall.events(dispute_id)[-1] == "dispute.won"


async def test_a_decision_that_is_told_ends_the_flow(stall: Stall) -> None:
    """After a notification of the end nobody looks again; one that just looked changes nothing."""
    payment, dispute_id, due_at = await opened(stall, timedelta(days=7))
    before = await watch_of(stall)
    await stall.tell(stall.state(payment, "lost", due_at=due_at))
    assert (await watch_of(stall)).status == "done"

    told = stall.told(stall.state(payment, due_at=due_at))
    await stall.book(bookings.book_looks, (before, told))

    assert (await watch_of(stall)).status == "done"
    assert stall.events(dispute_id) == ["dispute.opened", "dispute.lost"]


async def test_a_review_of_a_year_is_for_people(stall: Stall) -> None:
    """A dispute that is never decided is not looked at for ever."""
    payment, _, due_at = await opened(stall, timedelta(days=7))
    reviewed = stall.state(payment, "under_review", due_at=due_at)
    await stall.tell(reviewed)
    execute(
        stall.database.url,
        "UPDATE sagas SET created_at = created_at - %s WHERE merchant_id = %s",
        [REVIEW_TIME_MAX + SLACK, stall.merchant_id],
    )

    flow = await look(stall, reviewed)

    assert flow.status == "parked"
    assert flow.note == "nobody has decided for a year"


async def test_an_unanswered_look_is_repeated_and_parked(stall: Stall) -> None:
    """Looks in vain come with growing pauses, and a parked flow goes on at the next news."""
    payment, _, due_at = await opened(stall, NOT_YET)
    most = stall.database.settings.saga_attempts_max
    for attempt in range(1, most):
        flow = await look(stall, Verdict("unknown", code="timeout"))
        assert (flow.status, flow.attempts) == ("running", attempt)

    flow = await look(stall, Verdict("unknown", code="timeout"))
    assert flow.status == "parked"

    await stall.tell(stall.state(payment, due_at=due_at))
    flow = await watch_of(stall)
    assert (flow.status, flow.attempts) == ("running", 0)
    assert near(flow.next_attempt_at, due_at - DUE_SOON)


async def test_a_finding_heals_when_the_payment_catches_up(stall: Stall) -> None:
    """A dispute that was told before its capture was booked is opened by the next look."""
    payment = await stall.pay(1_000)
    early: dict[str, Any] = {"amount": 1_500, "due_at": clock.now() + NOT_YET}
    (answer,) = await stall.tell(stall.state(payment, **early))
    assert answer["code"] == "dispute_not_bookable"
    still_early = await look(stall, stall.state(payment, **early))
    assert (still_early.status, still_early.attempts) == ("running", 1)

    execute(
        stall.database.url,
        "UPDATE payments SET amount_minor = 1500, amount_captured_minor = 1500 WHERE id = %s",
        [payment],
    )
    flow = await look(stall, stall.state(payment, **early))

    assert (flow.status, flow.attempts) == ("running", 0)
    assert near(flow.next_attempt_at, early["due_at"] - DUE_SOON)
    assert stall.one("SELECT id FROM disputes WHERE merchant_id = %s") == flow.object_id
    assert stall.balances()["disputes_held"] == 1_500


@pytest.mark.parametrize("told_first", [True, False])
async def test_two_that_learn_of_it_at_once_open_it_once(stall: Stall, told_first: bool) -> None:
    """A notification and a look that say the same are one dispute, whoever is first."""
    payment = await stall.pay(1_000)
    early = stall.state(payment, amount=1_500)
    await stall.tell(early)
    flow = await watch_of(stall)
    fits = stall.state(payment)
    news = stall.tell(fits)
    if told_first:
        await news
        await stall.book(bookings.book_looks, (flow, stall.told(fits)))
    else:
        await stall.book(bookings.book_looks, (flow, stall.told(fits)))
        await news

    assert stall.one("SELECT count(*) FROM disputes WHERE merchant_id = %s") == 1
    assert stall.balances()["disputes_held"] == 1_000
