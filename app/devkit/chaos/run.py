"""One run: prepare, load, break, heal, resolve, read, check.

The load never stops between the first phase and the last. Faults come one after the other: each
begins only after the one before it has healed.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TypeVar

import msgspec
import psycopg

from app.base import clock
from app.base.settings import Settings
from app.devkit.chaos import faults, setup
from app.devkit.chaos.bare import BareWriter
from app.devkit.chaos.checker import check
from app.devkit.chaos.client import ClientTimeouts, Pause, RetryingClient
from app.devkit.chaos.history import History
from app.devkit.chaos.load import Intents, Load, Stall
from app.devkit.chaos.model import Anomaly, FaultMark, PhaseMark, Run, Shop, Wrong
from app.devkit.chaos.plan import Injection
from app.devkit.chaos.reading import list_open_flows, read_books
from app.devkit.chaos.report import Measured, pacing
from app.devkit.chaos.targets import Target, finish
from app.devkit.stack import variables
from app.engine.database.errors import DatabaseUnreachable
from app.operate.verify import compare, verify

Say = Callable[[str], None]
T = TypeVar("T")

CALM_S = 3.0  # shows what is normal before, and whether it is normal again after
_READS_MAX = 5  # with the pauses ten seconds: the run itself has waited for the database already
_READ_PAUSE_S = 2.5
_SETTLE_S_MAX = 120.0  # a lease, some back-offs and a processor's timeout, several times over
_SETTLE_PAUSE_S = 0.5
_AGREE_S = 5.0  # nothing is under way any more; a notification may still have to be booked


class ChaosPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    scenario: str
    seed: int
    rate_per_s: int
    injections: list[Injection]
    calm_s: float = CALM_S
    """Time without a fault, before the first one and after the last."""


async def run(plan: ChaosPlan, target: Target, history: History, say: Say) -> Measured:
    """Run a plan on a target that is not started; the target is stopped on return in any case.

    Raises:
        CannotRun, DidNotStart, NotPrepared: nothing was broken yet.
    """
    try:
        say(f"Starting {target.kind} ...")
        await target.start()
        return await _Running(plan, target, history, say).run()
    finally:
        await target.stop()


async def _patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Read from a database that may still be coming back.

    A node that was just restarted once said that a table of minutes ago did not exist.
    """
    for _ in range(_READS_MAX - 1):
        with contextlib.suppress(psycopg.Error, DatabaseUnreachable):
            return await read()
        await asyncio.sleep(_READ_PAUSE_S)
    return await read()


