"""The worker process: resumes flows, expires holds, deletes old keys, pays out, verifies the books.

Each kind of work may run twice and in several workers at once without harm; leases only avoid the
double effort. A failed round is logged, and the next round tries again. Regions are worked on side
by side, so that trouble in one does not delay another.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import partial
from typing import TypeAlias, TypeVar
from uuid import UUID

from app.base import clock, ids
from app.base.process import collect_seldom
from app.base.settings import Settings
from app.base.telemetry import configure_logging, describe, log, metrics, serve_metrics
from app.domains.ledger.model import HOLD_BUCKETS
from app.domains.ledger.reads import HoldDue, list_holds_to_expire
from app.domains.merchants.admin import list_home_regions
from app.domains.merchants.reads import find_homes
from app.domains.payments.commands import ReleasePayment
from app.domains.payments.flow import CANCELLATION
from app.domains.payouts.jobs import PayDay
from app.engine import idempotency
from app.engine.database import Database, checks, faults
from app.engine.database.faults import FaultPoint
from app.engine.database.leases import take_lease
from app.engine.saga import FLOW_BUCKETS, count_parked, list_due
from app.processes.flows import open_world
from app.processors import World

SWEEP_BATCH = 256  # holds released per commit, which keeps their locks for a few milliseconds
# Flows per bucket and page; all buckets together ask a processor as often as it allows.
RESUME_BATCH = 16
RESUME_PAGES_MAX = 256  # then the lease is renewed; a worker that is paused must not hold it
COUNT_INTERVAL_S = 30.0  # an alert on parked flows waits longer than this before it calls people
HORIZON_INTERVAL_S = 1.0  # by as much reading the past is behind it at most
REAP_INTERVAL_S = 60.0  # between walks over the keys; they live for days
LEASE_FACTOR = 10  # a lease outlives ten rounds, and a dead holder is replaced after as many
LEASE_S_MIN = 5.0
# Between checks whether it is time to pay out; banks do not count minutes.
PAY_OUT_INTERVAL_S = 60.0
PAY_OUT_LEASE_S = 600.0  # enough for thousands of payouts, and for files of a thousand payouts each
# A region uses several of the 8 read connections; a read that waits over 5 s for one fails.
REGIONS_AT_ONCE = 4

T = TypeVar("T")

Audit: TypeAlias = Callable[[Database, UUID], Awaitable[None]]
"""Verify the books of a database; the id is that of the worker."""


async def run(settings: Settings, audit: Audit) -> None:
    """Work until SIGTERM or SIGINT, finish the round, and return."""
    configure_logging(settings)
    faults.arm(settings.faults)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    async with Database.open(settings) as database:
        await checks.check(database)
        if settings.metrics_port is not None:
            serve_metrics(settings.host, settings.metrics_port)
        async with open_world(database) as world:
            worker = Worker(world)
            collect_seldom()
            log.info("started", process="worker", holder=str(worker.holder))
            await asyncio.gather(
                _every(stop, settings.sweep_interval_ms / 1000, worker.expire_holds),
                _every(stop, settings.resume_interval_ms / 1000, worker.resume_flows),
                _every(stop, HORIZON_INTERVAL_S, worker.move_horizons),
                _every(stop, COUNT_INTERVAL_S, worker.count_parked),
                _every(stop, REAP_INTERVAL_S, worker.reap_keys),
                _every(stop, PAY_OUT_INTERVAL_S, worker.pay_out),
                _every(stop, settings.audit_interval_s, worker.auditing(audit)),
            )
    log.info("stopped", process="worker")


async def _every(stop: asyncio.Event, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` now and then every `seconds`, until `stop` is set."""
    while not stop.is_set():
        await _attempt(work.__name__, work())
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue


async def _attempt(name: str, work: Awaitable[T], **place: str) -> T | Exception:
    """Return what `work` returns or raises: a failed round ends neither worker nor siblings."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - logged, and tried again
        # The next round is the retry; waiting for it loses nothing.
        log.warning("round_failed", work=name, **place, **describe(error))
        return error


async def in_regions(
    database: Database, name: str, work: Callable[[str], Awaitable[T]]
) -> dict[str, T | BaseException]:
    """Run `work` in each region that is some merchant's home; returns its result or its error."""
    gate = asyncio.Semaphore(REGIONS_AT_ONCE)

    async def attempt(region: str) -> T | Exception:
        async with gate:
            return await _attempt(name, work(region), region=region)

    regions = await list_home_regions(database)
    # A canceled region is returned as an error, too; canceling this function cancels all of them.
    outcomes = await asyncio.gather(*map(attempt, regions), return_exceptions=True)
    return dict(zip(regions, outcomes, strict=True))


