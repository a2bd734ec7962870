"""Real processes of the product under test: they start, stop, die and come back."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx
import psutil

from tests.support import shares
from tests.support.launch import Launched

ADMIN_KEY = "admin-key-of-the-tests"
READY_S = 60  # a start takes two seconds; two busy cores take their time
STOP_S = 20  # the drain's 8 s and what a busy machine adds
_POLL_S = 0.02
# The ports of databases and of the kernel's own choice lie above; each worker has a part of them.
_PORTS = range(10_000, 26_000)
_GIVEN: set[int] = set()
_TRIES_MAX = 1_000  # nine of ten ports are free
_LOG_LINES_SHOWN = 30


def environ(**variables: str) -> dict[str, str]:
    """This process's environment without its SUYA_ variables, and with these: `port="1"`."""
    scrubbed = {name: value for name, value in os.environ.items() if not name.startswith("SUYA_")}
    return scrubbed | {f"SUYA_{name.upper()}": value for name, value in variables.items()}


def free_port(row: int = 1) -> int:
    """A port of the loopback that nobody listens on, or the first of some in a row.

    Below those that the kernel gives to connections, and each of them once in a run: some are bound
    long after they were chosen.
    """
    # Not of the generator that each test finds at the same place: the tries would be the same.
    chance = random.SystemRandom()
    mine = _PORTS[len(_PORTS) * shares.index() // shares.count() :][: len(_PORTS) // shares.count()]
    for _ in range(_TRIES_MAX):
        first = chance.choice(mine[:-row])
        ports = set(range(first, first + row))
        if ports.isdisjoint(_GIVEN) and all(map(_is_free, ports)):
            _GIVEN.update(ports)
            return first
    raise AssertionError(f"no port is free between {mine[0]} and {mine[-1]}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def get(url: str) -> httpx.Response:
    """One answer from the loopback, on a connection of its own.

    Without certificates: loading them would keep a core busy for as long as somebody asks again.
    """
    with httpx.Client(timeout=5, trust_env=False, verify=False) as client:  # noqa: S501
        return client.get(url)


class Process:
    """One command of `suya` as a process, its settings given as `name=value`; its log is kept."""

    def __init__(self, command: Sequence[str], log_path: Path, settings: Mapping[str, str]) -> None:
        self.command = command
        self.settings = dict(settings)
        self.log_path = log_path
        self._process: Launched | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process that was started lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process that was started; those that work may be its children."""
        assert self._process is not None
        return self._process.pid

    def spawn(self, **settings: str) -> None:
        """Start it, with some settings changed for this life only."""
        assert not self.is_running
        self._process = Launched(self.command, environ(**(self.settings | settings)), self.log_path)

    def tree(self) -> list[psutil.Process]:
        """The process and everything below it; nothing once it has ended.

        Its number may be another process's by then, of another run, and is none of ours to signal.
        """
        if not self.is_running or self._process is None:
            return []
        try:
            top = psutil.Process(self._process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def send(self, how: signal.Signals) -> None:
        """Send a signal to every process of the tree (SIGSTOP, SIGCONT ...)."""
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(how)

    def send_to_first(self, how: signal.Signals) -> None:
        """Send a signal to the process that was started, as a supervisor does."""
        assert self._process is not None
        self._process.send_signal(how)

    def wait(self, timeout_s: float = STOP_S) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        assert self._process is not None
        return self._process.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_S) -> int:
        """End it in order by SIGTERM; returns its exit code. One that hangs is killed, and told."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL for the whole tree at once; returns when nothing of it lives."""
        tree = self.tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait()
        psutil.wait_procs(tree, timeout=STOP_S)

    def log(self) -> str:
        """The last lines it wrote."""
        lines = self.log_path.read_text("utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES_SHOWN:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.kill()


class WorkerProcess(Process):
    """A `suya worker` on a database."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        given = {"home": str(folder / "home"), "database_url": database_url} | settings
        super().__init__(("worker",), folder / "worker.log", given)

    def start(self) -> Self:
        """Start it; it needs no time to get ready, for nobody waits for its answer."""
        self.spawn()
        return self

    def read_metrics(self) -> str:
        """What it tells Prometheus, as soon as it does; it needs a `metrics_port`."""
        deadline = time.monotonic() + READY_S
        while True:
            assert self.is_running, self.log()
            with contextlib.suppress(httpx.TransportError):
                return get(f"http://127.0.0.1:{self.settings['metrics_port']}/metrics").text
            assert time.monotonic() < deadline, self.log()
            time.sleep(_POLL_S)


class ApiProcess(Process):
    """A `suya serve` on a database, on one port for all its lives.

    with ApiProcess(url, tmp_path, faults="BEFORE_COMMIT:kill").start() as process: ...
    """

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        self.port = int(settings.get("port", free_port()))
        given = {
            "home": str(folder / "home"),
            "database_url": database_url,
            "admin_key": ADMIN_KEY,
            "port": str(self.port),
            "drain_notice_ms": "0",  # where there is a balancer, the test says so
        }
        super().__init__(("serve",), folder / f"api-{self.port}.log", given | settings)

    @property
    def url(self) -> str:
        """The address of the api."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, **settings: str) -> Self:
        """Start it, with some settings changed for this life only, and wait until it is ready."""
        self.spawn(**settings)
        deadline = time.monotonic() + READY_S
        while not self.is_ready():
            if not self.is_running or time.monotonic() > deadline:
                said = self.log()
                self.kill()
                raise AssertionError(f"the api did not get ready; its log ends:\n{said}")
            time.sleep(_POLL_S)
        return self

    def is_ready(self) -> bool:
        """Whether it answers /readyz by 200."""
        with contextlib.suppress(httpx.TransportError):
            return get(f"{self.url}/readyz").status_code == 200
        return False

    def restart(self, **settings: str) -> Self:
        """Start it again on the same port, after whatever end it had."""
        if self.is_running:
            self.stop()
        return self.start(**settings)
