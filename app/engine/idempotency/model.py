"""Keys, intents and answers: pure."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from app.base.errors import PlatformError, problem
from app.engine.database import NOBODY_MOVES, Moving, regions_of
from app.engine.idempotency.errors import KeyMalformed, KeyMissing, KeyReused

KEY_LENGTH_MAX = 255
PROVISIONAL = 202  # the status of an answer that a flow will replace when it ends


class Intent(msgspec.Struct, frozen=True):
    """One intent of one client: its name for it, and what it asks."""

    id: UUID
    """SHA-256 of the key, cut to 128 bits: random, whatever clients choose."""
    key: str
    request: str
    """Method, path and canonical body, apart by a space; equal text is the same request."""


class Answer(msgspec.Struct, frozen=True):
    """What a client gets: an HTTP status and a body, kept byte for byte."""

    status: int
    body: str
    replayed: bool = False
    """Whether an earlier request under the same key did the work."""
    flow: Any = None
    """The flow (`saga.Flow`) that goes on after this answer and will replace it: it is
    provisional, and its status 202."""
    expires_at: datetime | None = None
    """Until when it is kept under its key; none: it was kept just now, for its whole time."""
    waits_for: UUID | None = None
    """The flow that has to end before the command can be decided; nothing was done, and nothing is
    kept under the key."""

    @property
    def is_provisional(self) -> bool:
        """Whether the flow behind it has not ended yet."""
        return self.status == PROVISIONAL


class Command(msgspec.Struct, frozen=True):
    """What every command carries: whose it is, where it lives, why it came.

    A kind of command inherits from it. Requests (`Call.command`) and flows (`Flow.command`) fill it
    for the commands that are made on their behalf.
    """

    region: str
    """The merchant's home."""
    merchant_id: UUID
    intent: Intent | None
    """The client's name for it; none: it is harmless twice without one."""
    correlation_id: str
    """Of the request that caused it."""
    former_region: str | None
    """The other region in which rows of the merchant may be, while it moves."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Where to look for the merchant's rows outside a transaction, in this order."""
        return regions_of(self.region, self.former_region)


C = TypeVar("C", bound=Command)
P = ParamSpec("P")

Kind: TypeAlias = Callable[Concatenate[str, UUID, Intent | None, str, str | None, P], C]
"""A class of commands, for code that fills in what all commands carry."""


def parse_key(header: str | None) -> str:
    """The key in an `Idempotency-Key` header, bare or as a structured-field string.

    Source: draft-ietf-httpapi-idempotency-key-header, section 2.1; RFC 8941, section 3.3.3.

    Raises:
        KeyMissing: no header, or an empty one.
        KeyMalformed: too long, or not printable ASCII.
    """
    if not header:
        raise KeyMissing
    key = header
    if len(key) >= 2 and key[0] == key[-1] == '"':  # noqa: PLR2004 - two quotes
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not key:
        raise KeyMissing
    if len(key) > KEY_LENGTH_MAX or not (key.isascii() and key.isprintable()):
        raise KeyMalformed
    return key


def intent(key: str, method: str, path: str, body: str) -> Intent:
    """The intent `key` names; `body` is the canonical JSON of the request."""
    digest = hashlib.sha256(key.encode()).digest()
    return Intent(UUID(bytes=digest[:16]), key, f"{method} {path} {body}")


def internal_intent(key: str) -> Intent:
    """An intent of our own making, for work that no client named.

    Its key begins with a tab, which `parse_key` refuses, so no client can take it.
    """
    return intent(f"\t{key}", "INTERNAL", "/", "{}")


def refusal(error: PlatformError, correlation_id: str) -> Answer:
    """A refusal as an answer that can be kept."""
    body = msgspec.json.encode(problem(error, correlation_id)).decode()
    return Answer(error.status, body)


class Claims(Generic[C]):
    """Which commands of a batch act, and what the others are answered.

    `fresh` holds the commands to act on, in order. Afterwards `merge` puts the fresh answers and
    the others together again, one per command of the batch.
    """

    def __init__(
        self,
        commands: Sequence[C],
        known: Mapping[tuple[UUID, UUID], "Known"],
        moving: Moving = NOBODY_MOVES,
    ) -> None:
        self.commands = commands
        self.moving = moving
        """The merchants of the batch that move; their rows must be pulled before they are read."""
        self.fresh: list[C] = []
        self._answers: list[Answer | None] = []
        self._places: list[int] = []
        """For each command the index in `fresh` of the one that acts for it; -1 where none does."""
        first: dict[tuple[UUID, UUID], tuple[int, Intent]] = {}
        for command in commands:
            name = command.intent
            if name is None:
                self._act(command)
                continue
            key = (command.merchant_id, name.id)
            earlier = first.get(key)
            if earlier is not None:
                self._follow(command, name, *earlier)
            elif known and (found := known.get(key)) is not None:
                self._replay(command, name, found)
            else:
                first[key] = (len(self.fresh), name)
                self._act(command)

    def _act(self, command: C) -> None:
        self._places.append(len(self.fresh))
        self._answers.append(None)
        self.fresh.append(command)

    def _follow(self, command: C, name: Intent, place: int, acting: Intent) -> None:
        """The key stands in this batch already: wait for its answer, or refuse another request."""
        same = acting.request == name.request
        self._places.append(place if same else -1)
        self._answers.append(None if same else _refuse(command, acting.request, name.request))

    def _replay(self, command: C, name: Intent, found: "Known") -> None:
        same = found.request == name.request
        answer = found.answer if same else _refuse(command, found.request, name.request)
        self._places.append(-1)
        self._answers.append(answer)

    def merge(self, fresh_answers: Sequence[Answer]) -> list[Answer]:
        """One answer per command, in the order of the batch."""
        merged = []
        acted: set[int] = set()
        for place, answer in zip(self._places, self._answers, strict=True):
            if answer is not None:
                merged.append(answer)
            elif place in acted:
                # The command that acts drives the flow; the others only wait for its answer.
                first = fresh_answers[place]
                merged.append(msgspec.structs.replace(first, replayed=True, flow=None))
            else:
                acted.add(place)
                merged.append(fresh_answers[place])
        return merged


class Known(msgspec.Struct, frozen=True):
    """What an earlier transaction stored under a key."""

    request: str
    answer: Answer


def reused(before: str, now: str) -> KeyReused:
    """The refusal of a request under the key of another one."""
    return KeyReused(differs_in=", ".join(_differences(before, now)))


def _refuse(command: Command, before: str, now: str) -> Answer:
    return refusal(reused(before, now), command.correlation_id)


def _differences(before: str, now: str) -> list[str]:
    """Names of what differs between two requests: method, path, or fields of the body."""
    old_method, old_path, old_body = before.split(" ", 2)
    new_method, new_path, new_body = now.split(" ", 2)
    names = [
        name
        for name, old, new in (("method", old_method, new_method), ("path", old_path, new_path))
        if old != new
    ]
    old, new = _fields(old_body), _fields(new_body)
    return names + sorted(
        name
        for name in old.keys() | new.keys()
        # A field that is `null` is another one than none at all.
        if (name in old, old.get(name)) != (name in new, new.get(name))
    )


def _fields(body: str) -> dict[str, Any]:
    fields = msgspec.json.decode(body)
    return fields if isinstance(fields, dict) else {"body": fields}
