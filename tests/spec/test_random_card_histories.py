"""Promise 5: whatever is lost, late or killed on the way, our books end as the processors' do.

Histories are drawn from a seed, which a failure prints: several clients at once, keys that come
again, answers that are lost before and after the effect or come late, notifications in any order
and twice, expiries, and processes that die.
"""

import asyncio
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
import pytest

from app.base import clock, ids
from app.domains.merchants import admin
from app.domains.notifications import NOTIFICATION, TakeNotification
from app.domains.payments.commands import CapturePayment, OpenPayment, RefundPayment, ReleasePayment
from app.domains.payments.flow import AUTHORIZATION, CANCELLATION, CAPTURE, REFUND
from app.domains.payments.model import Rail, receivable_account
from app.engine import idempotency
from app.engine.database import Database, GroupCommit
from app.engine.idempotency import Answer, Intent
from app.engine.saga import FLOW_BUCKETS, Begins, Sagas, list_due
from app.engine.saga.errors import NothingDone
from app.processes.flows import make_sagas
from app.processors import Notification
from tests.support import books
from tests.support.bank import Bank, Banks
from tests.support.databases import rows
from tests.support.engine import opened

SEEDS = range(5)
ROUNDS = 10
AT_ONCE = 5  # clients
SETTLING_ROUNDS_MAX = 300  # some thirty are needed
UNSURE = {202, 409, 502, 503}  # a later answer may differ: it waits, or may be asked again

Head: TypeAlias = tuple[str, UUID, Intent, str, None]
"""What every command begins with."""


