"""A bank that asks first: an inquiry is answered, and may become a dispute that is asked again."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.base import clock
from app.domains.disputes import bookings
from app.domains.disputes import steps as disputes
from app.domains.disputes.asks import EvidenceAnswer
from app.domains.disputes.model import DUE_SOON
from app.engine.saga import Flow
from app.processors import Verdict
from tests.disputes.support import FEE, Stall
from tests.disputes.test_looking import look, near, watch_of
from tests.support import books
from tests.support.databases import execute
from tests.support.tables import Row, table

TAKEN = Verdict("approved", processor_reference="dp_1")


async def asked(stall: Stall) -> tuple[UUID, UUID]:
    """A payment that a bank asks about, and the inquiry, with evidence."""
    payment = await stall.pay()
    dispute_id = await stall.dispute(payment, fee=0, inquiry=True)
    await stall.add(dispute_id)
    return payment, dispute_id


async def begin(stall: Stall, dispute_id: UUID) -> Flow:
    """The flow of an answer that has just begun."""
    (answer,) = await stall.run(disputes.submit_evidence, stall.answer(dispute_id))
    assert answer.status == 202, answer.body
    flow: Flow | None = answer.flow
    assert flow is not None
    return flow


async def submit(stall: Stall, dispute_id: UUID, told: Any) -> dict[str, Any]:
    """The dispute after its evidence was taken, and this was told of it."""
    flow = await begin(stall, dispute_id)
    said = EvidenceAnswer(TAKEN, stall.told(told) if told else None)
    (answer,) = await stall.book(bookings.book_answers, (flow, said))
    body: dict[str, Any] = json.loads(answer.body)
    return body


@pytest.mark.parametrize("days", [3, 7, 20])
async def test_an_answered_inquiry_that_becomes_a_dispute_is_answered_again(
    stall: Stall, days: int
) -> None:
    """Whatever its new deadline is, evidence is taken until then, and the outcome is booked."""
    payment, dispute_id = await asked(stall)
    reviewed = stall.state(payment, "under_review", fee=0, inquiry=True)
    first = await submit(stall, dispute_id, reviewed)
    assert first["status"] == "under_review"
    due_at = stall.due_in(days)

    (dispute,) = await stall.tell(stall.state(payment, due_at=due_at))

    assert dispute["status"] == "needs_response"
    assert dispute["evidence"]["submitted_at"] == first["evidence"]["submitted_at"]
    assert stall.one("SELECT due_at FROM disputes WHERE merchant_id = %s") == due_at
    assert near((await watch_of(stall)).next_attempt_at, due_at - DUE_SOON)
    await stall.tell(reviewed)  # learned too late: it changes nothing
    assert (await stall.add(dispute_id, "Really.")).status == 201
    again = await submit(stall, dispute_id, stall.state(payment, "under_review", due_at=due_at))
    assert again["status"] == "under_review"
    assert again["evidence"]["submitted_at"] > first["evidence"]["submitted_at"]
    await stall.tell(stall.state(payment, "won", due_at=due_at))
    assert stall.events(dispute_id) == [
        "dispute.opened", "dispute.updated", "dispute.evidence_submitted", "dispute.updated",
        "dispute.updated", "dispute.evidence_submitted", "dispute.won",
    ]  # fmt: skip


async def test_a_look_finds_out_and_reminds_again(stall: Stall) -> None:
    """Nobody told us that an inquiry became a dispute: the daily look does, and its end is near."""
    payment = await stall.pay()
    soon = clock.now() + timedelta(hours=20)
    inquiry: dict[str, Any] = {"fee": 0, "inquiry": True, "due_at": soon}
    dispute_id = await stall.dispute(payment, **inquiry)
    await look(stall, stall.state(payment, **inquiry))
    await stall.tell(stall.state(payment, "under_review", **inquiry))
    later = soon + timedelta(hours=1)

    flow = await look(stall, stall.state(payment, due_at=later))

    assert near(flow.next_attempt_at, later)
    assert stall.events(dispute_id) == [
        "dispute.opened", "dispute.evidence_due_soon", "dispute.updated", "dispute.updated",
        "dispute.evidence_due_soon",
    ]  # fmt: skip


@table("""
    told            status
    none            needs_response
    under_review    under_review
    needs_response  needs_response
