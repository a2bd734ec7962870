"""Every state of a dispute, and what each command makes of it."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from app.base import ids
from app.domains.disputes import steps as disputes
from app.domains.payments import steps as payments
from app.domains.payments.commands import RefundPayment
from app.engine.idempotency import Answer
from tests.disputes.support import FEE, REGION, Stall, intent
from tests.support.tables import Row, table

NEWS: dict[str, Callable[[Stall], dict[str, Any]]] = {
    "told_asked": lambda _: {"inquiry": True},
    "told_review_of_asked": lambda _: {"status": "under_review", "inquiry": True},
    "told_later": lambda stall: {"due_at": stall.due_in(8)},
    "told_earlier": lambda stall: {"due_at": stall.due_in(6)},
    "told_dearer": lambda _: {"fee": FEE + 1},
    "told_cheaper": lambda _: {"fee": 0},
}
"""What else may be told: that a bank only asks, that evidence is due at another time, a fee."""


async def prepare(stall: Stall, payment: UUID, state: str) -> UUID:
    """A dispute in a state; `overdue`, `submitting` and `answered` are ways to need a response."""
    if state == "none":
        return ids.new()
    due_at = stall.due_in(-1 if state == "overdue" else 7)
    inquiry = state in {"asked", "reasked", "closed"}
    dispute_id = await stall.dispute(payment, due_at=due_at, inquiry=inquiry)
    if state in {"answered", "submitting"}:
        await stall.add(dispute_id)
    if state == "submitting":
        (answer,) = await stall.run(disputes.submit_evidence, stall.answer(dispute_id))
        assert answer.status == 202
    if state in {"under_review", "won", "lost"}:
        await stall.tell(stall.state(payment, state, due_at=due_at))  # type: ignore[arg-type]
    if state in {"reasked", "closed"}:
        await stall.add(dispute_id)
        await stall.tell(stall.state(payment, "under_review", inquiry=True))
    if state == "reasked":
        await stall.tell(stall.state(payment, due_at=stall.due_in(6)))
    if state == "closed":
        await stall.tell(stall.state(payment, "won", inquiry=True))
    return dispute_id


async def command(stall: Stall, name: str, payment: UUID, dispute_id: UUID) -> Answer:
    """The answer to a command."""
    if name in NEWS:
        told = stall.told(stall.state(payment, **NEWS[name](stall)))
        (answer,) = await stall.run(disputes.apply_dispute_states, told)
    elif name.startswith("told_"):
        status: Any = name.removeprefix("told_")
        told = stall.told(stall.state(payment, status))
        (answer,) = await stall.run(disputes.apply_dispute_states, told)
    elif name == "add":
        answer = await stall.add(dispute_id)
    elif name == "submit":
        (answer,) = await stall.run(disputes.submit_evidence, stall.answer(dispute_id))
    elif name == "accept":
        (answer,) = await stall.run(disputes.accept_disputes, stall.answer(dispute_id))
    else:
        refund = RefundPayment(
            REGION, stall.merchant_id, intent("refund"), "req_refund", None, payment, ids.new(),
            ids.new(), None, None, {},
        )  # fmt: skip
        (answer,) = await stall.run(payments.refund_payments, refund)
    return answer


def outcome(answer: Answer, before: list[str], after: list[str]) -> str:
    """The refusal's code, or what became true."""
    if answer.status >= 400:
        return str(json.loads(answer.body)["code"])
    new = [event.rpartition(".")[2] for event in after[len(before) :]]
    return "+".join(new) or ("begun" if answer.status == 202 else "nothing")


