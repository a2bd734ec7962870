"""A processor that says what a test wrote down, and a world in which it is the only one."""

from collections.abc import Callable, Mapping
from typing import Any

from app.domains.merchants.reads import find_homes
from app.engine.database import Database, GroupCommit
from app.engine.saga import Saga, Sagas
from app.processors import Notification, Processors, World
from app.processors.ports import Processor

ACQUIRER = "acquirer"


class Said:
    """Answers what it was given for each operation, and notes what it is asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        async def answer(*_: Any) -> Any:
            self.asked.append(operation)
            return self.answers[operation]

        return answer


def world_of(database: Database, group: GroupCommit, said: Said, *sagas: Saga[Any]) -> World:
    """The outside, where one processor is; flows of `sagas` can be run in it."""
    ports: Any = dict.fromkeys(("cards", "banks", "disputes"), said)
    processors = Processors([Processor(ACQUIRER, _hears_nothing, **ports)], ())
    made = Sagas(database, group, sagas, find_homes, lambda own: World(database, own, processors))
    world = made.world
    assert isinstance(world, World)
    return world


def _hears_nothing(headers: Mapping[str, str], body: bytes) -> Notification:
    raise AssertionError((headers, body))