class _Running:
    """A run over a target that is up."""

    def __init__(self, plan: ChaosPlan, target: Target, history: History, say: Say) -> None:
        self._plan = plan
        self._target = target
        self._history = history
        self._say = say
        self._name = setup.names(f"chaos-{secrets.token_hex(4)}")
        self._client = self._new_client(history)
        self._findings: list[Anomaly] = []
        self._bare = BareWriter(target.database_url)

    async def run(self) -> Measured:
        stalls = await self._prepare()
        intents = Intents(stalls, setup.CURRENCY, self._plan.seed)
        rate = self._plan.rate_per_s
        load = Load(self._client, self._history, intents, self._name, rate)
        try:
            await self._bare.start()
            load.start()
            await self._break(load)
            await load.stop()
            settled_s = await self._settle()
            self._say("Resolving what is unknown ...")
            await load.resolve()
            await self._settle()  # a key that was free again may have begun a new flow
        finally:
            await self._bare.stop()
            await load.abandon()
            self._client.close()
        self._say("Reading everything back ...")
        run = self._history.run
        assert run is not None
        url = self._target.database_url
        if self._target.rails is not None:
            self._history.add(await finish(self._target.rails.books))
        books = await _patiently(lambda: read_books(url, run.shops))
        self._findings += await asyncio.to_thread(check, self._history, books)
        self._findings += await self._compare()
        return Measured(
            findings=self._findings,
            verify=await _patiently(lambda: verify(url, lambda *_: None)),
            pacing=pacing(rate, load.pace.late_s, load.pace.dropped),
            bare_written_at=self._bare.written_at,
            settled_s=settled_s,
        )

    async def _compare(self) -> list[Anomaly]:
        """What `suya verify --against-acquirer` finds to differ."""
        rails = self._target.rails
        if rails is None:
            return []
        settings = Settings.load(variables(rails.for_callers()))
        found = await compare(self._target.database_url, settings, settle_s=_AGREE_S)
        return [Anomaly(Wrong.DISAGREES, f.object, f"{f.kind}: {f.detail}") for f in found.findings]

    async def _settle(self) -> float | None:
        """Wait until no flow is under way; returns for how long, none without an acquirer.

        The checker reports what has not ended within the limit.
        """
        if self._target.rails is None:
            return None
        self._say("Waiting until nothing is under way ...")
        url, shops = self._target.database_url, self._target.shops
        began_at = clock.monotonic()
        while clock.monotonic() - began_at < _SETTLE_S_MAX:
            flows = await _patiently(lambda: list_open_flows(url, shops))
            if all(flow.status == "parked" for flow in flows):
                break
            await asyncio.sleep(_SETTLE_PAUSE_S)
        return clock.monotonic() - began_at

    def _new_client(self, history: History) -> RetryingClient:
        target = self._target
        limits = ClientTimeouts(attempt_s=target.attempt_s, request_s=target.request_s)
        return RetryingClient(target.addresses, history, limits, Pause(self._plan.seed))

    async def _prepare(self) -> Sequence[Stall]:
        aside = self._new_client(History())
        made = setup.Setup(self._client, aside, self._history, self._name)
        try:
            shops = [await made.shop(self._target.admin_key, n + 1) for n in range(setup.STALLS)]
            plan = self._plan
            self._target.shops = [shop for shop, _ in shops]
            self._history.add(
                Run(
                    plan.scenario,
                    self._target.kind,
                    plan.seed,
                    plan.rate_per_s,
                    list(self._target.shops),
                )
            )
            return [await made.stall(shop, key, await self._cards(shop)) for shop, key in shops]
        finally:
            aside.close()

    async def _cards(self, shop: Shop) -> dict[str, str]:
        rails = self._target.rails
        return {} if rails is None else await finish(lambda: rails.cards(shop.merchant))

    async def _break(self, load: Load) -> None:
        async with self._phase(load, "baseline"):
            await asyncio.sleep(self._plan.calm_s)
        for phase, injections in groupby(self._plan.injections, lambda one: one.phase):
            async with self._phase(load, phase):
                for injection in injections:
                    await asyncio.sleep(injection.pause_s)
                    if self._findings or load.failure:
                        # The target may be broken for good; the history is checked all the same.
                        return
                    await self._inject(injection)
        async with self._phase(load, "after"):
            await asyncio.sleep(self._plan.calm_s)

    @asynccontextmanager
    async def _phase(self, load: Load, name: str) -> AsyncIterator[None]:
        load.phase = name
        began_at = clock.monotonic()
        try:
            yield
        finally:
            self._history.add(PhaseMark(name, began_at, clock.monotonic()))

    async def _inject(self, injection: Injection) -> None:
        began_at = clock.monotonic()
        healing_from = began_at
        detail = ""
        try:
            async with faults.inject(self._target, injection) as detail:
                await asyncio.sleep(injection.hold_s)
                healing_from = clock.monotonic()
        except Exception as error:  # noqa: BLE001 - whatever it was, the run goes on and reports it
            self._not_healed(injection, f"{type(error).__name__}: {error}")
        healed_at = clock.monotonic()
        mark = FaultMark(
            injection.number, injection.kind, detail, injection.phase, began_at, healed_at
        )
        self._history.add(mark)
        took_s = healed_at - healing_from
        self._say(
            f"{injection.number:>4} of {len(self._plan.injections)}  {injection.kind}: {detail}; "
            f"{healed_at - began_at:.1f} s"
        )
        if took_s > self._target.heal_s:
            self._not_healed(injection, f"it took {took_s:.0f} s")

    def _not_healed(self, injection: Injection, why: str) -> None:
        name = f"{injection.number} ({injection.kind})"
        self._findings.append(Anomaly(Wrong.NOT_HEALED, name, why))
