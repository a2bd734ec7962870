"""Group commit with a merchant that has to wait: others neither wait for it nor lack room."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec
import pytest

from app.base import clock, ids
from app.engine.database import GroupCommit, Receipt, Tx, step
from app.engine.database.errors import QueueFull
from tests.support.engine import leave_marks, make_marks, marks, opened

BLOCKED, OTHER = ids.new(), ids.new()


class Mark(msgspec.Struct, frozen=True):
    """Leave a mark, for a merchant."""

    merchant_id: UUID
    name: str


class Gate:
    """A step in which the first batch of one merchant waits until it is let go."""

    def __init__(self) -> None:
        self.step = step(self.pass_through)
        self.entered, self.open = asyncio.Event(), asyncio.Event()
        self.order: list[str] = []

    async def pass_through(self, tx: Tx, commands: Sequence[Mark]) -> Sequence[str]:
        """Mark the names."""
        if commands[0].merchant_id == BLOCKED:
            self.entered.set()
            await self.open.wait()
        self.order += [command.name for command in commands]
        return await leave_marks(tx, [command.name for command in commands])


def send(
    group: GroupCommit, gate: Gate, merchant_id: UUID, *names: str
) -> "asyncio.Task[Receipt[str]]":
    commands = [Mark(merchant_id, name) for name in names]
    work = group.submit(gate.step, "local", commands, deadline=clock.monotonic() + 60)
    return asyncio.create_task(work)


@pytest.fixture
def url(database_url: str) -> str:
    make_marks(database_url)
    return database_url


async def test_a_blocked_merchant_holds_up_nobody(url: str) -> None:
    """However many of its requests wait, one of another merchant that came later does not."""
    gate = Gate()
    names = [f"n{i:03}" for i in range(300)]
    async with opened(url, database_writers=2) as database:
        group = GroupCommit(database)
        blocked = [send(group, gate, BLOCKED, "first")]
        await gate.entered.wait()
        blocked += [send(group, gate, BLOCKED, name) for name in names]
        other = await asyncio.wait_for(send(group, gate, OTHER, "other"), 30)
        was_first = gate.order == ["other"]
        gate.open.set()
        await asyncio.gather(*blocked)

    assert other.outcomes == ["marked other"]
    assert was_first
    assert gate.order == ["other", "first", *names]
    assert marks(url) == dict.fromkeys(["first", "other", *names], 1)


async def test_a_blocked_merchant_takes_half_of_the_room(url: str) -> None:
    """Beyond it the merchant's own requests are refused, and another one's are taken."""
    gate = Gate()
    async with opened(url, database_writers=2, queue_length_max=20) as database:
        group = GroupCommit(database)
        waiting = [send(group, gate, BLOCKED, "first")]
        await gate.entered.wait()
        waiting += [send(group, gate, BLOCKED, f"n{i}") for i in range(10)]
        await asyncio.wait_for(send(group, gate, OTHER, "other"), 30)
        with pytest.raises(QueueFull):
            await send(group, gate, BLOCKED, "more")
        await asyncio.wait_for(send(group, gate, OTHER, *[f"o{i}" for i in range(10)]), 30)
        gate.open.set()
        await asyncio.gather(*waiting)
        await send(group, gate, BLOCKED, *[f"m{i}" for i in range(20)])

    assert sum(marks(url).values()) == 1 + 10 + 1 + 10 + 20
