"""What flows ask processors about payments, in which order, and what they make of the answers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from app.base import ids
from app.domains.payments import asks, bookings, steps
from app.domains.payments.asks import Undone
from app.domains.payments.commands import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.domains.payments.model import OpenPlan, Rail, plan_of, receivable_account
from app.engine.saga import Flow, Postpone
from app.processors import Verdict
from tests.disputes.support import ACQUIRER, REGION, Stall, intent
from tests.support.engine import opened
from tests.support.outside import Said, world_of
from tests.support.tables import Row, table

AMOUNT = 1_000
METHODS = {"card": "card", "bank": "bank_transfer"}
LATE = timedelta(days=2)  # whatever a payer has to do, the time for it is over


class Payments(Stall):
    """Payments over a processor, and the flows that ask it."""

    async def begin(self, method: str = "card", capture: str = "automatic") -> Flow:
        """The flow of a new payment, which nobody has asked for yet."""
        command = OpenPayment(
            **self.head(),
            payment_id=ids.new(),
            transfer_id=ids.new(),
            account_id=receivable_account(self.merchant_id, "EUR").id,
            amount_minor=AMOUNT,
            currency="EUR",
            capture=capture,
            description=None,
            metadata={},
            fee_bps=0,
            fee_fixed_minor=0,
            method=method,
            rail=Rail(route=(ACQUIRER,), brand="visa", last4="0259"),
        )
        (answer,) = await self.run(steps.open_payments, command)
        assert isinstance(answer.flow, Flow)
        return answer.flow

    async def paid(self, capture: str = "automatic") -> dict[str, Any]:
        """What a command on an approved payment has to say of it."""
        flow = await self.begin(capture=capture)
        verdict = Verdict("approved", processor_reference="au_1", amount_minor=AMOUNT)
        await self.book(bookings.book_authorizations, (flow, verdict))
        return self.head() | {"payment_id": flow.object_id, "transfer_id": ids.new()}

    def head(self) -> dict[str, Any]:
        """What every command has."""
        return {
            "region": REGION,
            "merchant_id": self.merchant_id,
            "intent": intent(str(ids.new())),
            "correlation_id": "req_1",
            "former_region": None,
        }

    async def flow_of(self, step: Any, command: Any) -> Flow:
        """The flow that a command begins."""
        (answer,) = await self.run(step, command)
        assert isinstance(answer.flow, Flow), answer.body
        return answer.flow


@asynccontextmanager
async def payments(url: str) -> AsyncIterator[Payments]:
    """A merchant's payments, on a database."""
    async with opened(url) as database:
        stall = await Payments.open(database)
        assert isinstance(stall, Payments)
        yield stall


def verdict(text: str) -> Verdict:
    """`outcome`, or `outcome:amount`."""
    outcome, _, amount = text.partition(":")
    made = {"outcome": outcome, "amount_minor": int(amount) if amount else None, "code": "why"}
    return msgspec.convert(made, Verdict)


def said_by(row: Row, find: str = "", ask: str = "") -> Said:
    """A processor that answers as a row says: `find=not_found,ask=approved:1000`.

    Args:
        find: the operation that asks what became of it.
        ask: the operation that asks for it.
    """
    names = {"find": find, "ask": ask, "reverse": "reverse"}
    pairs = (pair.split("=") for pair in str(row.processor).split(","))
    return Said(**{names[name]: verdict(text) for name, text in pairs})


def told(result: object) -> str:
    """What an external step brought back, as a word."""
    if isinstance(result, Postpone):
        return "postponed"
    if isinstance(result, Undone):
        return "undone"
    assert isinstance(result, Verdict)
    return result.outcome if result.code in {"why", None} else f"{result.outcome}:{result.code}"


@table("""
    method  who    when  cancel  processor                              result
    card    first  now   no      ask=approved:1000                      approved
    card    first  now   no      ask=unknown                            postponed
    card    first  now   no      ask=not_executed                       not_executed
    card    again  now   no      find=approved:1000                     approved
    card    again  now   no      find=not_found,ask=approved            approved
    card    again  now   no      find=not_found,ask=not_executed        postponed
    card    again  now   no      find=unknown                           postponed
    card    asked  now   no      find=requires_action                   requires_action
    card    asked  late  no      find=requires_action,reverse=approved  declined:action_expired
    card    asked  late  no      find=pending,reverse=unknown           postponed
    card    asked  late  no      find=approved:1000                     approved
    card    again  now   yes     reverse=not_found                      undone
    card    again  now   yes     reverse=approved                       undone
    card    again  now   yes     reverse=unknown                        postponed
    card    first  now   yes     ask=approved:1000                      approved
    bank    first  now   no      ask=requires_action                    requires_action
    bank    asked  now   no      find=pending                           pending
    bank    asked  now   no      find=approved:1000                     approved
    bank    asked  now   no      find=approved:999                      postponed
    bank    again  now   no      find=not_found,ask=pending             pending
    bank    again  now   no      find=unknown                           postponed
""")
async def test_an_authorization_is_asked_for(row: Row, shared_database_url: str) -> None:
    """Only whoever is surely the first asks without asking first what became of it."""
    async with payments(shared_database_url) as stall:
        flow = await stall.begin(METHODS[row.method])
        if row.cancel == "yes":
            release = ReleasePayment(
                **stall.head(), payment_id=flow.object_id, transfer_id=ids.new(), insist=True
            )
            await stall.run(steps.release_payments, release)
        if row.who == "asked":
            plan = msgspec.structs.replace(plan_of(flow, OpenPlan), asked=True)
            flow.data = msgspec.json.encode(plan).decode()
        flow.fresh = row.who != "again"
        flow.created_at -= LATE if row.when == "late" else timedelta(0)
        card, bank = ("find_authorization", "authorize"), ("find_transfer", "expect_transfer")
        said = said_by(row, *(bank if row.method == "bank" else card))

        result = await asks.ask_authorization(world_of(stall.database, stall.group, said), flow)

    assert told(result) == row.result
    assert said.asked == list(said.answers)


