"""The sandbox's file: SQLite, written by one thread, in one transaction for all waiting commands.

Commands that arrive during a transaction form the next one; each is answered after its own is
committed. So an answer survives the process, however it ends. It need not survive the machine: a
sandbox's books are test data, and flushing them to disk would slow down what is tested.
"""

import asyncio
import contextlib
import queue
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from app.base import clock
from app.base.telemetry import describe, log
from app.sandbox.acquirer.faults import Faults
from app.sandbox.acquirer.unit import Ids, Unit, WriteBatch, new_tag, queries
from app.sandbox.acquirer.wire import RequestRefused

T = TypeVar("T")

Job: TypeAlias = Callable[[Unit], T]
"""A command: it reads and writes through its unit, and returns its answer."""

BATCH_MAX = 512  # commands per transaction; as many as the platform's own
WAITING_MAX = 20_000  # commands; above it the sandbox says that it is busy
# Where answers are delayed anyway, commands wait for others: a commit costs as much as three of
# them.
_GATHER_SHARE, _GATHER_S_MAX = 0.1, 0.01
_BUSY_MS = 5_000  # while another connection opens or closes the file
_SWITCH_S = 0.0005  # two threads share the interpreter; a commit must not wait 5 ms for its turn

_SETTINGS = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer
    "PRAGMA synchronous = NORMAL",  # a commit is in the kernel's hands: safe from kill -9
    f"PRAGMA busy_timeout = {_BUSY_MS}",
    "PRAGMA cache_size = -65536",  # 64 MB: the indexes of some million records
    "PRAGMA temp_store = MEMORY",
)


class _Waiting(Struct, Generic[T], eq=False):
    """A command, and the future of its result."""

    job: Job[T]
    future: "asyncio.Future[T]"


