"""Processes that disagree about which of the two regions is the home, against the pure model."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.base import clock, ids
from app.domains.ledger import steps as ledger_steps
from app.domains.payments import steps
from app.domains.payments.commands import CapturePayment, RefundPayment
from app.engine.database import Database, GroupCommit, Step
from app.engine.idempotency import Answer
from app.operate.rehoming import TABLES, move
from tests.rehoming.support import rows_in_two_regions
from tests.spec.test_money_is_conserved import Chance, Run, intent
from tests.support import books
from tests.support.databases import Server, execute
from tests.support.engine import opened
from tests.support.model import Deposit, Open

VIEWS = (("eu", "us"), ("us", "eu"))
"""(home, former region), as one process or another has it just then."""
BATCHES = 14


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    made = server.new_database()
    yield made
    asyncio.run(books.assert_in_order(made))
    server.drop_database(made)


class MovingRun(Run):
    """A run whose merchant moves for ever; each batch runs at a process with either home."""

    def __init__(self, database: Database, seed: int) -> None:
        super().__init__(database, 290, 30)
        self.random = Random(seed)

    async def begin(self) -> None:
        """Begin as the other runs, then start the move."""
        await super().begin()
        execute(
            self.database.url,
            "UPDATE merchants SET home_region = 'eu', former_region = 'us' WHERE id = %s",
            [self.merchant],
        )

    async def run(self, step: Step[Any, Any], made: Sequence[Any]) -> list[Answer]:
        """Run one batch, with a page moved before it now and then; returns the answers."""
        if self.merchant != ids.NIL and self.random.random() < 0.3:
            await self.move_a_page()
        home, former = self.random.choice(VIEWS)
        return await self.at(home, former, step, made)

    async def at(
        self, home: str, former: str, step: Step[Any, Any], made: Sequence[Any]
    ) -> list[Any]:
        """Run one batch at a process with this view; returns the answers."""
        seen = [msgspec.structs.replace(c, region=home, former_region=former) for c in made]
        receipt = await self.group.submit(step, home, seen, deadline=clock.monotonic() + 60)
        assert not [o for o in receipt.outcomes if isinstance(o, Exception)], receipt.outcomes
        return list(receipt.outcomes)

    async def move_a_page(self) -> None:
        """Move a page of one table."""
        mover = move._Move(self.database, self.merchant, "eu", lambda *_: None)
        table = self.random.choice(TABLES)
        state = await mover._look()
        await mover._page(state, "us", table, dict(table.start))


async def begun(database: Database, seed: int) -> MovingRun:
    """A moving merchant with wallets; nothing on them."""
    run = MovingRun(database, seed)
    await run.begin()
    return run


@settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_any_history_ends_as_the_model_says(url: str, seed: int) -> None:
    """Whatever home each batch assumes, outcomes, replays and balances are the model's."""

    async def main() -> None:
        async with opened(url) as database:
            run = await begun(database, seed)
            chance = Chance(seed, run.model)
            await run.play(
                [
                    (f"fund-{i}", Deposit(i, 500, w.currency))
                    for i, w in enumerate(run.model.wallets)
                ]
            )
            for _ in range(BATCHES):
                await run.play(chance.batch())
            run.model.assert_conserved()
            run.assert_same_balances()
            assert rows_in_two_regions(url, run.merchant) == []

    asyncio.run(main())


@pytest.mark.parametrize("seed", range(6))
async def test_one_key_in_two_views_at_once_acts_once(url: str, seed: int) -> None:
    """The same request at processes that disagree acts once, and both give the same answer."""
    async with opened(url, database_writers=4) as database:
        run = await begun(database, seed)
        fund = [run.real("fund", Deposit(0, 500, "USD"))]
        await run.at(*VIEWS[0], ledger_steps.make_deposits, fund)
        for turn in range(8):
            payment = run.real(f"pay-{turn}", Open(0, 10, "USD", manual=False))
            groups = [GroupCommit(database) for _ in range(4)]

            async def ask(number: int, group: GroupCommit, payment: Any = payment) -> Any:
                home, former = VIEWS[number % 2]
                # As two requests are: the same key and body, and ids of their own.
                command = msgspec.structs.replace(
                    payment, region=home, former_region=former,
                    payment_id=ids.new(), transfer_id=ids.new(),
                )  # fmt: skip
                deadline = clock.monotonic() + 60
                receipt = await group.submit(
                    steps.open_payments, home, [command], deadline=deadline
                )
                return receipt.outcomes[0]

            answers = await asyncio.gather(*[ask(n, g) for n, g in enumerate(groups)])
            assert Counter(a.status for a in answers) == {201: 4}, answers
            assert len({a.body for a in answers}) == 1
            assert sum(not a.replayed for a in answers) == 1
    assert rows_in_two_regions(url, run.merchant) == []