""")
async def test_a_dispute_from_an_inquiry_that_is_being_answered(row: Row, stall: Stall) -> None:
    """An answer to the inquiry is none to the dispute, unless the processor says that it is."""
    payment, dispute_id = await asked(stall)
    flow = await begin(stall, dispute_id)
    due_at = stall.due_in(20)
    await stall.tell(stall.state(payment, due_at=due_at))
    told = None
    if row.told != "none":
        told = stall.told(stall.state(payment, row.told, due_at=due_at))

    (answer,) = await stall.book(bookings.book_answers, (flow, EvidenceAnswer(TAKEN, told)))

    body = json.loads(answer.body)
    assert body["status"] == row.status
    assert body["evidence"]["submitted_at"] is not None


async def test_what_comes_between_the_answer_and_the_look_counts(stall: Stall) -> None:
    """A processor that takes evidence and asks for more at once is answered once more."""
    payment, dispute_id = await asked(stall)

    dispute = await submit(stall, dispute_id, stall.state(payment, due_at=stall.due_in(20)))

    assert dispute["status"] == "needs_response"
    await begin(stall, dispute_id)


async def test_an_inquiry_that_is_closed_costs_nothing(stall: Stall) -> None:
    """Its amount was held meanwhile, and is the merchant's again."""
    payment, dispute_id = await asked(stall)
    assert stall.balances()["disputes_held"] == 1_000

    await stall.tell(stall.state(payment, "won", fee=0, inquiry=True))

    assert stall.balances() == {"processor_receivable": 1_000, "merchant_pending": 1_000}
    assert "payment.disputed" not in stall.events(payment)
    assert stall.events(dispute_id)[-1] == "dispute.won"


@table("""
    told            inquiry  available  receivable  disputed
    won             yes          -1000           0  no          -- the usual end of it
    won             no           -2500           0  no          -- it became a dispute all the same
    lost            no           -3500       -1000  yes
    needs_response  no           -3500           0  yes
""")
async def test_a_refund_ends_an_inquiry(row: Row, stall: Stall) -> None:
    """The payer is given the money back; whatever the bank makes of it then is booked."""
    payment, _ = await asked(stall)
    assert (await stall.refund(payment, 1_000)).status == 201
    assert stall.balances()["disputes_held"] == 1_000

    is_inquiry = row.inquiry == "yes"
    fee = 0 if is_inquiry else FEE
    (dispute,) = await stall.tell(stall.state(payment, row.told, fee=fee, inquiry=is_inquiry))

    assert dispute["status"] == row.told
    balances = stall.balances()
    assert balances["merchant_available"] == row.available
    assert balances.get("processor_receivable", 0) == row.receivable
    disputed = stall.one("SELECT disputed FROM payments WHERE merchant_id = %s")
    assert disputed is (row.disputed == "yes")


async def test_a_payment_is_disputed_when_the_inquiry_becomes_a_dispute(stall: Stall) -> None:
    """Until then it can be refunded, and from then on not."""
    payment, _ = await asked(stall)
    assert "payment.disputed" not in stall.events(payment)
    assert (await stall.refund(payment, 100)).status == 201

    await stall.tell(stall.state(payment, due_at=stall.due_in(20)))

    assert stall.events(payment)[-1] == "payment.disputed"
    refused = await stall.refund(payment, 100)
    assert json.loads(refused.body)["code"] == "payment_disputed"


async def test_a_payment_that_an_earlier_version_marked_is_marked_anew(stall: Stall) -> None:
    """The next look at an inquiry frees a payment that was said to be disputed by it."""
    payment, _ = await asked(stall)
    execute(
        stall.database.url,
        "UPDATE payments SET disputed = TRUE WHERE merchant_id = %s",
        [stall.merchant_id],
    )

    await stall.tell(stall.state(payment, fee=0, inquiry=True))

    assert stall.events(payment)[-1] == "payment.undisputed"


@pytest.fixture(scope="module", autouse=True)
def _books(url: str) -> Iterator[None]:
    """After all stories of this file the books of the whole database are in order."""
    yield
    asyncio.run(books.assert_in_order(url))
