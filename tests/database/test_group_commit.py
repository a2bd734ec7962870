"""Group commit: what waits together commits together, and everyone gets their own answer."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.base import clock
from app.base.errors import InvariantViolated
from app.devkit.chaos.proxy import ConnectionFault, FaultProxy
from app.engine.database import Database, GroupCommit, Receipt, Step, Tx, step
from app.engine.database.errors import DatabaseRefused, DeadlineExceeded, QueueFull, ShuttingDown
from tests.support.engine import LEAVE, ONCE, leave_marks, make_marks, marks, opened, query


@pytest.fixture
def url(database_url: str) -> str:
    make_marks(database_url)
    return database_url


class Gate:
    """A step that waits inside its first batch until it is let go."""

    def __init__(self) -> None:
        self.step = step(self.pass_through)
        self.entered, self.open = asyncio.Event(), asyncio.Event()
        self.batches: list[list[str]] = []

    async def pass_through(self, tx: Tx, names: Sequence[str]) -> Sequence[str]:
        """Mark the names, and note which came together."""
        if tx.attempt == 1:
            self.batches.append(list(names))
        self.entered.set()
        await self.open.wait()
        return await leave_marks(tx, names)


def soon() -> float:
    return clock.monotonic() + 20


def send(
    group: GroupCommit, step: Step[str, str], *names: str, region: str = "local"
) -> "asyncio.Task[Receipt[str]]":
    return asyncio.create_task(group.submit(step, region, names, deadline=soon()))


async def settle() -> None:
    """Let every task run as far as it can without the database."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lone_command_commits_at_once(url: str) -> None:
    """Nobody waits for company: with nothing under way a batch of one leaves."""
    async with opened(url) as database:
        receipt = await send(GroupCommit(database), leave_marks, "a")

    assert receipt == Receipt(["marked a"], 1)
    assert marks(url) == {"a": 1}


async def test_what_arrives_during_a_commit_is_the_next_batch(url: str) -> None:
    """The first goes alone, and all that came meanwhile share the second commit."""
    gate = Gate()
    async with opened(url) as database:
        group = GroupCommit(database)
        first = send(group, gate.step, "a")
        await gate.entered.wait()
        later = [send(group, gate.step, *names) for names in ("b", "cd", "e")]
        await settle()
        gate.open.set()
        receipts = await asyncio.gather(first, *later)

    assert gate.batches == [["a"], ["b", "c", "d", "e"]]
    assert [receipt.outcomes for receipt in receipts] == [
        ["marked a"],
        ["marked b"],
        ["marked c", "marked d"],
        ["marked e"],
    ]
    assert [receipt.batch_size for receipt in receipts] == [1, 4, 4, 4]


async def test_batches_keep_to_their_size(url: str) -> None:
    """What is larger than a batch goes in parts, in order, and comes back as one."""
    names = [f"n{i}" for i in range(25)]
    gate = Gate()
    gate.open.set()
    async with opened(url, batch_size_max=10) as database:
        receipt = await send(GroupCommit(database), gate.step, *names)

    assert [len(batch) for batch in gate.batches] == [10, 10, 5]
    assert receipt.outcomes == [f"marked {name}" for name in names]
    assert len(marks(url)) == 25


async def test_kinds_and_regions_do_not_mix(url: str) -> None:
    """A batch is of one kind of command and one region."""
    gate = Gate()

    @step
    async def other_step(tx: Tx, names: Sequence[str]) -> Sequence[str]:
        assert set(names) == {"other"}
        return await leave_marks(tx, names)

    async with opened(url) as database:
        group = GroupCommit(database)
        first = send(group, gate.step, "a")
        await gate.entered.wait()
        rest = [
            send(group, gate.step, "b"),
            send(group, other_step, "other"),
            send(group, gate.step, "c", region="remote"),
        ]
        await settle()
        gate.open.set()
        await asyncio.gather(first, *rest)

    assert sorted(gate.batches) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("poison", [["poison"], ["poison"] * 3, ["poison", "x", "poison"]])