@table("""
    state           command              result
    none            told_needs_response  opened
    none            told_under_review    opened
    none            told_won             opened+won
    none            told_lost            opened+lost
    none            add                  dispute_not_found
    none            submit               dispute_not_found
    none            accept               dispute_not_found
    none            refund               begun
    none            told_asked           opened
    needs_response  told_needs_response  nothing
    needs_response  told_asked           nothing                -- learned too late
    needs_response  told_later           updated
    needs_response  told_earlier         nothing
    needs_response  told_dearer          updated
    needs_response  told_cheaper         nothing
    needs_response  told_under_review    updated
    needs_response  told_won             won
    needs_response  told_lost            lost
    needs_response  add                  updated
    needs_response  submit               evidence_missing
    needs_response  accept               begun
    needs_response  refund               payment_disputed
    answered        told_needs_response  nothing
    answered        told_under_review    updated
    answered        told_won             won
    answered        told_lost            lost
    answered        add                  updated
    answered        submit               begun
    answered        accept               begun
    answered        refund               payment_disputed
    submitting      told_needs_response  nothing
    submitting      told_under_review    updated
    submitting      told_won             won
    submitting      told_lost            lost
    submitting      add                  dispute_busy
    submitting      submit               dispute_busy
    submitting      accept               dispute_busy
    submitting      refund               payment_disputed
    submitting      told_later           updated
    overdue         told_under_review    updated
    overdue         told_later           updated
    overdue         told_won             won
    overdue         told_lost            lost
    overdue         add                  evidence_overdue
    overdue         submit               evidence_overdue       -- before evidence_missing
    overdue         accept               evidence_overdue
    overdue         refund               payment_disputed
    under_review    told_needs_response  nothing                -- learned too late
    under_review    told_under_review    nothing
    under_review    told_won             won
    under_review    told_lost            lost
    under_review    add                  dispute_closed
    under_review    submit               dispute_closed
    under_review    accept               dispute_closed
    under_review    refund               payment_disputed
    under_review    told_later           updated                -- and evidence is taken again
    under_review    told_earlier         nothing
    under_review    told_asked           nothing
    under_review    told_dearer          updated
    asked           told_asked           nothing
    asked           told_review_of_asked  updated
    asked           told_needs_response  updated
    asked           told_earlier         updated                -- a deadline of its own
    asked           told_under_review    updated
    asked           told_won             won
    asked           add                  updated
    asked           accept               begun
    asked           refund               begun                  -- the usual way to end it
    reasked         refund               payment_disputed       -- it has become a dispute
    reasked         told_asked           nothing
    reasked         told_review_of_asked  nothing
    reasked         told_needs_response  updated                -- more time
    reasked         told_earlier         nothing
    reasked         told_lost            lost
    reasked         add                  updated
    reasked         submit               begun
    reasked         accept               begun
    closed          told_asked           nothing
    closed          told_needs_response  dispute_not_bookable   -- it was closed as an inquiry
    closed          told_lost            dispute_not_bookable
    closed          told_dearer          dispute_not_bookable
    closed          add                  dispute_closed
    closed          refund               begun
    won             told_later           nothing
    won             told_dearer          updated                -- it was withdrawn after all
    won             told_needs_response  nothing
    won             told_under_review    nothing
    won             told_won             nothing
    won             told_lost            dispute_not_bookable   -- it was won
    won             add                  dispute_closed
    won             submit               dispute_closed
    won             accept               dispute_closed
    won             refund               begun
    lost            told_later           nothing
    lost            told_dearer          updated
    lost            told_needs_response  nothing
    lost            told_under_review    nothing
    lost            told_won             dispute_not_bookable   -- it was lost
    lost            told_lost            nothing
    lost            add                  dispute_closed
    lost            submit               dispute_closed
    lost            accept               dispute_closed
    lost            refund               payment_disputed       -- the payer has the money
""")
async def test_each_command_in_each_state(row: Row, stall: Stall) -> None:
    """A command becomes true, changes nothing, or is refused, as the state says."""
    payment = await stall.pay()
    dispute_id = await prepare(stall, payment, row.state)
    known = dispute_id
    before = stall.events(dispute_id)

    answer = await command(stall, row.command, payment, dispute_id)

    if answer.status == 200 and row.state == "none":
        known = ids.decode("dispute", json.loads(answer.body)["id"])
    assert outcome(answer, before, stall.events(known)) == row.result