class Worker:
    """One worker: its id as the holder of leases, and its rounds of work."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = world.database
        self.holder: UUID = ids.new()
        self.paid_out_on: date | None = None
        """The day whose payouts and files are made, and are accepted or refused by the bank."""
        self._pay_day = PayDay(date.min)

    async def expire_holds(self) -> None:
        """Release the holds that have expired, in every region that is some merchant's home."""
        await in_regions(self.database, "expire_holds", self._expire_region)

    async def _expire_region(self, region: str) -> None:
        interval_s = self.database.settings.sweep_interval_ms / 1000
        if await self._take_lease(region, "expire_holds", interval_s):
            for bucket in range(HOLD_BUCKETS):
                await self._expire_bucket(region, bucket)

    async def _take_lease(self, region: str, name: str, interval_s: float) -> bool:
        """Take or renew the lease on `work` in a region; false where another worker holds it."""
        seconds = max(LEASE_S_MIN, LEASE_FACTOR * interval_s)
        return await take_lease(self.database, region, name, self.holder, seconds=seconds)

    async def _expire_bucket(self, region: str, bucket: int) -> None:
        """Release one bucket's holds, batch after batch; failed ones stay for the next round."""
        while True:
            due = await list_holds_to_expire(
                self.database, region, bucket, clock.now(), SWEEP_BATCH
            )
            if not due:
                return
            faults.hit(FaultPoint.BEFORE_SWEEP)
            expired = await self._expire(region, due)
            faults.hit(FaultPoint.AFTER_SWEEP)
            if expired < len(due):
                return

    async def _expire(self, found_in: str, due: Sequence[HoldDue]) -> int:
        """Release some holds, each at its merchant's home; returns how many were released."""
        correlation_id = ids.encode("request", ids.new())
        # One deadline for all: a merchant's known home may be used for one request's time, not
        # longer.
        deadline = self.database.deadline()
        homes = await find_homes(self.database, [hold.merchant_id for hold in due])
        commands: list[ReleasePayment] = []
        for hold in due:
            home, former = homes.get(hold.merchant_id, (found_in, None))
            commands.append(
                ReleasePayment(
                    region=home,
                    merchant_id=hold.merchant_id,
                    intent=None,
                    correlation_id=correlation_id,
                    former_region=former,
                    payment_id=hold.payment_id,
                    transfer_id=ids.new(),
                    expired=True,
                )
            )
        # Processors may take long to answer; the next round does not wait for them.
        outcomes = await self.world.sagas.run_all(CANCELLATION, commands, deadline=deadline)
        expired = Counter(
            command.region
            for command, outcome in zip(commands, outcomes, strict=True)
            if not isinstance(outcome, BaseException) and outcome.status in {200, 202}
        )
        for home, count in expired.items():
            metrics.holds_expired.inc(count)
            log.info("holds_expired", region=home, count=count, request_id=correlation_id)
        return expired.total()

    async def resume_flows(self) -> None:
        """Resume the flows that are due: postponed, woken, or left by a process that died."""
        await in_regions(self.database, "resume_flows", self._resume_region)

    async def _resume_region(self, region: str) -> None:
        interval_s = self.database.settings.resume_interval_ms / 1000
        if await self._take_lease(region, "resume_flows", interval_s):
            # A failed bucket cancels no other, whose flows wait for processors at this moment.
            outcomes = await asyncio.gather(
                *[self._resume_bucket(region, bucket) for bucket in range(FLOW_BUCKETS)],
                return_exceptions=True,
            )
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome

    async def move_horizons(self) -> None:
        """Move on what is final, for those who read the past of a cluster."""
        if self.database.is_cockroach:
            await in_regions(self.database, "move_horizons", self.database.fences.horizon)

    async def count_parked(self) -> None:
        """Set the metric of flows that were given up and wait for people."""
        metrics.flows_parked.set(await count_parked(self.database))

    async def _resume_bucket(self, region: str, bucket: int) -> None:
        """Resume one bucket's flows, page after page, as long as some flow of a page moves on."""
        for _ in range(RESUME_PAGES_MAX):
            due = await list_due(self.database, region, bucket, clock.now(), RESUME_BATCH)
            if not due or not await self.world.sagas.resume(due) or len(due) < RESUME_BATCH:
                return

    async def reap_keys(self) -> None:
        """Delete expired idempotency keys, in one walk over the table."""
        await in_regions(self.database, "reap_keys", self._reap_region)
        if deleted := await idempotency.sweep_operators(self.database):
            log.info("operator_keys_reaped", count=deleted)

    async def _reap_region(self, region: str) -> None:
        if not await take_lease(
            self.database, region, "reap_keys", self.holder, seconds=2 * REAP_INTERVAL_S
        ):
            return
        await self.database.fences.sweep(region)
        position: tuple[UUID, UUID] | None = None
        deleted = 0
        while True:
            count, position = await idempotency.sweep(self.database, region, position)
            deleted += count
            if position is None:
                break
        if deleted:
            log.info("keys_reaped", region=region, count=deleted)

    async def pay_out(self) -> None:
        """Make daily payouts once a day, from `payout_hour_utc` on, and files of those waiting."""
        settings, world = self.database.settings, self.world
        now = clock.now()
        if now.hour < settings.payout_hour_utc or self.paid_out_on == now.date():
            return
        if not await take_lease(
            self.database, settings.region, "pay_out", self.holder, seconds=PAY_OUT_LEASE_S
        ):
            return
        if self._pay_day.day != now.date():
            self._pay_day = PayDay(now.date())
        day = self._pay_day
        done: list[object] = [await _attempt("daily_payouts", day.make_payouts(world))]
        if settings.payout_eur_road == "file":
            send = partial(day.send_files, world)
            done += (await in_regions(self.database, "payout_files", send)).values()
        # The next round repeats what failed, and what the bank has not answered.
        if all(each is True for each in done):
            self.paid_out_on = now.date()

    def auditing(self, verify: Audit) -> Callable[[], Awaitable[None]]:
        """Return the round of work that runs `audit`, which the caller supplies."""

        async def audit() -> None:
            await verify(self.database, self.holder)

        return audit