class History:
    """One merchant, two banks, two processes, and what clients were told."""

    def __init__(self, database: Database, seed: int, merchant_id: UUID) -> None:
        self.database = database
        self.random = Random(seed)
        self.banks = Banks([Bank(name, Random(seed + at)) for at, name in enumerate("ab")])
        self.merchant_id = merchant_id
        self.groups: list[GroupCommit] = []
        self.processes = [self.new_process() for _ in range(2)]
        self.payments: list[UUID] = []
        self.sent: list[tuple[Begins[Any], Any]] = []
        self.told: dict[UUID, str] = {}
        self.heard: list[tuple[str, Notification]] = []

    def new_process(self) -> Sagas:
        self.groups.append(GroupCommit(self.database))
        outside: Any = self.banks
        return make_sagas(self.database, self.groups[-1], outside)

    async def send(self, flow: Begins[Any], command: Any) -> None:
        """Be a client with one command; a sure answer under a key is the same for ever."""
        sagas = self.random.choice(self.processes)
        deadline = clock.monotonic() + 20
        try:
            receipt = await sagas.run(flow, [command], deadline=deadline, wait_s=0.3)
        except asyncio.CancelledError:
            return  # its process died, and the client heard nothing
        (outcome,) = receipt.outcomes
        if isinstance(outcome, NothingDone):
            return  # somebody else drove its flow, which surely did nothing: ask again
        if not isinstance(outcome, Answer):
            raise outcome
        if outcome.status not in UNSURE and command.intent is not None:
            assert self.told.setdefault(command.intent.id, outcome.body) == outcome.body

    def draw(self) -> tuple[Begins[Any], Any]:
        """One command; some come again with their key."""
        if self.sent and self.random.random() < 0.15:
            return self.again(*self.random.choice(self.sent))
        intent = idempotency.intent(f"key-{len(self.sent)}", "POST", "/", "{}")
        keyed = ("local", self.merchant_id, intent, "req_1", None)
        if len(self.payments) < 3 or self.random.random() < 0.3:
            made: tuple[Begins[Any], Any] = AUTHORIZATION, self.new_payment(keyed)
        else:
            made = self.on_payment(keyed, self.random.choice(self.payments[-6:]))
        self.sent.append(made)
        return made

    def again(self, flow: Begins[Any], command: Any) -> tuple[Begins[Any], Any]:
        """The same request under the same key; the ids are of the api's making, and so are new."""
        fresh = {"transfer_id": ids.new()}
        if flow is AUTHORIZATION:
            self.payments.append(ids.new())
            fresh["payment_id"] = self.payments[-1]
        if flow is REFUND:
            fresh["refund_id"] = ids.new()
        return flow, msgspec.structs.replace(command, **fresh)

    def new_payment(self, keyed: Head) -> OpenPayment:
        self.payments.append(ids.new())
        token = self.random.choice(["ok", "ok", "ok", "no", "3ds", "odd"])
        route = self.random.choice([("a",), ("a", "b"), ("b", "a")])
        return OpenPayment(
            *keyed, self.payments[-1], ids.new(), receivable_account(self.merchant_id, "USD").id,
            self.random.randint(2, 300), "USD", self.random.choice(["manual", "automatic"]),
            None, {}, 290, 30, method="card", rail=Rail(route=route, token=token, brand="visa"),
        )  # fmt: skip

    def on_payment(self, keyed: Head, payment_id: UUID) -> tuple[Begins[Any], Any]:
        draw = self.random.random()
        part = self.random.choice([None, self.random.randint(1, 120)])
        if draw < 0.4:
            final = self.random.random() < 0.3
            return CAPTURE, CapturePayment(*keyed, payment_id, ids.new(), part, final)
        if draw < 0.55:
            return CANCELLATION, ReleasePayment(*keyed, payment_id, ids.new())
        if draw < 0.65:
            unkeyed = ("local", self.merchant_id, None, "req_1", None)
            return CANCELLATION, ReleasePayment(*unkeyed, payment_id, ids.new(), expired=True)
        return REFUND, RefundPayment(*keyed, payment_id, ids.new(), ids.new(), part, None, {})

    async def act(self) -> None:
        """What happens beside the clients: payers, notifications, workers, deaths."""
        for bank in self.banks.by_name.values():
            for reference in list(bank.records):
                if self.random.random() < 0.3:
                    bank.answer_challenge(reference, approve=self.random.random() < 0.7)
            for reference in list(bank.refunds):
                if self.random.random() < 0.1:
                    bank.fail_refund(reference)
        if self.random.random() < 0.3:
            self.kill(self.random.randrange(2))
        if self.random.random() < 0.7:
            await self.ring(0.5)
        if self.random.random() < 0.7:
            await self.work()

    def kill(self, at: int) -> None:
        """A process dies with all it was doing; another one starts."""
        for task in list(self.processes[at]._driving.values()):
            task.cancel()
        self.processes[at] = self.new_process()

    async def ring(self, share: float) -> None:
        """Deliver some notifications, in any order; some come again."""
        waiting = [(b.name, n) for b in self.banks.by_name.values() for n in b.rung]
        self.random.shuffle(waiting)
        chosen = [w for w in waiting if self.random.random() < share]
        for name, notification in chosen:
            self.banks.by_name[name].rung.remove(notification)
        self.heard += chosen
        again = [w for w in self.heard if self.random.random() < 0.1]
        await asyncio.gather(*[self.hear(*which) for which in chosen + again])

    async def hear(self, name: str, notification: Notification) -> None:
        command = TakeNotification(
            "local", self.merchant_id, None, "req_1", None, name, notification
        )
        await self.send(NOTIFICATION, command)

    async def work(self) -> int:
        """Be a worker for a round; how many flows were due."""
        found = 0
        for bucket in range(FLOW_BUCKETS):
            due = await list_due(self.database, "local", bucket, clock.now(), 1_000)
            mine = [flow for flow in due if flow.merchant_id == self.merchant_id]
            found += len(mine)
            try:
                await self.random.choice(self.processes).resume(mine)
            except asyncio.CancelledError:
                continue
        return found

    async def settle(self) -> None:
        """Everybody is well again, and every notification comes: until nothing moves any more."""
        for bank in self.banks.by_name.values():
            bank.get_well()
        for _ in range(SETTLING_ROUNDS_MAX):
            await self.ring(1.0)
            await self.work()
            if not self.under_way() and not any(b.rung for b in self.banks.by_name.values()):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"still under way: {self.under_way()}")

    def under_way(self) -> list[tuple[Any, ...]]:
        """Flows that have not ended, but for those that wait for a payer."""
        return rows(
            self.database.url,
            "SELECT name, recovery_point, status, attempts, note FROM sagas WHERE merchant_id = %s"
            " AND status <> 'done' AND note IS DISTINCT FROM 'waits for the payer'",
            [self.merchant_id],
        )

    def assert_agreed(self) -> None:
        """Each payment is here what it is there, and nobody was charged twice."""
        found = rows(
            self.database.url,
            "SELECT id, status, amount_minor, amount_captured_minor, amount_refunded_minor"
            " FROM payments WHERE merchant_id = %s",
            [self.merchant_id],
        )
        assert {row[0] for row in found} <= set(self.payments)
        for payment_id, status, amount, captured, refunded in found:
            name = ids.encode("payment", payment_id)
            there = [b.records[name] for b in self.banks.by_name.values() if name in b.records]
            told = (name, status, there)
            assert sum(r.kept for r in there) == captured - refunded, told
            is_open = status in {"authorized", "partially_captured"}
            assert sum(r.left for r in there) == (amount - captured if is_open else 0), told
            waits = any(r.status == "requires_action" for r in there)
            assert waits == (status == "requires_action"), told
            assert status != "processing", told


async def play(url: str, seed: int) -> None:
    """One history, to its end."""
    settings = {"saga_backoff_ms": (1,), "saga_attempts_max": 1_000, "saga_lease_ms": 200}
    async with opened(url, **settings) as database:
        merchant = await admin.create_merchant(database, name="stall", home_region="local")
        history = History(database, seed, merchant.id)
        for _ in range(ROUNDS):
            drawn = [history.draw() for _ in range(AT_ONCE)]
            await asyncio.gather(history.act(), *[history.send(*which) for which in drawn])
        await history.settle()
        history.assert_agreed()
        for group in history.groups:
            await group.close(5.0)


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_history_ends_as_the_processors_say(database_url: str, seed: int) -> None:
    """Random histories leave books that are in order, and equal to the processors'."""
    await play(database_url, seed)
    await books.assert_in_order(database_url)
