"""Disputes in any order: news that comes late, doubled or never, between merchants' commands."""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.base import ids
from app.domains.disputes import bookings
from app.domains.disputes import steps as disputes
from app.domains.disputes.asks import EvidenceAnswer
from app.domains.payments import bookings as payment_bookings
from app.domains.payments import steps as payments
from app.domains.payments.commands import RefundPayment
from app.engine.idempotency import Answer
from app.engine.saga import Flow
from app.processors import DisputeState, Verdict
from tests.disputes import model
from tests.disputes.support import FEE, REGION, Stall, intent
from tests.support import books
from tests.support.databases import rows
from tests.support.engine import opened

AMOUNTS = (1_000, 700, 300)
STEPS = 25
STATES = (
    ("needs_response",),
    ("needs_response", "under_review"),
    ("needs_response", "under_review", "won"),
    ("needs_response", "under_review", "lost"),
    ("needs_response", "lost"),
    ("needs_response", "won"),
)
FEES = (0, 800, 1500)
"""What may be told as a dispute's fee; it costs the most that was told."""


def draw_life(random: Random) -> list[model.News]:
    """A life that may begin as an inquiry, and in which more time may be given."""
    life: list[model.News] = []
    if random.random() < 0.4:
        life += [("asked", 5, state) for state in random.choice(STATES[:2])]
        if random.random() < 0.3:
            return [*life, ("asked", 5, "won")]
    # An inquiry's deadline may have been a later one than that of the dispute.
    day = random.choice([4, 7])
    if random.random() < 0.3:
        life += [("disputed", day, state) for state in random.choice(STATES[:2])]
        day += 2
    return life + [("disputed", day, state) for state in random.choice(STATES)]


