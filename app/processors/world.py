"""What the external steps of flows work with, made once per process."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from app.engine.database import Database
from app.engine.saga import Flow, Postpone, Sagas
from app.processors.model import Notification
from app.processors.registry import Processors


@dataclass(slots=True)
class World:
    """The outside, as a flow sees it."""

    database: Database
    sagas: Sagas
    processors: Processors
    followers: Mapping[
        str, Callable[["World", Flow, str, Notification], Awaitable[str | Postpone]]
    ] = field(default_factory=dict)
    """Subject of a notification -> who looks at what it is about.

    (world, the notification's own flow, processor, notification) -> what came of it, for people.
    """
