"""Real processes of the product under test: they start, stop, die and come back."""

import contextlib
from pathlib import Path
from typing import Self

import httpx

from app.devkit import stack
from tests.support import shares
from tests.support.launch import Launched

ADMIN_KEY = "admin-key-of-the-tests"
READY_S = stack.READY_S
STOP_S = stack.STOP_S
# The ports of databases and of the kernel's own choice lie above; each worker has a part of them.
_PORTS = range(10_000, 26_000)
_PART = len(_PORTS) // shares.count()

free_port = stack.Ports(_PORTS[shares.index() * _PART :][:_PART]).free


def environ(**settings: str) -> dict[str, str]:
    """This process's environment without its SUYA_ variables, and with these: `port="1"`."""
    return stack.without_settings() | stack.variables(settings)


def get(url: str) -> httpx.Response:
    """One answer from the loopback, on a connection of its own.

    Without certificates: loading them would keep a core busy for as long as somebody asks again.
    """
    with httpx.Client(timeout=5, trust_env=False, verify=False) as client:  # noqa: S501
        return client.get(url)


class Process(stack.Process):
    """One command of `suya` as a process, its settings given as `name=value`; its log is kept."""

    launch = Launched


class WorkerProcess(Process, stack.Worker):
    """A `suya worker` on a database."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        given = {"home": str(folder / "home"), "database_url": database_url} | settings
        super().__init__(folder, given)

    def start(self) -> Self:
        """Start it; it needs no time to get ready, for nobody waits for its answer."""
        self.spawn()
        return self

    def read_metrics(self) -> str:
        """What it tells Prometheus, as soon as it does; it needs a `metrics_port`."""
        told: list[str] = []

        def has_told() -> bool:
            with contextlib.suppress(httpx.TransportError):
                told.append(get(f"http://127.0.0.1:{self.settings['metrics_port']}/metrics").text)
            return bool(told)

        self.wait_until(has_told)
        return told[0]


class ApiProcess(Process, stack.Api):
    """A `suya serve` on a database, on one port for all its lives.

    with ApiProcess(url, tmp_path, faults="BEFORE_COMMIT:kill").start() as process: ...
    """

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        port = settings.get("port") or str(free_port())
        given = {
            "home": str(folder / "home"),
            "database_url": database_url,
            "admin_key": ADMIN_KEY,
            "port": port,
            "drain_notice_ms": "0",  # where there is a balancer, the test says so
        }
        super().__init__(folder, given | settings, name=f"api {port}")
