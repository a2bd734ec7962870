"""Declaring and running flows."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from app.database import GroupCommit, Receipt, Step
from app.idempotency import Answer

C = TypeVar("C")


class Atomic(msgspec.Struct, frozen=True):
    """A step that is one transaction, shared with everyone who asks for the same just then."""

    step: Step[Any, Answer]


def atomic(step: Step[Any, Answer]) -> Atomic:
    """Declare an atomic step."""
    return Atomic(step)


class Saga(Generic[C]):
    """A flow: a name, and what happens, in order.

    The flows of the wallet rail are a single atomic step: all of a payment is inside the database.
    """

    def __init__(self, name: str, step: Atomic) -> None:
        self.name = name
        self.step = step

    async def run(
        self, group_commit: GroupCommit, region: str, commands: Sequence[C], *, deadline: float
    ) -> Receipt[Answer]:
        """The answers of `commands`, in order, once they are durable.

        Raises:
            QueueFull, ShuttingDown: nothing was done.
        """
        return await group_commit.submit(self.step.step, region, commands, deadline=deadline)
