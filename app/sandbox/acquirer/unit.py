"""Units of work: the reads and writes of one command, all or nothing, in a batch of many.

A unit's writes stay in memory until it ends without an error, and a batch's until the batch is
written, with one statement per table. So a failed command leaves nothing behind.
"""

import secrets
import sqlite3
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from app.base import ids
from app.base.queries import Queries
from app.sandbox.acquirer.faults import Script
from app.sandbox.acquirer.model import KINDS, Movement, Notice, Record, Timer
from app.sandbox.acquirer.wire import RequestRefused

R = TypeVar("R", bound=Record)

queries = Queries("app.sandbox.acquirer", "sqlite.sql")

_encode = msgspec.json.Encoder().encode
_decoders = {kind: msgspec.json.Decoder(record) for kind, record in KINDS.items()}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TAG_LETTERS = 6  # 300 million files


def microseconds(instant: datetime) -> int:
    """Since 1970, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(micros: int) -> datetime:
    """The instant so many microseconds after 1970."""
    return _EPOCH + micros * _MICROSECOND


class _Kept(Struct, frozen=True):
    """A record as it is kept."""

    row_id: int
    fingerprint: str
    record: Record


class Ids:
    """The sandbox's own ids: growing numbers, with a tag that identifies the file.

    After the file was deleted, the ids of the new one must not equal those of the old one.
    """

    def __init__(self, tag: str, last: int) -> None:
        self._tag = tag
        self._last = last
        self.notices = 0
        """Notifications made in this life; every second one may be held back."""

    def next(self) -> int:
        """A number higher than all before."""
        self._last += 1
        return self._last

    def name(self, prefix: str, number: int) -> str:
        return f"{prefix}_{self._tag}{number:012d}"

    @staticmethod
    def number(name: str) -> int:
        """The number inside an id; 0 if it is none."""
        digits = name[-12:]
        return int(digits) if digits.isdecimal() else 0


class WriteBatch:
    """The writes of many units in one transaction."""

    def __init__(self, connection: sqlite3.Connection, names: Ids, now: datetime) -> None:
        self.connection = connection
        self.names = names
        self.now = now
        self.kept: dict[tuple[str, str], _Kept] = {}
        """Records read or written by this transaction."""
        self.objects: dict[tuple[str, str], _Kept] = {}
        self.movements: list[tuple[datetime, Movement]] = []
        self.notifications: list[tuple[str, str, int, int]] = []
        self.timers: list[Timer] = []
        self.ended_timers: list[int] = []
        self.has_news = self.has_timers = False

    def write(self) -> None:
        """Write what the units so far have left."""
        if self.objects:
            rows = [
                (kept.row_id, kind, reference, kept.record.merchant, kept.fingerprint,
                 _encode(kept.record).decode())
                for (kind, reference), kept in self.objects.items()
            ]  # fmt: skip
            self._execute("write_objects", rows)
            self.objects = {}
        if self.movements:
            self._write_movements()
            self.movements = []
        if self.notifications:
            self._execute("insert_notifications", self.notifications)
            self.notifications, self.has_news = [], True
        if self.timers:
            self._execute(
                "insert_timers",
                [(microseconds(t.due_at), t.name, t.reference) for t in self.timers],
            )
            self.timers, self.has_timers = [], True
        if self.ended_timers:
            ended = _encode(self.ended_timers).decode()
            self.connection.execute(queries.delete_timers.source, {"ids": ended})
            self.ended_timers = []

    def _write_movements(self) -> None:
        lines, sums = [], dict[tuple[str, str], list[int]]()
        for at, m in self.movements:
            day = at.date().isoformat()
            lines.append(
                (day, at.isoformat(), m.kind, m.reference, m.authorization, m.merchant,
                 m.currency, m.gross_minor, m.fee_minor, m.reported_minor)
            )  # fmt: skip
            total = sums.setdefault((day, m.currency), [0, 0, 0, 0])
            for n, amount in enumerate((1, m.gross_minor, m.fee_minor, m.reported_minor)):
                total[n] += amount
        self._execute("insert_movements", lines)
        self._execute("add_to_days", [(*key, *total) for key, total in sums.items()])

    def _execute(self, name: str, rows: Iterable[Any]) -> None:
        # One statement for all rows: the interpreter's lock is released and taken once, and not
        # once a row, each of which would wait for the busy thread that answers requests.
        text = _encode(list(rows)).decode()
        self.connection.execute(getattr(queries, name).source, {"rows": text})


class Unit:
    """The view and the writes of one command."""

    def __init__(
        self,
        batch: WriteBatch,
        script: Script,
        wall_ms: Callable[[], int],
    ) -> None:
        self._batch = batch
        self.script = script
        self._wall_ms = wall_ms
        self._objects: dict[tuple[str, str], _Kept] = {}
        self._movements: list[tuple[datetime, Movement]] = []
        self._notices: list[Notice] = []
        self._timers: list[Timer] = []
        self._ended_timers: list[int] = []

    @property
    def now(self) -> datetime:
        """The sandbox's time; the same for all units of a batch."""
        return self._batch.now

    def find(self, kind: type[R], reference: str) -> R | None:
        """The record of that name."""
        kept = self._find(kind, reference)
        return None if kept is None else kept.record  # type: ignore[return-value]

    def get(self, kind: type[R], reference: str) -> R:
        """The record of that name.

        Raises:
            Refused: there is none.
        """
        record = self.find(kind, reference)
        if record is None:
            raise RequestRefused(404, "not_found", f"There is no {kind.kind} of that reference.")
        return record

    def find_repeated(self, kind: type[R], reference: str, fingerprint: str) -> R | None:
        """Find the record of an earlier equal request.

        Raises:
            Refused: another request used the reference.
        """
        kept = self._find(kind, reference)
        if kept is None:
            return None
        if kept.fingerprint != fingerprint:
            raise RequestRefused(
                409, "reference_reused", f"The {kind.kind} of that reference is another one."
            )
        return kept.record  # type: ignore[return-value]

    def _find(self, kind: type[Record], reference: str) -> _Kept | None:
        key = (kind.kind, reference)
        kept = self._objects.get(key) or self._batch.kept.get(key)
        if kept is None:
            row = self._batch.connection.execute(
                queries.find_object.source, {"kind": kind.kind, "reference": reference}
            ).fetchone()
            if row is None:
                return None
            kept = _Kept(row[0], row[1], _decoders[kind.kind].decode(row[2]))
            self._batch.kept[key] = kept
        return kept

    def name(self, kind: type[Record]) -> str:
        """A name for a new record."""
        names = self._batch.names
        return names.name(kind.prefix, names.next())

    def add(self, record: Record, fingerprint: str = "") -> None:
        """Keep a new record."""
        row_id = self._batch.names.number(record.id)
        self._objects[record.kind, record.reference] = _Kept(row_id, fingerprint, record)

    def change(self, record: Record) -> None:
        """Write a record's new state."""
        kept = self._find(type(record), record.reference)
        assert kept is not None
        self._objects[record.kind, record.reference] = msgspec.structs.replace(kept, record=record)

    def move(self, movement: Movement) -> None:
        """Record money that moved."""
        self._movements.append((self.now, movement))

    def tell(self, notice: Notice) -> None:
        """Notify Suya once this is durable."""
        self._notices.append(notice)

    def later(self, timer: Timer) -> None:
        """Set a timer."""
        self._timers.append(timer)

    def restart_at(self, now: datetime) -> None:
        """Go on at another instant, because the clock was moved."""
        self._batch.now = now

    def take_timers(self, limit: int) -> list[Timer]:
        """Take the timers that are due, in order.

        They are removed if this unit ends without an error.
        """
        self._batch.write()  # writes of the batch's earlier units count
        rows = self._batch.connection.execute(
            queries.list_timers_due.source, {"now": microseconds(self.now), "limit": limit}
        ).fetchall()
        self._ended_timers += [row[0] for row in rows]
        return [Timer(due_at=instant_of(row[1]), name=row[2], reference=row[3]) for row in rows]

    def execute(self, name: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        """Run another of the named statements, after all that the batch has written so far."""
        self._batch.write()
        return self._batch.connection.execute(getattr(queries, name).source, parameters)

    def end(self) -> None:
        """Hand the writes over to the batch."""
        batch = self._batch
        batch.kept.update(self._objects)
        batch.objects.update(self._objects)
        batch.movements += self._movements
        batch.timers += self._timers
        batch.ended_timers += self._ended_timers
        for notice in self._notices:
            batch.notifications.append(self._notification(notice))

    def _notification(self, notice: Notice) -> tuple[str, str, int, int]:
        webhook_id = ids.encode("notification", ids.new())
        payload = _encode(
            {
                "id": webhook_id,
                "type": notice.type,
                "created_at": self.now,
                "merchant": notice.merchant,
                "data": notice.data,
            }
        ).decode()
        script = self.script.notifications
        names = self._batch.names
        names.notices += 1
        held_ms = script.reorder_ms if names.notices % 2 else 0
        due_ms = self._wall_ms() + script.delay_ms + held_ms
        return webhook_id, payload, notice.copies + script.copies, due_ms


def new_tag() -> str:
    """A tag for a new file: letters, because with digits a name may look like a card's number."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(_TAG_LETTERS))