@table("""
    method  processor          result
    card    reverse=approved   undone
    card    reverse=not_found  undone
    card    reverse=declined   postponed
    bank    find=approved      postponed  -- nobody can send it back from here
    bank    find=unknown       postponed
    bank    find=pending       undone
    bank    find=declined      undone
""")
async def test_an_authorization_is_undone(row: Row, shared_database_url: str) -> None:
    """A card's is reversed; money that has come by a bank is for people."""
    async with payments(shared_database_url) as stall:
        flow = await stall.begin(METHODS[row.method])
        said = said_by(row, "find_transfer")

        result = await asks.ask_reversal(world_of(stall.database, stall.group, said), flow)

    assert told(result) == row.result
    assert said.asked == list(said.answers)


@table("""
    who    processor                        result
    first  ask=approved:400                 approved
    first  ask=approved:399                 approved      -- a part
    first  ask=approved:401                 postponed     -- more than was asked for
    first  ask=approved:0                   postponed
    first  ask=approved                     approved
    first  ask=declined:0                   declined
    first  ask=not_executed                 not_executed
    again  find=approved:400                approved
    again  find=not_found,ask=not_executed  postponed
""")
async def test_a_capture_is_asked_for(row: Row, shared_database_url: str) -> None:
    """What was captured is what was asked for or a part of it; all else is for people."""
    async with payments(shared_database_url) as stall:
        command = CapturePayment(**await stall.paid("manual"), amount_minor=400, final=False)
        flow = await stall.flow_of(steps.capture_payments, command)
        flow.fresh = row.who == "first"
        said = said_by(row, "find_capture", "capture")

        result = await asks.ask_capture(world_of(stall.database, stall.group, said), flow)

    assert told(result) == row.result
    assert said.asked == list(said.answers)


@table("""
    verdict       captured
    approved:400  400
    approved:399  399
    approved      400
""")
async def test_what_was_captured_is_booked(row: Row, shared_database_url: str) -> None:
    """A processor may capture a part; one that does not say how much has captured all of it."""
    async with payments(shared_database_url) as stall:
        command = CapturePayment(**await stall.paid("manual"), amount_minor=400, final=False)
        flow = await stall.flow_of(steps.capture_payments, command)

        (answer,) = await stall.book(bookings.book_captures, (flow, verdict(str(row.verdict))))

    assert json.loads(answer.body)["amount_captured"] == row.captured


@table("""
    who    processor                        result
    first  ask=approved:400                 approved
    first  ask=pending:400                  pending
    first  ask=approved:399                 postponed
    first  ask=pending:401                  postponed
    first  ask=approved                     approved
    first  ask=declined:7                   declined
    again  find=declined                    declined
    again  find=not_found,ask=approved:400  approved
    again  find=unknown                     postponed
""")
async def test_a_refund_is_asked_for(row: Row, shared_database_url: str) -> None:
    """What was given back is what was asked for; all else is for people."""
    async with payments(shared_database_url) as stall:
        command = RefundPayment(
            **await stall.paid(),
            refund_id=ids.new(),
            amount_minor=400,
            description=None,
            metadata={},
        )
        flow = await stall.flow_of(steps.refund_payments, command)
        flow.fresh = row.who == "first"
        said = said_by(row, "find_refund", "refund")

        result = await asks.ask_refund(world_of(stall.database, stall.group, said), flow)

    assert told(result) == row.result
    assert said.asked == list(said.answers)


@table("""
    key  processor             result
    yes  reverse=approved      approved
    yes  reverse=not_executed  not_executed
    yes  reverse=unknown       postponed
    no   reverse=not_executed  postponed     -- nobody is told of an expiry, and would ask anew
    no   reverse=approved      approved
""")
async def test_a_cancellation_is_asked_for(row: Row, shared_database_url: str) -> None:
    """Of an authorization that is known, and nobody else works on."""
    async with payments(shared_database_url) as stall:
        command = ReleasePayment(**await stall.paid("manual"))
        flow = await stall.flow_of(steps.release_payments, command)
        flow.key_id = flow.key_id if row.key == "yes" else None
        said = said_by(row)

        result = await asks.ask_cancellation(world_of(stall.database, stall.group, said), flow)

    assert told(result) == row.result
    assert said.asked == list(said.answers)


async def test_a_cancellation_waits_for_the_authorization(
    shared_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process asks for it nobody knows what there is to cancel; then it is known."""
    monkeypatch.setattr(asks, "_CANCEL_WAIT_S", 0)
    async with payments(shared_database_url) as stall:
        authorization = await stall.begin()
        release = ReleasePayment(
            **stall.head(), payment_id=authorization.object_id, transfer_id=ids.new(), insist=True
        )
        flow = await stall.flow_of(steps.release_payments, release)
        world = world_of(stall.database, stall.group, Said())

        meanwhile = await asks.ask_cancellation(world, flow)
        await stall.book(bookings.book_authorizations, (authorization, Undone("canceled")))
        afterwards = await asks.ask_cancellation(world, flow)

    assert meanwhile == Postpone("the authorization is still unknown")
    assert afterwards == Verdict("approved", code="nothing_left")