class Store:
    """The file, open."""

    def __init__(self, path: Path, faults: Faults) -> None:
        """Open the file, which is created if it is missing."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.faults = faults
        self.news = asyncio.Event()
        """Set when there are notifications to send."""
        self.timers = asyncio.Event()
        """Set when a timer was added."""
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._writer = self._connect()
        self._prepare()
        self._reader = self._connect()
        self._pages = self._connect()
        self._pages_lock = threading.Lock()
        self._waiting: queue.SimpleQueue[_Waiting[Any] | None] = queue.SimpleQueue()
        self._length = 0
        self._closed = False
        sys.setswitchinterval(_SWITCH_S)
        self._thread = threading.Thread(target=self._work, name="acquirer-store", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        for statement in _SETTINGS:
            connection.execute(statement)
        return connection

    def _prepare(self) -> None:
        schema = resources.files("app.sandbox.acquirer").joinpath("schema.sql").read_text("utf-8")
        self._writer.executescript(schema)
        for name, value in (
            ("tag", new_tag()),
            ("fingerprint_key", secrets.token_hex(32)),
            ("clock_offset_us", "0"),
        ):
            if self._variable(name) is None:
                parameters = {"name": name, "value": value}
                self._writer.execute(queries.write_variable.source, parameters)
        (last,) = self._writer.execute(queries.find_highest_id.source).fetchone()
        self._names = Ids(self._variable("tag") or "", last or 0)
        self.fingerprint_key = bytes.fromhex(self._variable("fingerprint_key") or "")
        self._offset = timedelta(microseconds=int(self._variable("clock_offset_us") or 0))
        self._now = self._clock()

    def _variable(self, name: str) -> str | None:
        row = self._writer.execute(queries.find_variable.source, {"name": name}).fetchone()
        return None if row is None else str(row[0])

    def _clock(self) -> datetime:
        return clock.now() + self._offset

    @property
    def now(self) -> datetime:
        """The time of the sandbox's clock."""
        return max(self._clock(), self._now)

    async def run(self, job: Job[T]) -> T:
        """Run `job` in a transaction; returns its result once its writes are durable.

        Raises:
            Refused: what `job` raised; or 503 `busy`, if too many wait. Nothing was changed.
        """
        if self._closed or self._length >= WAITING_MAX:
            raise RequestRefused(503, "busy", "Too many requests wait; nothing was done.")
        self._length += 1
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put(_Waiting(job, future))
        return await future

    def find(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row of a statement that reads; it does not wait for the writer."""
        row = self._reader.execute(getattr(queries, statement).source, parameters).fetchone()
        return None if row is None else tuple(row)

    async def list_rows(
        self, statement: str, parameters: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        """A page of rows of a statement that reads, in a thread of its own."""

        def read() -> list[tuple[Any, ...]]:
            with self._pages_lock:
                return self._pages.execute(
                    getattr(queries, statement).source, parameters
                ).fetchall()

        return await asyncio.to_thread(read)

    async def close(self) -> None:
        """Finish waiting commands, and close the file."""
        self._closed = True
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)
        for connection in (self._writer, self._reader, self._pages):
            connection.close()

    def shift_clock(self, unit: Unit, by: timedelta) -> None:
        """Move the clock forward, for everything after `unit` in its batch and later."""
        assert by >= timedelta(0)
        self._offset += by
        unit.execute(
            "write_variable",
            {"name": "clock_offset_us", "value": str(self._offset // timedelta(microseconds=1))},
        )
        unit.restart_at(self.now)

    def _work(self) -> None:
        """Commit batch after batch, until told to stop."""
        for waiting in self._batches():
            outcomes = self._commit(waiting)
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
                self._loop.call_soon_threadsafe(self._hand_out, waiting, *outcomes)

    def _batches(self) -> Iterator[list[_Waiting[Any]]]:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            if self.faults.script.latency_ms:
                latency_s = self.faults.script.latency_ms / 1000
                # Pauses this thread alone.
                time.sleep(min(_GATHER_S_MAX, _GATHER_SHARE * latency_s))
            with contextlib.suppress(queue.Empty):
                while len(batch) < BATCH_MAX:
                    following = self._waiting.get_nowait()
                    if following is None:
                        self._waiting.put(None)
                        break
                    batch.append(following)
            yield batch

    def _commit(self, waiting: Sequence[_Waiting[Any]]) -> tuple[list[Any], bool, bool]:
        """Run and commit a batch.

        Returns an outcome for each, and whether there are news and timers.
        """
        self._now = max(self._clock(), self._now)
        batch = WriteBatch(self._writer, self._names, self._now)
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            outcomes = [self._run_one(batch, one.job) for one in waiting]
            batch.write()
            self._writer.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a full disk must not end the thread
            log.error("batch_failed", commands=len(waiting), **describe(error))
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            self._offset = timedelta(microseconds=int(self._variable("clock_offset_us") or 0))
            return [error] * len(waiting), False, False
        return outcomes, batch.has_news, batch.has_timers

    def _run_one(self, batch: WriteBatch, job: Job[Any]) -> Any:
        """Return what a command returned or raised; if it raised, it wrote nothing."""
        unit = Unit(batch, self.faults.script, wall_ms)
        try:
            answer = job(unit)
        except RequestRefused as refused:
            return refused
        except Exception as error:  # noqa: BLE001 - it must not harm the others of its batch
            log.error("command_failed", **describe(error))
            return error
        unit.end()
        return answer

    def _hand_out(
        self,
        waiting: Sequence[_Waiting[Any]],
        outcomes: Sequence[Any],
        news: bool,  # noqa: FBT001 - call_soon takes no names
        timers: bool,  # noqa: FBT001
    ) -> None:
        self._length -= len(waiting)
        for one, outcome in zip(waiting, outcomes, strict=True):
            if one.future.done():
                continue
            if isinstance(outcome, Exception):
                one.future.set_exception(outcome)
            else:
                one.future.set_result(outcome)
        if news:
            self.news.set()
        if timers:
            self.timers.set()


def wall_ms() -> int:
    """Milliseconds since 1970 by the wall's clock, which notifications use."""
    return int(clock.now().timestamp() * 1000)
