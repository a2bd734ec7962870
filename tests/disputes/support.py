"""A merchant with card payments that were captured, and what a processor says of disputes."""

import json
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from app.base import clock, ids
from app.domains.disputes import steps as disputes
from app.domains.disputes.commands import AddEvidence, AnswerDispute, ReportDispute
from app.domains.fx import FixedRates, PromiseQuote
from app.domains.fx import steps as fx
from app.domains.merchants import admin
from app.domains.payments import bookings
from app.domains.payments import steps as payments
from app.domains.payments.commands import OpenPayment, RefundPayment
from app.domains.payments.model import Rail, receivable_account
from app.engine import idempotency
from app.engine.database import Database, GroupCommit, Step
from app.engine.idempotency import Answer, Intent
from app.engine.saga import Booking, Flow
from app.processors import DisputeState, Verdict
from tests.support.databases import rows

ACQUIRER = "acquirer"
REGION = "local"
FEE = 1500
DUE = timedelta(days=7)


class Stall:
    """One merchant on a database, and commands as its requests and its processor's news."""

    def __init__(self, database: Database, merchant_id: UUID) -> None:
        self.database = database
        self.merchant_id = merchant_id
        self.group = GroupCommit(database)

    @classmethod
    async def open(cls, database: Database, *, fee_bps: int = 0, region: str = REGION) -> "Stall":
        """A fresh merchant, whose payments cost nothing unless it is said."""
        made = await admin.create_merchant(
            database, name="stall", home_region=region, fee_bps=fee_bps, fee_fixed_minor=0
        )
        return cls(database, made.id)

    async def run(self, step: Step[Any, Any], *commands: Any) -> list[Answer]:
        """The answers to the first step of a flow."""
        receipt = await self.group.submit(
            step, commands[0].region, commands, deadline=clock.monotonic() + 60
        )
        assert not [o for o in receipt.outcomes if isinstance(o, Exception)], receipt.outcomes
        return [o for o in receipt.outcomes if isinstance(o, Answer)]

    async def book(self, step: Any, *results: tuple[Flow, Any]) -> list[Answer]:
        """The answers to the booking of what flows' external steps brought back."""
        made = [Booking(flow, result) for flow, result in results]
        receipt = await self.group.submit(
            step, made[0].region, made, deadline=clock.monotonic() + 60
        )
        assert not [o for o in receipt.outcomes if isinstance(o, Exception)], receipt.outcomes
        return [o for o in receipt.outcomes if isinstance(o, Answer)]

    async def quote(self, amount: int) -> UUID:
        """A quote for so many dollars to euros."""
        table = FixedRates.TABLE
        command = PromiseQuote(
            region=REGION,
            merchant_id=self.merchant_id,
            intent=intent("quote"),
            correlation_id="req_quote",
            former_region=None,
            quote_id=ids.new(),
            source_currency="USD",
            target_currency="EUR",
            side="source",
            amount_minor=amount,
            reference_rate=table.find("USD", "EUR"),
            rate_source=table.source,
            rate_day=table.day,
            spread_bps=100,
            lock_s=3_600,
            metadata={},
        )
        await self.run(fx.create_quotes, command)
        return command.quote_id

    async def pay(
        self,
        amount: int = 1_000,
        currency: str = "USD",
        quote_id: UUID | None = None,
        *,
        undone: bool = False,
    ) -> UUID:
        """A card payment that its processor has approved and captured; or undone, and so failed."""
        account = receivable_account(self.merchant_id, currency)
        command = OpenPayment(
            region=REGION,
            merchant_id=self.merchant_id,
            intent=intent("pay"),
            correlation_id="req_pay",
            former_region=None,
            payment_id=ids.new(),
            transfer_id=ids.new(),
            account_id=account.id,
            amount_minor=amount,
            currency=currency,
            capture="automatic",
            description=None,
            metadata={},
            fee_bps=0,
            fee_fixed_minor=0,
            method="card",
            rail=Rail(route=(ACQUIRER,), brand="visa", last4="0259"),
            quote_id=quote_id,
        )
        (opened,) = await self.run(payments.open_payments, command)
        assert opened.flow is not None, opened.body
        verdict = Verdict("approved", processor_reference="au_1", amount_minor=amount)
        if undone:
            verdict = Verdict("declined", processor_reference="au_1", code="voided")
        (booked,) = await self.book(bookings.book_authorizations, (opened.flow, verdict))
        assert booked.status == (402 if undone else 201), booked.body
        return command.payment_id

    async def refund(self, payment_id: UUID, amount: int | None = None) -> Answer:
        """The answer to a refund, which the processor makes at once."""
        command = RefundPayment(
            REGION, self.merchant_id, intent("refund"), "req_refund", None, payment_id, ids.new(),
            ids.new(), amount, None, {},
        )  # fmt: skip
        (begun,) = await self.run(payments.refund_payments, command)
        if begun.flow is None:
            return begun
        verdict = Verdict("approved", amount_minor=amount)
        (answer,) = await self.book(bookings.book_refunds, (begun.flow, verdict))
        return answer

    def state(
        self,
        payment_id: UUID | str,
        status: Literal["needs_response", "under_review", "won", "lost"] = "needs_response",
        *,
        amount: int = 1_000,
        fee: int = FEE,
        reference: str | None = None,
        currency: str = "USD",
        due_at: datetime | None = None,
        inquiry: bool = False,
    ) -> DisputeState:
        """What the processor says of a dispute; one dispute per payment if no name is given."""
        name = payment_id if isinstance(payment_id, str) else ids.encode("payment", payment_id)
        return DisputeState(
            id=reference or f"dp_of_{name}",
            authorization=name,
            merchant=ids.encode("merchant", self.merchant_id),
            status=status,
            reason="fraudulent",
            amount_minor=amount,
            fee_minor=fee,
            currency=currency,
            due_at=due_at or self.due_in(DUE.days),
            inquiry=inquiry,
        )

    def due_in(self, days: int) -> datetime:
        """A deadline, the same each time it is asked for."""
        return ids.instant(self.merchant_id) + timedelta(days=days)

    def told(self, state: DisputeState) -> ReportDispute:
        """The command to book it."""
        return ReportDispute(
            region=REGION,
            merchant_id=self.merchant_id,
            intent=None,
            correlation_id="req_told",
            former_region=None,
            processor=ACQUIRER,
            state=state,
            dispute_id=ids.new(),
            opening_transfer_id=ids.new(),
            closing_transfer_id=ids.new(),
        )

    async def tell(self, *states: DisputeState) -> list[dict[str, Any]]:
        """What is answered to some states, told at once."""
        answers = await self.run(
            disputes.apply_dispute_states, *[self.told(state) for state in states]
        )
        return [json.loads(answer.body) for answer in answers]

    async def dispute(self, payment_id: UUID, **fields: Any) -> UUID:
        """The id of a dispute that has just been opened."""
        (body,) = await self.tell(self.state(payment_id, **fields))
        return ids.decode("dispute", body["id"])

    async def add(self, dispute_id: UUID, text: str = "It was eaten.") -> Answer:
        """The answer to a text as evidence."""
        (answer,) = await self.run(disputes.add_evidence, self.piece(dispute_id, text))
        return answer

    def piece(self, dispute_id: UUID, text: str, media_type: str = "text/plain") -> AddEvidence:
        """The command to add a piece of evidence."""
        return AddEvidence(
            region=REGION,
            merchant_id=self.merchant_id,
            intent=intent("piece"),
            correlation_id="req_piece",
            former_region=None,
            dispute_id=dispute_id,
            evidence_id=ids.new(),
            media_type=media_type,
            file_name=None if media_type == "text/plain" else "bill.pdf",
            content=text.encode(),
            sha256="0" * 64,
        )

    def answer(self, dispute_id: UUID, key: str = "answer") -> AnswerDispute:
        """The command to submit or to accept."""
        return AnswerDispute(
            region=REGION,
            merchant_id=self.merchant_id,
            intent=intent(key),
            correlation_id="req_answer",
            former_region=None,
            dispute_id=dispute_id,
            flow_id=ids.new(),
        )

    def balances(self, currency: str = "USD") -> dict[str, int]:
        """What the merchant's own accounts hold, by kind, where it is something."""
        found = rows(
            self.database.url,
            """
            SELECT kind, CASE normal_side WHEN 'credit'
                         THEN posted_credits_minor - posted_debits_minor
                         ELSE posted_debits_minor - posted_credits_minor END
              FROM accounts
             WHERE merchant_id = %s AND currency = %s
            """,
            [self.merchant_id, currency],
        )
        return {kind: amount for kind, amount in found if amount}

    def events(self, object_id: UUID) -> list[str]:
        """The types of the facts about an object, in order."""
        found = rows(
            self.database.url,
            "SELECT type, sequence FROM events WHERE merchant_id = %s AND object_id = %s"
            " ORDER BY sequence",
            [self.merchant_id, object_id],
        )
        assert [sequence for _, sequence in found] == list(range(1, len(found) + 1))
        return [kind for kind, _ in found]

    def flows(self, name: str) -> list[tuple[Any, ...]]:
        """(status, attempts, next attempt, note) of the merchant's flows of a kind."""
        return rows(
            self.database.url,
            "SELECT status, attempts, next_attempt_at, note FROM sagas"
            " WHERE merchant_id = %s AND name = %s ORDER BY id",
            [self.merchant_id, name],
        )

    def one(self, statement: str) -> Any:
        """The only value of a statement about the merchant, whose id is its parameter."""
        ((value,),) = rows(self.database.url, statement, [self.merchant_id])
        return value


def intent(name: str) -> Intent:
    """A key of its own each time it is asked for."""
    return idempotency.intent(f"{name}-{ids.new()}", "POST", "/", "{}")