async def test_a_hold_and_its_payment_are_never_apart(url: str) -> None:
    """A hold that a mover finds alone brings its payment, so each view finds both."""
    async with opened(url) as database:
        run = await begun(database, 1)
        fund = [run.real("fund", Deposit(0, 500, "USD"))]
        await run.at(*VIEWS[1], ledger_steps.make_deposits, fund)
        held = run.real("hold", Open(0, 20, "USD", manual=True))
        await run.at(*VIEWS[1], steps.open_payments, [held])
        mover = move._Move(database, run.merchant, "eu", lambda *_: None)
        (holds,) = [table for table in TABLES if table.name == "holds"]
        await mover._page(await mover._look(), "us", holds, dict(holds.start))

        (taken,) = await run.at(
            *VIEWS[1], steps.capture_payments, [_capture(run, held.payment_id, "take")]
        )

    assert taken.status == 200, taken.body


@pytest.mark.parametrize("seed", range(3))
async def test_races_of_views_over_one_wallet(url: str, seed: int) -> None:
    """Payments, captures and refunds at processes that disagree never spend what is not there."""
    async with opened(url, database_writers=4) as database:
        run = await begun(database, seed)
        await run.at(
            *VIEWS[0], ledger_steps.make_deposits, [run.real("fund", Deposit(0, 500, "USD"))]
        )
        held = [run.real(f"hold-{n}", Open(0, 20, "USD", manual=True)) for n in range(10)]
        await run.at(*VIEWS[1], steps.open_payments, held)
        groups = {view: GroupCommit(database) for view in VIEWS}

        async def ask(view: tuple[str, str], step: Step[Any, Answer], command: Any) -> Answer:
            home, former = view
            command = msgspec.structs.replace(command, region=home, former_region=former)
            deadline = clock.monotonic() + 60
            receipt = await groups[view].submit(step, home, [command], deadline=deadline)
            return receipt.only()

        async def life(number: int, payment_id: UUID) -> list[int]:
            view = VIEWS[run.random.randrange(2)]
            captures = await asyncio.gather(
                *[
                    ask(v, steps.capture_payments, _capture(run, payment_id, f"{v}-{number}"))
                    for v in VIEWS
                ]
            )
            refund = await ask(view, steps.refund_payments, _refund(run, payment_id, f"r-{number}"))
            return [*sorted(answer.status for answer in captures), refund.status]

        lives = await asyncio.gather(*[life(n, c.payment_id) for n, c in enumerate(held)])
        paid = await asyncio.gather(
            *[
                ask(
                    VIEWS[n % 2],
                    steps.open_payments,
                    run.real(f"x-{n}", Open(0, 100, "USD", manual=False)),
                )
                for n in range(8)
            ]
        )

    assert lives == [[200, 409, 201]] * 10
    assert Counter(answer.status for answer in paid) == {201: 5, 402: 3}, [
        json.loads(answer.body) for answer in paid
    ]
    assert rows_in_two_regions(url, run.merchant) == []


def _capture(run: Run, payment_id: UUID, name: str) -> Any:
    key = intent(name, name)
    return CapturePayment(
        "", run.merchant, key, "req_1", None, payment_id, ids.new(), None, final=True
    )


def _refund(run: Run, payment_id: UUID, name: str) -> Any:
    key = intent(name, name)
    return RefundPayment(
        "", run.merchant, key, "req_1", None, payment_id, ids.new(), ids.new(), None, None, {}
    )
