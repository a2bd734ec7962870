"""The processes of a run: they start, are killed, paused and ended in order, each by its own id."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.base import clock
from app.base.process import reap, signal_group, tail
from app.devkit.stack import Caller

READY_S = 60.0  # a start takes two seconds; a busy machine takes its time
_POLL_S = 0.05
_STOP_S = 20.0  # the drain's notice and patience, and what a busy machine adds
_LOG_LINES_SHOWN = 12


class NotReady(Exception):
    """A process did not come up; the message has the end of its log."""


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, its settings replaced by `variables`."""
    # A setting of the shell would make a run measure something else than it says.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SUYA_")}
    return bare | dict(variables)


class Service:
    """One program as a child in a session of its own; signals reach everything it started."""

    def __init__(
        self, name: str, command: Sequence[str], variables: Mapping[str, str], folder: Path
    ) -> None:
        self.name = name
        self.log_path = folder / f"{name.replace(' ', '-')}.log"
        self._command = list(command)
        self._environ = environment(variables)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    @property
    def is_running(self) -> bool:
        """Whether the process that was started lives."""
        return self._process is not None and reap(self._process) is None

    def spawn(self, prefix: Sequence[str] = ()) -> None:
        """Start it, its command after `prefix`; it does not run yet."""
        assert not self.is_running
        with self.log_path.open("ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*prefix, *self._command],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C is for us, who then stop it
            )

    def signal(self, how: signal.Signals) -> None:
        """Send a signal to the process and all it started; to nobody once it has ended."""
        if self._process is not None and self.is_running:
            signal_group(self._process, how)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """End it in order; one that hangs is killed."""
        if self._process is not None and self.is_running:
            self._process.terminate()  # the first process only: it ends the others as it likes
            deadline = clock.monotonic() + _STOP_S
            while clock.monotonic() < deadline and self.is_running:
                time.sleep(_POLL_S)
        self.kill()

    def said(self) -> str:
        """The last lines of its log since its last start."""
        return tail(self.log_path, self._log_from, _LOG_LINES_SHOWN)


class ApiService(Service):
    """`suya serve` on a port of its own, the same one for all its lives."""

    def __init__(self, number: int, variables: Mapping[str, str], folder: Path) -> None:
        self.port = free_port()
        given = {**variables, "SUYA_PORT": str(self.port)}
        super().__init__(f"api {number}", suya("serve"), given, folder)

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, prefix: Sequence[str] = ()) -> None:
        """Start it and wait until it serves.

        Raises:
            NotReady: it does not.
        """
        self.spawn(prefix)
        wait_until_ready(self, self.port)


def wait_until_ready(service: Service, port: int) -> None:
    """Wait until `/readyz` at a port is answered by 200.

    Raises:
        NotReady: the process ended, or it takes too long.
    """
    wait_until(service, Caller("127.0.0.1", port, "").is_ready)


def wait_until(service: Service, is_ready: Callable[[], bool]) -> None:
    """Wait until a service is ready.

    Raises:
        NotReady: the process ended, or it takes too long.
    """
    deadline = clock.monotonic() + READY_S
    while not is_ready():
        if not service.is_running or clock.monotonic() > deadline:
            said = service.said()
            service.kill()
            raise NotReady(f"{service.name} did not get ready; its log ends:\n{said}")
        time.sleep(_POLL_S)


def suya(*words: str) -> list[str]:
    """A command line of ours; the process ends with this one, however this one ends."""
    follow = ["--supervisor-pid", str(os.getpid())]
    return [sys.executable, "-m", "app.cli", *words, *follow]


def program(name: str) -> str | None:
    """Where a program is, if it is installed; daemons may be off a user's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")
