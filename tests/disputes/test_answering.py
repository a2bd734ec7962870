"""Merchants' answers to disputes: evidence submitted, or the dispute accepted."""

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec

from app.base import clock
from app.domains.disputes import bookings
from app.domains.disputes import steps as disputes
from app.domains.disputes.asks import EvidenceAnswer
from app.domains.disputes.steps import add_evidence
from app.engine import idempotency
from app.engine.idempotency import Answer
from app.engine.saga import Flow
from app.processors import Verdict
from tests.disputes.support import REGION, Stall
from tests.support import books

TAKEN = Verdict("approved", processor_reference="dp_1")
REFUSED = Verdict("declined", code="dispute_closed")


async def begun(stall: Stall, saga: Any = disputes.submit_evidence) -> tuple[UUID, UUID, Flow, Any]:
    """A payment, its dispute with evidence, and the flow and command of an answer."""
    payment = await stall.pay()
    dispute_id = await stall.dispute(payment)
    await stall.add(dispute_id)
    command = stall.answer(dispute_id)
    (answer,) = await stall.run(saga, command)
    assert answer.status == 202
    assert answer.flow is not None
    return payment, dispute_id, answer.flow, command


async def kept(stall: Stall, command: Any) -> Answer:
    """What is kept under a command's key."""
    answer = await idempotency.find_answer(
        stall.database, [REGION], stall.merchant_id, command.intent
    )
    assert answer is not None
    return answer


async def test_evidence_that_is_taken_is_under_review(stall: Stall) -> None:
    """When the processor takes the evidence the bank reviews it, and the key has its answer."""
    payment, dispute_id, flow, command = await begun(stall)
    told = stall.told(stall.state(payment, "under_review"))

    (answer,) = await stall.book(bookings.book_answers, (flow, EvidenceAnswer(TAKEN, told)))

    assert json.loads(answer.body)["status"] == "under_review"
    assert json.loads(answer.body)["evidence"]["submitted_at"] is not None
    assert stall.events(dispute_id)[-1] == "dispute.evidence_submitted"
    final = await kept(stall, command)
    assert (final.status, final.body) == (200, answer.body)


async def test_evidence_is_taken_though_nobody_can_look(stall: Stall) -> None:
    """What the processor has taken it has, even if it says nothing more just then."""
    _, dispute_id, flow, _ = await begun(stall)

    (answer,) = await stall.book(bookings.book_answers, (flow, EvidenceAnswer(TAKEN, None)))

    assert json.loads(answer.body)["status"] == "under_review"
    assert stall.events(dispute_id)[-1] == "dispute.evidence_submitted"


async def test_evidence_that_wins_at_once(stall: Stall) -> None:
    """A decision that was made by the time of the look is booked with the answer."""
    payment, dispute_id, flow, _ = await begun(stall)
    told = stall.told(stall.state(payment, "won"))

    (answer,) = await stall.book(bookings.book_answers, (flow, EvidenceAnswer(TAKEN, told)))

    assert json.loads(answer.body)["status"] == "won"
    assert stall.events(dispute_id)[-2:] == ["dispute.evidence_submitted", "dispute.won"]
    assert "disputes_held" not in stall.balances()


async def test_evidence_that_comes_too_late_is_refused(stall: Stall) -> None:
    """Where the bank has decided meanwhile the answer is refused, and its decision is booked."""
    payment, dispute_id, flow, command = await begun(stall)
    told = stall.told(stall.state(payment, "lost"))

    (answer,) = await stall.book(bookings.book_answers, (flow, EvidenceAnswer(REFUSED, told)))

    assert answer.status == 409
    assert json.loads(answer.body)["code"] == "dispute_response_refused"
    assert stall.events(dispute_id)[-1] == "dispute.lost"
    assert (await kept(stall, command)).body == answer.body


async def test_a_refused_answer_can_be_given_again(stall: Stall) -> None:
    """After a refusal that decided nothing the merchant may answer once more."""
    payment, dispute_id, flow, _ = await begun(stall)
    told = stall.told(stall.state(payment))

    await stall.book(bookings.book_answers, (flow, EvidenceAnswer(REFUSED, told)))

    assert (await stall.add(dispute_id)).status == 201
    (again,) = await stall.run(disputes.submit_evidence, stall.answer(dispute_id))
    assert again.status == 202


