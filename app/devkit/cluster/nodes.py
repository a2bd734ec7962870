"""One node: its process, its ports, its folder."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from enum import StrEnum, auto
from pathlib import Path
from typing import Final

import msgspec
import psutil

from app.base import clock
from app.devkit.cluster.errors import ClusterError
from app.devkit.stack import free_port, is_free

REGIONS: Final = ("us-east1", "us-west1", "europe-west1")

_SQL_PORT, _HTTP_PORT = 26257, 8180  # CockroachDB's own, and one beside its 8080, which many use
_DRAIN_S = 90  # leases and connections are handed over in some ten seconds
_PAUSE_S = 10  # its threads stop one by one, in some milliseconds
_LOADING_S = 5  # a program of 200 MB is mapped in milliseconds; its first pages may come from disk
_POLL_S = 0.02
_MEMORY = "128MiB"  # per cache and node, so that three nodes fit beside everything else
_SCAN = "50ms"  # between ranges the replicator checks; a fresh cluster is replicated in seconds


class NodeState(StrEnum):
    RUNNING = auto()
    PAUSED = auto()
    """Stopped by SIGSTOP: it is alive, and does not answer."""
    STOPPED = auto()


class NodeStatus(msgspec.Struct, frozen=True):
    number: int
    """1 to n."""
    region: str
    sql_port: int
    http_port: int
    pid: int | None
    state: NodeState


class Node(msgspec.Struct):
    """A node as `cluster.json` keeps it."""

    number: int
    region: str
    zone: str
    sql_port: int
    http_port: int
    store: str
    """The folder of its data."""
    pid: int | None = None

    @property
    def address(self) -> str:
        """The address on which it listens."""
        return f"127.0.0.1:{self.sql_port}"

    @property
    def _listen(self) -> str:
        return f"--listen-addr={self.address}"

    @property
    def _keep(self) -> str:
        # This disk is never filled to the brim, so no space is reserved for that.
        return f"--store=path={self.store},ballast-size=0"

    def process(self) -> psutil.Process | None:
        """The process, if it is alive.

        Another program may have the pid by now, so the command line has to be this node's. (The
        time at which a process began would not do: it moves when the machine's clock is set.)
        """
        if self.pid is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process = psutil.Process(self.pid)
            if {self._listen, self._keep} <= set(_command_line(process)):
                return process
        return None

    def status(self) -> NodeStatus:
        process, state, pid = self.process(), NodeState.STOPPED, None
        with contextlib.suppress(psutil.NoSuchProcess):
            if process is not None:
                paused = process.status() == psutil.STATUS_STOPPED
                state, pid = NodeState.PAUSED if paused else NodeState.RUNNING, process.pid
        return NodeStatus(self.number, self.region, self.sql_port, self.http_port, pid, state)

    def spawn(self, program: str, folder: Path, join: Sequence[str]) -> None:
        """Start its process, which outlives this one.

        It forms a cluster alone if it joins nobody.
        """
        command = [program, *(("start", f"--join={','.join(join)}") if len(join) > 1 else _ALONE)]
        command += [
            "--insecure",
            self._keep,
            self._listen,
            f"--advertise-addr={self.address}",
            f"--http-addr=127.0.0.1:{self.http_port}",
            f"--locality=region={self.region},zone={self.zone}",
            f"--cache={_MEMORY}",
            f"--max-sql-memory={_MEMORY}",
        ]
        environ = {
            **os.environ,
            "COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING": "true",
            "COCKROACH_SCAN_MAX_IDLE_TIME": _SCAN,
        }
        with self.log(folder).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the program the user named
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = process.pid
        # It outlives this process on purpose, which must not be warned about.
        process.returncode = 0

    def pause(self) -> None:
        """Pause its process (SIGSTOP), and wait until it stands still.

        Raises:
            ClusterError: it does not stand still.
        """
        process = self.process()
        assert process is not None
        process.suspend()
        deadline = clock.monotonic() + _PAUSE_S
        while process.status() != psutil.STATUS_STOPPED:
            if clock.monotonic() > deadline:
                raise ClusterError(f"Node {self.number} does not stand still.")
            time.sleep(_POLL_S)

    def resume(self) -> None:
        """Resume its process (SIGCONT)."""
        process = self.process()
        assert process is not None
        process.resume()

    def log(self, folder: Path) -> Path:
        """Its output while it starts; the rest is in its store's own logs."""
        return folder / f"node{self.number}.log"

    def end(self, how: signal.Signals) -> None:
        """End its process, and wait until it is gone.

        Raises:
            ClusterError: it does not end.
        """
        process = self.process()
        if process is None:
            self.pid = None
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            if how is signal.SIGKILL or process.status() != psutil.STATUS_STOPPED:
                process.send_signal(how)
            else:  # a paused process reacts to SIGKILL only
                process.resume()
                process.send_signal(how)
            try:
                process.wait(_DRAIN_S)
            except psutil.TimeoutExpired:
                raise ClusterError(
                    f"Node {self.number} has not drained within {_DRAIN_S} s; 'kill' ends it."
                ) from None
        self.pid = None


_ALONE = ("start-single-node",)


def _command_line(process: psutil.Process) -> list[str]:
    """The command line of a process.

    While its program is being loaded it has none, which may take long on a busy machine. Without
    the wait, a node that had just been restarted was taken for one that has ended.
    """
    deadline = clock.monotonic() + _LOADING_S
    while not (words := process.cmdline()) and clock.monotonic() < deadline:
        if process.status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(_POLL_S)
    return words


def choose_ports(count: int) -> list[tuple[int, int]]:
    """Ports for SQL and HTTP: the usual ones where they are free, else others."""

    def near(wanted: int) -> int:
        return wanted if is_free(wanted) else free_port()

    return [(near(_SQL_PORT + number), near(_HTTP_PORT + number)) for number in range(count)]
