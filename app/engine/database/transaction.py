"""`transact`: the only door through which money moves.

A transaction is a function that may run again: a serialization failure can come from any statement
and from COMMIT, and a connection can be lost while COMMIT is under way. So the work must have no
effect outside `tx`, and it must write, in the same transaction, the key by which a second run
recognises the first one.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus

from app.base import clock, ids
from app.base.errors import InvariantViolated
from app.base.queries import Query
from app.base.settings import Settings
from app.base.telemetry import metrics
from app.engine.database import faults, sqlstate
from app.engine.database.engine import Database, Driver, Params, Rows, hang_up_after
from app.engine.database.errors import (
    ClockBehind,
    CommitUnknown,
    ContentionTooHigh,
    DatabaseRefused,
    DatabaseUnreachable,
    DeadlineExceeded,
)
from app.engine.database.faults import FaultPoint
from app.engine.database.fences import FenceGone, queries
from app.engine.database.sqlstate import FailureAction

T = TypeVar("T")

ATTEMPTS_MAX = 40  # with the pauses below about 15 s: a crash recovery or a lease move fits in
_DUPLICATES_MAX = 2  # in a row: from the second attempt on keys are looked up, so a third is a bug
_PAUSE_S = 0.004  # a batch takes about this long, so the first retry meets a finished neighbour
_PAUSE_S_MAX = 1.0  # a database that restarts is asked about once a second
_HANG_UP_S = 0.2  # what a connection takes to notice that it was broken

# How far what a transaction locks may be ahead of the database's clock: by as much as it waited for
# the locks, and by what the clocks of a cluster's nodes differ. More is a clock that jumped.
_AHEAD_MAX = timedelta(seconds=60)
_TICK = timedelta(microseconds=1)


class KeysTaken(Exception):
    """A key the work took for fresh has been claimed meanwhile; the next run looks it up."""

    name = "keys_taken"


class Writer:
    """One unbroken run of commits by one lane: the identity of a chain of journal blocks.

    After an attempt with unknown outcome the chain's head is unknown too, so a new chain begins.
    """

    def __init__(self, stripe: int = 0) -> None:
        self.stripe = stripe
        """Which stripe of hot platform accounts to use; writers side by side differ."""
        self.restart()

    def restart(self) -> None:
        self.id: UUID = ids.new()
        self.sequence = 0
        self.head = b""
        self._next: tuple[int, bytes] | None = None

    def propose(self, sequence: int, head: bytes) -> None:
        """What the chain will be if the transaction commits."""
        self._next = (sequence, head)

    def committed(self) -> None:
        """The transaction committed; a proposal becomes the head."""
        if self._next is not None:
            self.sequence, self.head = self._next
        self._next = None

    def aborted(self) -> None:
        """The transaction surely did not commit."""
        self._next = None


class _Write(NamedTuple):
    """A write that waits for the pipeline."""

    query: Query
    params: Callable[[], Params]
    rows: int | None
    otherwise: Callable[[], Exception] | None


class Tx:
    """One attempt of one transaction.

    Reads go out at once. Writes are kept and leave together in one pipeline, so a batch costs one
    round trip for all its writes; none of them is needed by a later read of the same transaction.
    """

    def __init__(
        self,
        driver: Driver,
        settings: Settings,
        attempt: int,
        writer: Writer,
        now: datetime,
        *,
        is_fenced: bool,
    ) -> None:
        self.settings = settings
        self.attempt = attempt
        """1 for the first run; later runs must reckon with their own earlier commit."""
        self.writer = writer
        self.now = now
        """The instant of the transaction, by which it decides and dates what it writes: the
        database's clock when it began, and after the last change of all that it has `seen`."""
        self.earliest = now
        """It dates nothing before that."""
        self.is_fenced = is_fenced
        """Whether nothing before `earliest` is taken for final while it runs."""
        self._driver = driver
        self._writes: list[_Write] = []

    def see(self, changed_at: Iterable[datetime]) -> None:
        """Reckon with when what it has locked changed last, so that its own instant is later.

        Then instants ascend as versions do, whatever the clocks of nodes say and however long
        transactions wait for each other.

        Raises:
            ClockBehind: by more than clocks and waits explain.
        """
        latest = max(changed_at, default=self.earliest)
        if latest - self.earliest > _AHEAD_MAX:
            raise ClockBehind(seconds=round((latest - self.earliest).total_seconds()))
        if latest >= self.now:
            self.now = latest + _TICK

    async def rows(self, query: Query, params: Params) -> Rows:
        """All rows of a statement, now. Writes that are still kept are not visible to it."""
        cursor = await self._driver.execute(query.text, params)
        return await cursor.fetchall()

    async def execute(self, query: Query, params: Params) -> int:
        """Run a writing statement now, because a later read needs it; returns the row count."""
        cursor = await self._driver.execute(query.text, params)
        return cursor.rowcount

    def write(
        self,
        query: Query,
        params: Callable[[], Params],
        *,
        rows: int | None = None,
        otherwise: Callable[[], Exception] | None = None,
    ) -> None:
        """Keep a write for the pipeline before COMMIT.

        Args:
            params: makes the parameters when their turn has come, so that the database works on
                one statement while the next one's columns are put together.
            rows: how many rows it must touch; another count aborts the transaction.
            otherwise: makes the exception for that case; a bug is assumed where there is none.
        """
        self._writes.append(_Write(query, params, rows, otherwise))

    async def flush(self) -> None:
        """Send all kept writes in one round trip and check what they touched."""
        if not self._writes:
            return
        writes, self._writes = self._writes, []
        async with self._driver.pipeline():
            # Prepared at once: one that the driver has only counted so far it would prepare later,
            # and never learn that this was skipped because a statement before it failed.
            cursors = [
                await self._driver.execute(w.query.text, w.params(), prepare=True) for w in writes
            ]
        for cursor, write in zip(cursors, writes, strict=True):
            if write.rows is not None and cursor.rowcount != write.rows:
                if write.otherwise is not None:
                    raise write.otherwise()
                message = f"{write.query.name} touched {cursor.rowcount} rows and not {write.rows}"
                raise InvariantViolated(message)