class Case:
    """A dispute as the processor has it, with the whole of its life."""

    def __init__(self, random: Random, number: int) -> None:
        self.name = f"dp_{number}"
        self.payment = random.randrange(len(AMOUNTS))
        whole = AMOUNTS[self.payment]
        self.amount = random.choice([whole, whole // 2, whole // 4, whole + 1])
        self.fees = random.choice([FEES, (1500,), (0,)])
        self.life = draw_life(random)


class Run:
    """A merchant in the real database, and the model of it."""

    def __init__(self, stall: Stall, seed: int) -> None:
        self.stall = stall
        self.random = Random(seed)
        self.model = model.Model([model.Payment(amount) for amount in AMOUNTS])
        self.payments: list[UUID] = []
        self.cases = [Case(self.random, n) for n in range(5)]
        self.known: dict[str, UUID] = {}
        self.answering: dict[str, tuple[Flow, bool]] = {}
        self.keys = count()

    async def begin(self) -> None:
        """Capture the payments."""
        self.payments = [await self.stall.pay(amount) for amount in AMOUNTS]

    async def step(self) -> None:
        """One thing that happens, most often news."""
        case = self.random.choice(self.cases)
        draw = self.random.random()
        if draw < 0.5:
            await self.tell()
        elif draw < 0.65:
            await self.add(case)
        elif draw < 0.8:
            await self.answer(case)
        elif draw < 0.9 and self.answering:
            await self.end(self.random.choice(list(self.answering)))
        else:
            await self.refund()

    async def tell(self, size: int | None = None) -> None:
        """A batch of news: of any dispute, of any time of its life."""
        drawn = [self.random.choice(self.cases) for _ in range(size or self.random.randint(1, 6))]
        news = [(c, self.random.choice(c.life), self.random.choice(c.fees)) for c in drawn]
        states = [self.state(*told) for told in news]
        answers = await self.stall.run(disputes.apply_dispute_states, *map(self.stall.told, states))
        for (case, told, fee), answer in zip(news, answers, strict=True):
            expected = self.model.tell(case.name, case.payment, case.amount, fee, told)
            assert said(answer) == expected, (case.name, told)
            if answer.status == 200:
                self.known[case.name] = ids.decode("dispute", json.loads(answer.body)["id"])

    def state(self, case: Case, news: model.News, fee: int) -> DisputeState:
        """What the processor says of a case."""
        stage, day, status = news
        return self.stall.state(
            self.payments[case.payment], cast(Any, status), amount=case.amount, fee=fee,
            reference=case.name, due_at=self.stall.due_in(day), inquiry=stage == "asked",
        )  # fmt: skip

    async def add(self, case: Case) -> None:
        """A piece of evidence, twice the same in one batch."""
        piece = self.stall.piece(self.known.get(case.name, ids.new()), "It was eaten.")
        first, second = await self.stall.run(disputes.add_evidence, piece, piece)
        expected = self.model.add(case.name)
        told = said(first) if first.status >= 400 else "added"
        assert told == expected
        if told != "dispute_busy":  # which is kept under no key
            assert second.body == first.body

    async def answer(self, case: Case) -> None:
        """An answer is begun: evidence is submitted, or the dispute accepted."""
        accept = self.random.random() < 0.3
        saga = disputes.accept_disputes if accept else disputes.submit_evidence
        command = self.stall.answer(self.known.get(case.name, ids.new()))
        (answer,) = await self.stall.run(saga, command)
        told = said(answer) if answer.status >= 400 else "begun"
        assert told == self.model.begin(case.name, accept=accept)
        if answer.flow is not None:
            self.answering[case.name] = (answer.flow, accept)

    async def end(self, name: str) -> None:
        """The processor takes an answer or not; it may be booked twice."""
        flow, accept = self.answering.pop(name)
        (case,) = [case for case in self.cases if case.name == name]
        taken = self.random.random() < 0.7
        news = self.random.choice(case.life) if accept or self.random.random() < 0.7 else None
        fee = self.random.choice(case.fees)
        told = self.stall.told(self.state(case, news, fee)) if news else None
        verdict = Verdict("approved") if taken else Verdict("declined", code="too_late")
        result = EvidenceAnswer(verdict, told)
        answers = await self.stall.book(
            bookings.book_answers, *[(flow, result)] * self.random.randint(1, 2)
        )
        expected = self.model.end(name, taken=taken, accept=accept, fee=fee, told=news)
        assert said(answers[0]) == expected

    async def refund(self) -> None:
        """A refund, which the processor makes at once."""
        payment = self.random.randrange(len(AMOUNTS))
        amount = self.random.randint(1, 400)
        command = RefundPayment(
            REGION, self.stall.merchant_id, intent("refund"), "req_1", None, self.payments[payment],
            ids.new(), ids.new(), amount, None, {},
        )  # fmt: skip
        (answer,) = await self.stall.run(payments.refund_payments, command)
        told = said(answer) if answer.status >= 400 else "refunded"
        assert told == self.model.refund(payment, amount)
        if answer.flow is not None:
            verdict = Verdict("approved", amount_minor=amount)
            await self.stall.book(payment_bookings.book_refunds, (answer.flow, verdict))

    def assert_same(self) -> None:
        """Balances, states, and the number of facts are the model's."""
        assert self.stall.balances() == self.model.balances()
        found = rows(
            self.stall.database.url,
            "SELECT processor_reference, status, version, evidence_count, fee_minor, inquiry,"
            " due_at, evidence_submitted_at IS NOT NULL FROM disputes WHERE merchant_id = %s",
            [self.stall.merchant_id],
        )
        assert {name: tuple(rest) for name, *rest in found} == {
            name: (
                d.state,
                d.facts,
                d.pieces,
                d.fee,
                d.stage == "asked",
                self.stall.due_in(d.day),
                d.submitted,
            )
            for name, d in self.model.disputes.items()
        }
        disputed = rows(
            self.stall.database.url,
            "SELECT id, disputed FROM payments WHERE merchant_id = %s",
            [self.stall.merchant_id],
        )
        assert dict(disputed) == {
            payment: self.model.is_disputed(number) for number, payment in enumerate(self.payments)
        }


def said(answer: Answer) -> str:
    """What a client reads in an answer: a refusal's code, or the dispute's state."""
    body = json.loads(answer.body)
    return str(body["code"] if answer.status >= 400 else body["status"])


@settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_any_history_ends_as_the_model_says(url: str, seed: int) -> None:
    """However news and commands are mixed, outcomes, states and balances are the model's."""

    async def main() -> None:
        async with opened(url) as database:
            run = Run(await Stall.open(database), seed)
            await run.begin()
            for _ in range(STEPS):
                await run.step()
            run.assert_same()

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(4))
async def test_news_that_races_is_booked_once(url: str, seed: int) -> None:
    """The same news at several processes at once ends as it would one after the other."""
    async with opened(url, database_writers=4) as database:
        stall = await Stall.open(database)
        random = Random(seed)
        payment = await stall.pay(1_000)
        life: Any = random.choice([life for life in STATES if len(life) > 1])
        others = [Stall(database, stall.merchant_id) for _ in range(4)]
        asked = stall.state(payment, "under_review", fee=0, inquiry=True, due_at=stall.due_in(9))
        news = [asked, *[stall.state(payment, status) for status in life]] * 3
        random.shuffle(news)

        await asyncio.gather(*[random.choice(others).tell(state) for state in news])

    assert stall.one("SELECT status FROM disputes WHERE merchant_id = %s") == life[-1]
    assert stall.one("SELECT count(*) FROM disputes WHERE merchant_id = %s") == 1
    held = 0 if life[-1] in {"won", "lost"} else 1_000
    assert stall.balances().get("disputes_held", 0) == held
    assert stall.balances()["merchant_available"] == -FEE - (life[-1] != "won") * 1_000


@pytest.fixture(scope="module", autouse=True)
def _books(url: str) -> Iterator[None]:
    """After all histories of this file the books of the whole database are in order."""
    yield
    asyncio.run(books.assert_in_order(url))