async def test_a_poisonous_command_stands_alone(url: str, poison: list[str]) -> None:
    """A command that breaks the step fails for itself; its neighbours commit, once."""
    names = ["a", "b", *poison, "c", "d"]
    async with opened(url) as database:
        receipt = await send(GroupCommit(database), leave_marks, *names)

    for name, outcome in zip(names, receipt.outcomes, strict=True):
        if name == "poison":
            assert isinstance(outcome, ValueError)
        else:
            assert outcome == f"marked {name}"
    assert marks(url) == {name: 1 for name in names if name != "poison"}


async def test_a_command_the_database_refuses_stands_alone(url: str) -> None:
    """A violated CHECK, which no decision foresaw, costs nobody but its own command."""

    @step
    async def leave_heavy(tx: Tx, names: Sequence[str]) -> list[str]:
        tx.write(LEAVE, lambda: {"names": list(names)})
        if "heavy" in names:
            tx.write(query("UPDATE marks SET count = 1000 WHERE name = 'heavy'"), dict)
        return [f"marked {name}" for name in names]

    async with opened(url) as database:
        receipt = await send(GroupCommit(database), leave_heavy, *"abc", "heavy", *"def")

    assert [isinstance(outcome, Exception) for outcome in receipt.outcomes] == [
        *[False] * 3,
        True,
        *[False] * 3,
    ]
    assert marks(url) == dict.fromkeys("abcdef", 1)


async def test_what_nobody_decided_is_told_to_all(url: str) -> None:
    """A batch that the database would not take is 'unavailable' for each of its commands."""

    @step
    async def sleep(tx: Tx, names: Sequence[str]) -> list[str]:
        await tx.rows(query("SELECT pg_sleep(30)"), {})
        return list(names)

    async with opened(url, statement_timeout_ms=100) as database:
        receipt = await send(GroupCommit(database), sleep, "a", "b")

    assert [type(outcome) for outcome in receipt.outcomes] == [DatabaseRefused] * 2


async def test_a_full_queue_refuses_at_once(url: str) -> None:
    """What does not fit is refused whole, before it waits, and leaves no trace."""
    gate = Gate()
    async with opened(url, queue_length_max=3) as database:
        group = GroupCommit(database)
        first = send(group, gate.step, "a")
        await gate.entered.wait()
        waiting = send(group, gate.step, "b", "c")
        await settle()
        with pytest.raises(QueueFull):
            await group.submit(gate.step, "local", ["d", "e"], deadline=soon())
        fits = send(group, gate.step, "f")
        await settle()
        gate.open.set()
        await asyncio.gather(first, waiting, fits)

    assert marks(url) == dict.fromkeys("abcf", 1)


async def test_a_client_that_goes_away_loses_no_commit(url: str) -> None:
    """Callers cancelled during the commit or in the queue change nothing about what commits."""
    gate = Gate()
    async with opened(url) as database:
        group = GroupCommit(database)
        committing = send(group, gate.step, "a")
        await gate.entered.wait()
        queued, stays = send(group, gate.step, "b"), send(group, gate.step, "c")
        await settle()
        committing.cancel()
        queued.cancel()
        await settle()
        gate.open.set()
        receipt = await stays

    assert (committing.cancelled(), queued.cancelled()) == (True, True)
    assert receipt.outcomes == ["marked c"]
    assert marks(url) == dict.fromkeys("abc", 1)


async def test_a_command_past_its_deadline_is_not_run(url: str) -> None:
    """A command whose time ran out in the queue is told so, and its neighbours go on."""
    gate = Gate()
    async with opened(url) as database:
        group = GroupCommit(database)
        first = send(group, gate.step, "a")
        await gate.entered.wait()
        late = asyncio.create_task(
            group.submit(gate.step, "local", ["late"], deadline=clock.monotonic())
        )
        other = send(group, gate.step, "b")
        await settle()
        gate.open.set()
        receipts = await asyncio.gather(first, late, other)

    assert isinstance(receipts[1].outcomes[0], DeadlineExceeded)
    assert marks(url) == {"a": 1, "b": 1}


async def test_shutting_down_finishes_what_is_queued(url: str) -> None:
    """After `close` nothing new is taken, and all that waits is answered."""
    gate = Gate()
    async with opened(url) as database:
        group = GroupCommit(database)
        tasks = [send(group, gate.step, "a")]
        await gate.entered.wait()
        tasks += [send(group, gate.step, name) for name in "bcd"]
        await settle()
        closing = asyncio.create_task(group.close(timeout_s=20))
        await settle()
        with pytest.raises(ShuttingDown):
            await group.submit(gate.step, "local", ["e"], deadline=soon())
        gate.open.set()
        await closing
        assert all(task.done() for task in tasks)

    assert marks(url) == dict.fromkeys("abcd", 1)


