"""The ceiling: how fast a database takes the very statements of payments, and nothing else.

Batches of payments are decided beforehand by the product's own code, so that every statement and
parameter is as in production; then they are only sent: BEGIN, lock, a pipeline of writes, COMMIT.
No HTTP, no keys, no queue, no thinking. Each writer has merchants of its own, as in production.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg.pq import TransactionStatus

from app.base import clock, ids
from app.domains import ledger
from app.domains.ledger import Book, Hold
from app.domains.ledger.model import Account, new_account
from app.domains.ledger.store import queries as ledger_queries
from app.domains.merchants.admin import create_merchant
from app.domains.payments import decisions, model, store
from app.domains.payments.commands import OpenPayment
from app.domains.payments.views import payment_text
from app.engine import events, idempotency
from app.engine.database import Database, Query, Writer, arrays
from app.engine.events import Event
from app.engine.idempotency import Answer
from app.engine.idempotency.model import Claims

REGION, CURRENCY = "local", "USD"
FUNDS_MINOR = 10**12
WALLETS = 1_000  # per writer, as many as the other parts have per merchant
BATCH = 512  # the product's largest

Statement = tuple[str, Any]


class Batch(NamedTuple):
    """One transaction, ready to be sent."""

    lock: Statement
    writes: list[Statement]


class _Recorder:
    """Stands where a transaction would be, and keeps what it is told to write."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.writes: list[Statement] = []
        self.settings = _SETTINGS

    def write(self, query: Query, params: Any, **_: Any) -> None:
        """Keep a statement with its parameters."""
        self.writes.append((query.text, params()))


class _Kept(NamedTuple):
    idempotency_kept_days: int


_SETTINGS = _Kept(30)


class Stall:
    """A merchant with wallets whose payments are decided beforehand."""

    def __init__(self, merchant_id: UUID, stripe: int) -> None:
        self.merchant_id = merchant_id
        self.writer = Writer(stripe)
        self.wallets = [ids.new() for _ in range(WALLETS)]
        now = clock.now()
        self.charts = {
            model.fee_account(REGION, CURRENCY, stripe),
            model.available_account(merchant_id, CURRENCY),
        }
        self.accounts: dict[UUID, Account] = {
            account.id: new_account(account, now) for account in self.charts
        }
        self.unopened = set(self.accounts)
        for wallet in self.wallets:
            self.accounts[wallet] = Account(
                merchant_id, wallet, "customer_wallet", CURRENCY, "credit", 0,
                0, FUNDS_MINOR, 0, 0, 1, "open", None, now,
            )  # fmt: skip
        self.turn = 0

    def batch(self, size: int) -> Batch:
        """The next payments, from one wallet after the other."""
        commands = [self._command() for _ in range(size)]
        touched = {command.account_id for command in commands} | {c.id for c in self.charts}
        new = {i: self.accounts[i] for i in self.unopened}
        self.unopened = set()
        book = Book({i: self.accounts[i] for i in touched}, clock.now(), new=new)
        holds: list[Hold] = []
        payments, facts, answers = [], [], []
        for command in commands:
            payment = decisions.decide_wallet_open(
                book, command, holds, stripe=self.writer.stripe, hold_days=7
            )
            assert not isinstance(payment, Exception)
            text = payment_text(payment)
            payments.append(payment)
            answers.append(Answer(201, text))
            facts.append(
                Event(
                    merchant_id=self.merchant_id, id=ids.new(), type="payment.captured",
                    object_id=payment.id, sequence=1, data=text, correlation_id="ceiling",
                    created_at=payment.updated_at,
                )
            )  # fmt: skip
        recorder: Any = _Recorder(self.writer)
        ledger.write_book(recorder, REGION, book)
        store.insert_payments(recorder, REGION, payments, book.booked_at)
        events.append(recorder, REGION, facts)
        idempotency.keep(recorder, Claims(commands, {}), answers)
        self.writer.committed()
        return Batch(self._lock(sorted(touched)), recorder.writes)

    def _command(self) -> OpenPayment:
        self.turn += 1
        return OpenPayment(
            region=REGION, merchant_id=self.merchant_id,
            intent=idempotency.intent(str(uuid4()), "POST", "/v1/payments", "{}"),
            correlation_id="ceiling", former_region=None, payment_id=ids.new(),
            transfer_id=ids.new(), account_id=self.wallets[self.turn % WALLETS],
            amount_minor=1_000, currency=CURRENCY, capture="automatic", description=None,
            metadata={}, fee_bps=290, fee_fixed_minor=30,
        )  # fmt: skip

    def _lock(self, accounts: Sequence[UUID]) -> Statement:
        keys = [(self.accounts[i].merchant_id, i) for i in accounts]
        return ledger_queries.lock_accounts.text, arrays.by_keys(REGION, keys)


async def open_stall(database: Database, stripe: int) -> Stall:
    """A merchant in the database, with its wallets as if deposits had filled them."""
    merchant = await create_merchant(database, name=f"ceiling {stripe}", home_region=REGION)
    stall = Stall(merchant.id, stripe)
    async with database.writer() as driver:
        await driver.execute(_INSERT_WALLETS, (stall.merchant_id, FUNDS_MINOR, stall.wallets))
    return stall


_INSERT_WALLETS = """
INSERT INTO accounts
SELECT 'local', %s, w.id, 'customer_wallet', 'USD', 'credit', 0, 0, %s, 0, 0, 1, 'open', NULL, NULL,
       '{}', 'ceiling', now(), now()
  FROM unnest(CAST(%s AS UUID[])) AS w (id)
"""


async def measure(database: Database, *, writers: int, seconds: float, batch: int = BATCH) -> float:
    """Payments per second over `writers` connections, each with batches of its own."""
    stalls = [await open_stall(database, number) for number in range(writers)]
    # Enough for a database three times as fast as any measured here.
    wanted = max(3, int(seconds * 15_000 / batch / writers))
    ready = [[stall.batch(batch) for _ in range(wanted)] for stall in stalls]
    began_at = time.perf_counter()
    until = began_at + seconds
    counts = await asyncio.gather(*[_send(database, each, until) for each in ready])
    return sum(counts) * batch / (time.perf_counter() - began_at)


async def _send(database: Database, batches: Sequence[Batch], until: float) -> int:
    """Commit batches one after the other until the time is over; returns how many."""
    done = 0
    for batch in batches:
        if time.perf_counter() >= until:
            break
        await _commit(database, batch)
        done += 1
    return done


async def _commit(database: Database, batch: Batch) -> None:
    for _ in range(40):  # other writers' conflicts: rare, but for the first seconds of a table
        async with database.writer() as driver:
            try:
                await driver.execute("BEGIN")
                await driver.execute(*batch.lock)
                async with driver.pipeline():
                    for text, params in batch.writes:
                        await driver.execute(text, params)
                await driver.execute("COMMIT")
            except psycopg.errors.SerializationFailure:
                if driver.info.transaction_status is not TransactionStatus.IDLE:
                    await driver.execute("ROLLBACK")
            else:
                return
    raise RuntimeError("a batch met conflicts forty times over")


__all__ = ["BATCH", "measure"]
