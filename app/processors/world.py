"""What the external steps of flows use, made once per process."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from app.engine.database import Database
from app.engine.saga import Flow, Postpone, Sagas
from app.processors.model import Notification
from app.processors.registry import Processors


@dataclass(slots=True)
class World:
    """The processors, and what a flow needs beside them."""

    database: Database
    sagas: Sagas
    processors: Processors
    followers: Mapping[
        str, Callable[["World", Flow, str, Notification], Awaitable[str | Postpone]]
    ] = field(default_factory=dict)
    """Subject of a notification -> the function that finds out what happened to it.

    (world, the notification's own flow, processor, notification) -> the result, for people.
    """