async def transact(
    database: Database,
    work: Callable[[Tx], Awaitable[T]],
    *,
    region: str | None = None,
    deadline: float | None = None,
    writer: Writer | None = None,
) -> T:
    """Run `work` in a SERIALIZABLE transaction and commit it; the result is durable on return.

    Runs `work` again after a serialization failure, a deadlock, a lost connection and an ambiguous
    commit, with full jitter, up to `ATTEMPTS_MAX` times and never past `deadline`. A cancelled
    caller does not cancel the transaction: it finishes on its own.

    Args:
        region: in which it books or appends events, if it does; see `fences`.
        deadline: on `clock.monotonic()`; the request timeout from now where none is given.
        writer: the journal chain the work may extend; a new one where none is given.

    Raises:
        ContentionTooHigh, DatabaseUnreachable, DeadlineExceeded: surely not committed.
        CommitUnknown: an ambiguous commit that no later run could clear up in time.
        DatabaseRefused: the server cancelled a statement; surely not committed.
        Exception: whatever `work` raised; surely not committed.
    """
    deadline = database.deadline() if deadline is None else deadline
    attempts = _Attempts(database, work, region, deadline, writer or Writer())
    return await asyncio.shield(asyncio.ensure_future(attempts.run()))


class _Attempts(Generic[T]):
    """The attempts of one transaction, until one ends it."""

    def __init__(
        self,
        database: Database,
        work: Callable[[Tx], Awaitable[T]],
        region: str | None,
        deadline: float,
        writer: Writer,
    ) -> None:
        self.database = database
        self.work = work
        self.region = region
        self.deadline = deadline
        self.writer = writer
        self.committing = False
        self.ambiguous = False
        """An earlier attempt may have committed; only a later one that ends shows it."""
        self.duplicates = 0
        """Unique violations in a row."""

    async def run(self) -> T:
        """The result, or the exception that ends the transaction, by the deadline.

        The time limit is for what waits outside the database, a connection to begin with; a
        silent server is hung up on just before.
        """
        if clock.monotonic() >= self.deadline:
            raise DeadlineExceeded
        try:
            async with asyncio.timeout(self.deadline + _HANG_UP_S - clock.monotonic()):
                return await self._run()
        except TimeoutError:
            self.writer.restart()
            raise self._too_late() from None

    def _too_late(self) -> Exception:
        return CommitUnknown() if self.ambiguous or self.committing else DeadlineExceeded()

    async def _run(self) -> T:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return await self._attempt(attempt)
            except (KeysTaken, FenceGone) as reason:
                self.writer.aborted()
                metrics.retries.labels(reason.name).inc()
            except psycopg.Error as error:
                self._judge(error, attempt)
                pause = random.uniform(0, min(_PAUSE_S_MAX, _PAUSE_S * 2**attempt))  # noqa: S311
                if attempt == ATTEMPTS_MAX or clock.monotonic() + pause > self.deadline:
                    raise self._given_up(error, attempt) from error
                await asyncio.sleep(pause)
            except BaseException as error:
                if self.committing:
                    self.writer.restart()
                else:
                    self.writer.aborted()
                if self.ambiguous and isinstance(error, Exception):
                    # This attempt has failed for good, and an earlier one may have committed.
                    raise CommitUnknown from error
                raise
        raise InvariantViolated("the last attempt neither returned nor raised")

    async def _attempt(self, attempt: int) -> T:
        """One run of the work and its COMMIT."""
        self.committing = False
        # Later attempts have more patience, so that work that is only slow comes to its end.
        patience_s = attempt * self.database.settings.database_patience_ms / 1000
        async with self.database.writer() as driver:
            with hang_up_after(driver, min(patience_s, self.deadline - clock.monotonic())):
                result = await self._work_and_commit(driver, attempt)
            faults.hit(FaultPoint.AFTER_COMMIT_BEFORE_ANSWER)
        self.writer.committed()
        metrics.attempts.observe(attempt)
        return result

    async def _work_and_commit(self, driver: Driver, attempt: int) -> T:
        fence = await self._take_fence(driver)
        try:
            tx = await self._begin(driver, attempt, fence)
            faults.hit(FaultPoint.BEFORE_WORK)
            result = await self.work(tx)
            faults.hit(FaultPoint.BEFORE_WRITES)
            await tx.flush()
            faults.hit(FaultPoint.BEFORE_COMMIT)
            self.committing = True
            await driver.execute("COMMIT")
            self._give_back(fence)
            return result
        except BaseException as error:
            # The first error is the one that counts; a connection that cannot even roll back
            # leaves the pool, and its server ends the transaction.
            with suppress(psycopg.Error):
                if driver.info.transaction_status is not TransactionStatus.IDLE:
                    await driver.execute("ROLLBACK")
                # What became of it is known, so nothing holds the fence any more.
                if not isinstance(error, FenceGone):
                    self._give_back(fence)
            raise

    async def _take_fence(self, driver: Driver) -> UUID | None:
        """The fence of a transaction in a region."""
        if self.region is None:
            return None
        return await self.database.fences.take(driver, self.region)

    def _give_back(self, fence: UUID | None) -> None:
        if fence is not None and self.region is not None:
            self.database.fences.give_back(self.region, fence)

    async def _begin(self, driver: Driver, attempt: int, fence: UUID | None) -> Tx:
        """Begin the transaction; in the same round trip, lock its fence and read the clock."""
        asked = clock.monotonic()
        async with driver.pipeline():
            await driver.execute("BEGIN")
            if fence is None:
                cursor = await driver.execute(queries.read_clock.text, prepare=True)
            else:
                at = {"region": self.region, "id": fence}
                cursor = await driver.execute(queries.hold_fence.text, at, prepare=True)
        row = await cursor.fetchone()
        if row is None:
            raise FenceGone
        clock.compare(clock.from_micros(row[0]), clock.monotonic() - asked)
        now = clock.from_micros(max(row))
        return Tx(
            driver, self.database.settings, attempt, self.writer, now, is_fenced=fence is not None
        )

    def _judge(self, error: psycopg.Error, attempt: int) -> None:
        """Note what the failed attempt means; raise where running again is no remedy."""
        action = sqlstate.failure_action(error, committing=self.committing)
        is_duplicate = error.sqlstate == sqlstate.UNIQUE_VIOLATION
        self.duplicates = self.duplicates + 1 if is_duplicate else 0
        if is_duplicate and self.duplicates <= _DUPLICATES_MAX:
            # An attempt of unknown outcome has committed after all, meanwhile; or PostgreSQL saw
            # the duplicate before the conflict it comes from. The next run looks its keys up.
            action = FailureAction.RETRY
        elif action is FailureAction.BUG and self.committing:
            # An unforeseen error does not say that the COMMIT had no effect.
            action = FailureAction.AMBIGUOUS
        self.ambiguous = self.ambiguous or action is FailureAction.AMBIGUOUS
        if action is FailureAction.AMBIGUOUS or is_duplicate:
            # A new journal chain is always allowed, and right wherever the old head is in doubt.
            self.writer.restart()
        else:
            self.writer.aborted()
        if action is FailureAction.BUG:
            if self.ambiguous:
                raise CommitUnknown from error
            raise error
        if action is FailureAction.UNAVAILABLE:
            raise self._given_up(error, attempt) from error
        metrics.retries.labels(sqlstate.reason(error)).inc()

    def _given_up(self, error: psycopg.Error, attempt: int) -> Exception:
        if self.ambiguous:
            return CommitUnknown()
        if error.sqlstate in sqlstate.REFUSED:
            return DatabaseRefused(sqlstate=error.sqlstate)
        if error.sqlstate in sqlstate.SERIALIZATION | sqlstate.CROWDED:
            return ContentionTooHigh(attempts=attempt)
        return DatabaseUnreachable()
