"""Promise 1: money is conserved, whatever is asked, repeated, refused, and however batched."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.base import clock, ids
from app.domains.ledger import EntrySpec, MakeDeposit, MakeTransfer, OpenAccount
from app.domains.ledger import steps as ledger_steps
from app.domains.merchants import admin
from app.domains.payments import steps
from app.domains.payments.commands import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.engine import idempotency
from app.engine.database import Database, GroupCommit, Step
from app.engine.idempotency import Answer, Intent
from tests.support import books, model
from tests.support.databases import Databases, rows
from tests.support.engine import opened
from tests.support.model import (
    Cancel,
    Capture,
    Command,
    Deposit,
    Model,
    Move,
    Open,
    Outcome,
    Refund,
)

CURRENCIES = ("USD", "USD", "JPY")
STEPS: dict[type[Any], Step[Any, Any]] = {
    Deposit: ledger_steps.make_deposits,
    Move: ledger_steps.make_transfers,
    Open: steps.open_payments,
    Capture: steps.capture_payments,
    Cancel: steps.release_payments,
    Refund: steps.refund_payments,
}

KINDS = (Deposit, Move, Open, Open, Open, Capture, Capture, Capture, Cancel, Refund, Refund)
BATCHES = 14
BATCH_SIZE_MAX = 12
BIG = 2**53 - 1  # the largest amount a request may ask for


class Chance:
    """Draws commands; the same seed draws the same ones."""

    def __init__(self, seed: int, model: Model) -> None:
        self.random = Random(seed)
        self.model = model
        self.names = count()

    def batch(self) -> list[tuple[str, Command]]:
        """Commands of one kind; most have a fresh key, others one of a few that come again."""
        kind = self.random.choice(KINDS)
        batch: list[tuple[str, Command]] = []
        for _ in range(self.random.randint(1, BATCH_SIZE_MAX)):
            draw = self.random.random()
            if batch and draw < 0.1:
                batch.append(self.random.choice(batch))  # the same again in the same batch
            elif self.model.answered and draw < 0.2:
                batch.append(self.again(kind))
            else:
                batch.append((f"key-{next(self.names)}", self.command(kind)))
        return batch

    def again(self, kind: type[Any]) -> tuple[str, Command]:
        """A key that was used before, with the request it was used for or with another one."""
        key = self.random.choice(list(self.model.answered))
        command, _ = self.model.answered[key]
        same = type(command) is kind and self.random.random() < 0.8
        return key, command if same else self.command(kind)

    def payment(self) -> int:
        """One of the latest payments, seldom one that is not there."""
        made = list(self.model.payments)[-8:]
        return self.random.choice(made) if made and self.random.random() < 0.95 else -1

    def command(self, kind: type[Any]) -> Command:
        """One command, mostly a sensible one."""
        wallet = self.random.randrange(len(CURRENCIES))
        code = CURRENCIES[wallet] if self.random.random() < 0.9 else "EUR"
        part = self.random.choice([None, *[self.random.randint(1, 120) for _ in range(4)]])
        amount = self.random.randint(1, 200) if self.random.random() < 0.95 else BIG
        if kind is Deposit:
            return Deposit(wallet, self.random.randint(1, 500), code)
        if kind is Move:
            target = self.random.randrange(len(CURRENCIES))
            return Move(wallet, target, amount, amount + (self.random.random() < 0.1), code)
        if kind is Open:
            return Open(wallet, amount, code, manual=self.random.random() < 0.7)
        if kind is Capture:
            return Capture(self.payment(), part, final=self.random.random() < 0.3)
        return Cancel(self.payment()) if kind is Cancel else Refund(self.payment(), part)


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    made = databases.new_database()
    yield made
    databases.drop_database(made)


class Run:
    """A merchant in the real database, and the model of it."""

    def __init__(self, database: Database, bps: int, fixed: int) -> None:
        self.database = database
        self.group = GroupCommit(database)
        self.model = Model([model.Wallet(c) for c in CURRENCIES], bps, fixed)
        self.wallets = [ids.new() for _ in CURRENCIES]
        self.payments: list[UUID] = []
        self.merchant = ids.NIL

    async def begin(self) -> None:
        """Record the merchant and open its wallets."""
        self.merchant = (
            await admin.create_merchant(self.database, name="stall", home_region="local")
        ).id
        opening = [
            OpenAccount("local", self.merchant, None, "req_1", None, account, code)
            for account, code in zip(self.wallets, CURRENCIES, strict=True)
        ]
        await self.run(ledger_steps.open_accounts, opening)

    async def run(self, step: Step[Any, Any], made: Sequence[Any]) -> list[Answer]:
        """The answers to one batch."""
        receipt = await self.group.submit(step, "local", made, deadline=clock.monotonic() + 20)
        assert receipt.batch_size == len(made)
        answers = [outcome for outcome in receipt.outcomes if isinstance(outcome, Answer)]
        assert len(answers) == len(made), receipt.outcomes
        return answers

    async def play(self, batch: Sequence[tuple[str, Command]]) -> None:
        """Do a batch of one kind in both worlds and compare what they tell."""
        made = []
        numbers = []
        for name, command in batch:
            numbers.append(len(self.payments))
            made.append(self.real(name, command))
        answers = await self.run(STEPS[type(batch[0][1])], made)
        for (name, command), number, answer in zip(batch, numbers, answers, strict=True):
            expected, repeated = self.model.do(name, command, number)
            assert (told(answer), answer.replayed) == (expected, repeated), command

    def real(self, name: str, command: Command) -> Any:
        """The product's own command."""
        body = json.dumps([type(command).__name__, *map(repr, vars(command).values())])
        head = ("local", self.merchant, intent(name, body), "req_1", None)
        if isinstance(command, Deposit):
            account = self.wallets[command.wallet]
            return MakeDeposit(*head, ids.new(), account, command.currency, command.amount)
        if isinstance(command, Move):
            entries = [
                EntrySpec(self.wallets[command.source], "debit", command.amount),
                EntrySpec(self.wallets[command.target], "credit", command.received),
            ]
            return MakeTransfer(*head, ids.new(), command.currency, entries)
        if isinstance(command, Open):
            self.payments.append(ids.new())
            return OpenPayment(
                *head, self.payments[-1], ids.new(), self.wallets[command.wallet], command.amount,
                command.currency, "manual" if command.manual else "automatic", None, {},
                self.model.fee_bps, self.model.fee_fixed,
            )  # fmt: skip
        known = 0 <= command.payment < len(self.payments)
        payment_id = self.payments[command.payment] if known else ids.new()
        if isinstance(command, Capture):
            return CapturePayment(*head, payment_id, ids.new(), command.amount, command.final)
        if isinstance(command, Cancel):
            return ReleasePayment(*head, payment_id, ids.new())
        return RefundPayment(*head, payment_id, ids.new(), ids.new(), command.amount, None, {})

    def assert_same_balances(self) -> None:
        """Every wallet, and the merchant's own accounts, hold what the model says."""
        found = {
            (kind, code, account): sums
            for kind, code, account, *sums in rows(
                self.database.url,
                """
                SELECT kind, currency, id, posted_credits_minor - posted_debits_minor,
                       pending_credits_minor - pending_debits_minor
                  FROM accounts
                 WHERE merchant_id = %s
                """,
                [self.merchant],
            )
        }
        for account, expected in zip(self.wallets, self.model.wallets, strict=True):
            sums = found.pop(("customer_wallet", expected.currency, account))
            assert sums == [expected.posted, -expected.held]
        for (kind, code, _), sums in found.items():
            assert kind == "merchant_available"
            assert sums == [self.model.earned.get(code, 0), self.model.held_for_merchant(code)]