async def test_a_step_with_large_commands_takes_fewer(url: str) -> None:
    """A batch is never larger than its step allows, and one caller's outcomes stay together."""
    batches: list[int] = []

    @step(batch_size_max=2)
    async def carry(tx: Tx, names: Sequence[str]) -> Sequence[str]:
        batches.append(len(names))
        return await leave_marks(tx, names)

    async with opened(url) as database:
        receipt = await GroupCommit(database).submit(carry, "local", list("abc"))

    assert carry.name == "carry"
    assert batches == [2, 1]
    assert receipt.outcomes == ["marked a", "marked b", "marked c"]


async def test_the_outcome_of_a_lone_command(url: str) -> None:
    """A lone command's outcome is had at once, and its exception is raised."""
    async with opened(url) as database:
        group = GroupCommit(database)
        assert (await group.submit(leave_marks, "local", ["a"])).only() == "marked a"
        failed = await group.submit(leave_marks, "local", ["poison"])

    with pytest.raises(ValueError, match="poison"):
        failed.only()


async def test_a_step_that_miscounts_strands_nobody(url: str) -> None:
    """A step with a wrong number of outcomes fails its own batch, and the queue goes on."""
    gate = Gate()

    @step
    async def miscount(tx: Tx, names: Sequence[str]) -> Sequence[str]:
        outcomes = await gate.step(tx, names)
        return outcomes[:-1] if "a" in names else outcomes

    async with opened(url) as database:
        group = GroupCommit(database)
        first = send(group, miscount, "a")
        await gate.entered.wait()
        behind = send(group, miscount, "b")
        await settle()
        gate.open.set()
        receipts = await asyncio.wait_for(asyncio.gather(first, behind), 5)

    assert isinstance(receipts[0].outcomes[0], InvariantViolated)
    assert receipts[1].outcomes == ["marked b"]


@pytest.mark.parametrize(
    "fault", [ConnectionFault.LOST_REQUEST, ConnectionFault.LOST_REPLY, ConnectionFault.OVERTAKEN]
)
async def test_a_batch_with_an_ambiguous_commit_acts_once(url: str, fault: ConnectionFault) -> None:
    """Everyone in a batch whose COMMIT was lost gets an answer, and each has acted once."""

    @step
    async def leave_once(tx: Tx, names: Sequence[str]) -> list[str]:
        tx.write(ONCE, lambda: {"names": list(names)})
        return list(names)

    with FaultProxy(url) as proxy:
        async with opened(proxy.url) as database:
            group = GroupCommit(database)
            await send(group, leave_once, "warm")
            proxy.arm(fault)
            receipts = await asyncio.gather(*[send(group, leave_once, name) for name in "abcdef"])
        assert proxy.struck == 1

    assert [receipt.outcomes for receipt in receipts] == [[name] for name in "abcdef"]
    assert marks(url) == dict.fromkeys(["a", "b", "c", "d", "e", "f", "warm"], 1)


async def test_several_processes_share_a_row(url: str) -> None:
    """Batches of several processes on one row all commit, none lost and none doubled."""

    @step
    async def count_up(tx: Tx, names: Sequence[str]) -> list[str]:
        tx.write(
            query(
                "INSERT INTO marks VALUES ('hot', %(n)s)"
                " ON CONFLICT (name) DO UPDATE SET count = marks.count + %(n)s"
            ),
            lambda: {"n": len(names)},
        )
        return list(names)

    async def process(database: Database) -> list[Any]:
        group = GroupCommit(database)
        receipts = await asyncio.gather(*[send(group, count_up, str(i)) for i in range(40)])
        return [outcome for receipt in receipts for outcome in receipt.outcomes]

    async with opened(url) as one, opened(url) as two, opened(url) as three:
        outcomes = await asyncio.gather(*map(process, (one, two, three)))

    assert outcomes == [[str(i) for i in range(40)]] * 3
    assert marks(url) == {"hot": 120}