async def test_accepting_loses(stall: Stall) -> None:
    """An accepted dispute is lost, as the processor says, and the merchant's key has its answer."""
    payment, dispute_id, flow, command = await begun(stall, disputes.accept_disputes)
    told = stall.told(stall.state(payment, "lost"))

    (answer,) = await stall.book(bookings.book_answers, (flow, EvidenceAnswer(TAKEN, told)))

    assert json.loads(answer.body)["status"] == "lost"
    assert stall.events(dispute_id)[-1] == "dispute.lost"
    assert (await kept(stall, command)).status == 200
    ((status, *_),) = stall.flows("dispute")
    assert status == "done"


async def test_an_answer_that_is_booked_twice_counts_once(stall: Stall) -> None:
    """Two processes that drive the same flow book its answer once."""
    payment, dispute_id, flow, _ = await begun(stall)
    told = stall.told(stall.state(payment, "under_review"))
    said = EvidenceAnswer(TAKEN, told)

    first, second = await stall.book(bookings.book_answers, (flow, said), (flow, said))
    (third,) = await stall.book(bookings.book_answers, (flow, said))

    assert first.body == second.body == third.body
    assert stall.events(dispute_id).count("dispute.evidence_submitted") == 1


async def test_one_answer_at_a_time(stall: Stall) -> None:
    """Of answers that race one is begun, and the others wait for it."""
    payment = await stall.pay()
    dispute_id = await stall.dispute(payment)
    await stall.add(dispute_id)

    answers = await asyncio.gather(
        *[stall.run(disputes.submit_evidence, stall.answer(dispute_id)) for _ in range(4)],
        *[stall.run(disputes.accept_disputes, stall.answer(dispute_id)) for _ in range(4)],
    )

    told = [answer for (answer,) in answers]
    begun_ = [answer for answer in told if answer.status == 202]
    waiting = [answer for answer in told if answer.waits_for is not None]
    assert (len(begun_), len(waiting)) == (1, 7)
    assert {answer.waits_for for answer in waiting} == {begun_[0].flow.id}


async def test_one_key_begins_one_answer(stall: Stall) -> None:
    """A request that is repeated gets the first one's answer, and begins nothing."""
    _, _, flow, command = await begun(stall)

    again = msgspec.structs.replace(command, flow_id=stall.answer(command.dispute_id).flow_id)
    (answer,) = await stall.run(disputes.submit_evidence, again)

    assert (answer.status, answer.replayed, answer.flow) == (202, True, None)
    assert len(stall.flows("evidence")) == 1
    assert flow.id == command.flow_id


async def test_evidence_has_limits(stall: Stall) -> None:
    """Pieces and characters are limited, however many arrive at once."""
    dispute_id = await stall.dispute(await stall.pay())
    pieces = [stall.piece(dispute_id, "x" * 1_000) for _ in range(12)]
    files = [stall.piece(dispute_id, "%PDF-", "application/pdf") for _ in range(12)]

    texts = await stall.run(disputes.add_evidence, *pieces)
    more = await stall.run(disputes.add_evidence, *files)

    assert [answer.status for answer in texts] == [201] * 10 + [409] * 2
    assert [answer.status for answer in more] == [201] * 10 + [409] * 2
    assert json.loads(more[-1].body)["code"] == "evidence_limit"
    assert stall.one("SELECT evidence_count FROM disputes WHERE merchant_id = %s") == 20
    assert stall.one("SELECT count(*) FROM dispute_evidence WHERE merchant_id = %s") == 20
    await books.assert_in_order(stall.database.url)


async def test_large_pieces_share_a_commit_of_a_few(stall: Stall) -> None:
    """No batch of evidence is larger than what a commit takes quickly."""
    dispute_id = await stall.dispute(await stall.pay())
    commands = [stall.piece(dispute_id, "x") for _ in range(20)]

    receipt = await stall.group.submit(
        add_evidence, REGION, commands, deadline=clock.monotonic() + 60
    )

    assert receipt.batch_size == 16
    assert len(receipt.outcomes) == 20
