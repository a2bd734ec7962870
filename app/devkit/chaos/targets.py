"""What is broken: a database and the api processes in front of it, started for one run.

A target starts everything that it needs in a folder of its own, and ends all of it. What only one
kind of target supports is in that target's module; the others have None there.
"""

import asyncio
import contextlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

import msgspec

from app.devkit.chaos import balancer
from app.devkit.chaos.model import Shop
from app.devkit.chaos.proxy import FaultProxy
from app.devkit.chaos.rails import Rails, common_settings
from app.devkit.stack import Api, Balancer, Launch, Worker
from app.engine.database import migrations

T = TypeVar("T")


class TargetKind(StrEnum):
    """The kind of system that a scenario runs on."""

    EMBEDDED = "embedded"
    """An embedded PostgreSQL of the run's own."""
    CLUSTER = "cluster"
    """A CockroachDB of three nodes on this machine."""
    COMPOSE = "compose"
    """A cluster of containers that runs already."""


class Options(msgspec.Struct, frozen=True):
    """How a target is put together."""

    apis: int = 2
    """How many api processes: one may die while another one serves."""
    is_proxied: bool = False
    """Whether the fault proxy stands between the apis and the database; it costs some CPU."""
    is_balanced: bool = False
    """Whether clients reach the apis through HAProxy and not directly."""
    has_rails: bool = False
    """Whether there is an acquirer and a vault, and the load pays by card, too."""
    is_in_memory: bool = False
    """Whether a local cluster keeps its data in the machine's memory; it outlives its nodes."""


class CannotRun(Exception):
    """This machine cannot have the target; the message says why."""


async def finish(work: Callable[[], T]) -> T:
    """Return the result of blocking work in a thread; a cancelled caller waits for its end.

    Otherwise the cleanup would run at the same time. The work has a time limit of its own.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


class Breakable(Protocol):
    """An api process, or a container that runs one."""

    name: str

    def kill(self) -> None:
        """SIGKILL; on return it is gone."""

    def stop(self) -> object:
        """End it in order."""

    def start(self, launch: Launch | None = None, /) -> object:
        """Start it, differently launched if `launch` is given, and wait until it serves."""

    def pause(self) -> None:
        """Stop it from running (SIGSTOP), alive."""

    def resume(self) -> None:
        """Let it run again (SIGCONT)."""


class Nodes(Protocol):
    """The nodes of a cluster, by name."""

    def regions(self) -> dict[str, str]:
        """Node -> region, all nodes."""

    def kill(self, name: str) -> None:
        """SIGKILL."""

    def stop(self, name: str) -> None:
        """End it in order."""

    def start(self, name: str) -> None:
        """Start it again with its data."""

    def pause(self, name: str) -> None:
        """SIGSTOP."""

    def resume(self, name: str) -> None:
        """SIGCONT."""

    def leaseholder(self) -> str:
        """The node with the lease of the accounts."""

    def wait_until_whole(self) -> None:
        """Wait until every range has all its replicas, so that the next fault costs no quorum."""


class Target(ABC):
    """A database with its api processes."""

    kind: ClassVar[TargetKind]
    heal_s: ClassVar[float]
    """How long a fault may take to heal; longer is a finding."""
    attempt_s: ClassVar = 22.0
    """How long a client waits for one answer before it asks again.

    An api answers within its request timeout of 20 s; asking again before that only doubles the
    work of a busy api.
    """
    request_s: ClassVar[float]
    """How long a client tries before it gives up."""

    shops: Sequence[Shop] = ()
    """The merchants of the run, once they exist."""
    proxy: FaultProxy | None = None
    apis: Sequence[Breakable] = ()
    nodes: Nodes | None = None
    """The nodes, where the target is a cluster."""
    worker: Worker | None = None
    """The database, where the run started it."""
    rails: Rails | None = None
    """The acquirer and the vault, where the run has them."""

    @property
    @abstractmethod
    def admin_key(self) -> str:
        """The key that opens merchants."""

    @property
    @abstractmethod
    def addresses(self) -> list[str]:
        """The addresses to which clients send requests, in order of preference."""

    @property
    @abstractmethod
    def database_url(self) -> str:
        """The database itself, not through the proxy."""

    @abstractmethod
    async def start(self) -> None:
        """Start everything.

        Raises:
            CannotRun: something it needs is not here.
            DidNotStart: something did not come up.
        """

    @abstractmethod
    async def stop(self) -> None:
        """End everything that was started; safe after half a start."""


class LocalTarget(Target):
    """A target whose processes the run starts."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self._apis: list[Api] = []
        self._admin_key = secrets.token_hex(16)
        self._balancer: Balancer | None = None

    @property
    def admin_key(self) -> str:
        """Of the api processes of this run."""
        return self._admin_key

    @property
    def addresses(self) -> list[str]:
        """HAProxy's, or each api's."""
        if self._balancer is not None:
            return [self._balancer.url]
        return [api.url for api in self._apis]

    async def start(self) -> None:
        """Start the database, then the processes that use it."""
        await finish(self._start_database)
        await finish(lambda: migrations.upgrade(self.database_url))
        if self.options.is_proxied:
            self.proxy = FaultProxy(self.database_url)
            await finish(self.proxy.__enter__)
        if self.options.has_rails:
            self.rails = self._make_rails()
        for number in range(self.options.apis):
            name = f"api {number + 1}"
            self._apis.append(Api(self.folder, self._settings(number), name=name))
        self.apis = self._apis
        rails = self.rails
        if rails is not None:
            url = self._apis[0].url
            await finish(lambda: rails.start(url))
        self.worker = Worker(self.folder, self._settings(0))
        self.worker.spawn()
        await asyncio.gather(*(finish(api.start) for api in self._apis))
        if self.options.is_balanced:
            reason = balancer.why_not()
            if reason:
                raise CannotRun(f"There is no balancer: {reason}.")
            standing = self._balancer = Balancer(self._apis, self.folder)
            await finish(lambda: standing.start(len(self._apis)))

    async def stop(self) -> None:
        """Kill everything; the data are thrown away."""
        await finish(self._stop_all)

    def _stop_all(self) -> None:
        # From the last to the first, and each even if the one before failed: otherwise the
        # database's processes would outlive the folder that has their pids.
        with contextlib.ExitStack() as stack:
            stack.callback(self._stop_database)
            if self.proxy is not None:
                stack.callback(self.proxy.__exit__, None, None, None)
                self.proxy = None
            if self.rails is not None:
                stack.callback(self.rails.kill)
            for service in (self.worker, *self._apis):
                if service is not None:
                    stack.callback(service.kill)
            if self._balancer is not None:
                stack.callback(self._balancer.kill)

    def _settings(self, number: int) -> dict[str, str]:
        """Of the api of this number, and of the worker."""
        url = self.database_url if self.proxy is None else self.proxy.url_from(number)
        outside = {} if self.rails is None else self.rails.for_callers()
        own = {"database_url": url, "admin_key": self._admin_key}
        return common_settings(self.folder) | own | outside

    def _make_rails(self) -> Rails:
        """An acquirer and a vault that do not run yet.

        Raises:
            CannotRun: this target has none.
        """
        raise CannotRun(f"There is no acquirer beside the target {self.kind}.")

    @abstractmethod
    def _start_database(self) -> None:
        """Start the database server, with an empty database `suya`."""

    @abstractmethod
    def _stop_database(self) -> None:
        """End it."""