def intent(name: str, body: str) -> Intent:
    """A client's key and what it asks for."""
    return idempotency.intent(name, "POST", "/", json.dumps({"body": body}))


def told(answer: Answer) -> Outcome:
    """What the client reads in an answer."""
    body = json.loads(answer.body)
    if answer.status >= 400:
        return Outcome(answer.status, body["code"])
    if body["object"] == "payment":
        return Outcome(
            answer.status, None, body["status"], body["amount_captured"], body["amount_refunded"],
            body["fee"], body["amount"],
        )  # fmt: skip
    return Outcome(answer.status, amount=body["amount"] if body["object"] == "refund" else 0)


@settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    bps=st.sampled_from([0, 1, 290, 10_000]),
    fixed=st.sampled_from([0, 30]),
)
def test_any_history_ends_as_the_model_says(url: str, seed: int, bps: int, fixed: int) -> None:
    """Random histories in random batches give the outcomes and balances of the model."""

    async def main() -> None:
        async with opened(url) as database:
            run = Run(database, bps, fixed)
            await run.begin()
            chance = Chance(seed, run.model)
            await run.play([(f"fund-{i}", Deposit(i, 500, c)) for i, c in enumerate(CURRENCIES)])
            for _ in range(BATCHES):
                await run.play(chance.batch())
            run.model.assert_conserved()
            run.assert_same_balances()

    asyncio.run(main())


@pytest.fixture(scope="module", autouse=True)
def _books(url: str) -> Iterator[None]:
    """After all histories of this file the books of the whole database are in order."""
    yield
    asyncio.run(books.assert_in_order(url))
