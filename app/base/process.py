"""One process among others: its port, its parent, its group, its lock, the tail of its log."""

import contextlib
import fcntl
import gc
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

_GC_THRESHOLD = 50_000
_PARENT_POLL_S = 0.1  # shorter than a supervisor's first pause, so that the port is free by then


class PortUnusable(Exception):
    """The address cannot be listened on; the message says why."""


def check_port(host: str, port: int, chosen_by: str = "--port or SUYA_PORT") -> None:
    """Nothing else listens there; `chosen_by` tells where another port would be named.

    Raises:
        PortUnusable: the address is taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: connections that linger after a restart do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            raise PortUnusable(
                f"Port {port} of {host} cannot be used ({error.strerror}); "
                f"choose another with {chosen_by}."
            ) from error


def end_with_parent(parent_pid: int, how: signal.Signals = signal.SIGTERM) -> None:
    """Send ourselves `how` as soon as `parent_pid` is no longer our parent.

    Polling is what works everywhere: a process is told when a child ends, not when its parent does.
    """

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(_PARENT_POLL_S)
        os.kill(os.getpid(), how)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def reap(leader: subprocess.Popen[bytes]) -> int | None:
    """How the leader of a group of its own ended; none while it runs.

    What it left behind in its group is killed before. The number of a process that has ended is
    kept from others until it is reaped, and so is its group's: this is the last moment at which
    the group can be signalled without a chance to meet another's.
    """
    if leader.returncode is None and hasattr(os, "waitid"):
        asked = os.WEXITED | os.WNOHANG | os.WNOWAIT  # not `poll`, which reaps what just ends
        with contextlib.suppress(ChildProcessError):  # another thread has just reaped it
            if os.waitid(os.P_PID, leader.pid, asked) is None:
                return None
            signal_group(leader, signal.SIGKILL)
    # macOS before Python 3.13 has no `waitid`: what is left behind there has to end by itself.
    return leader.poll()


def signal_group(leader: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Signal the leader of a group and all it started; nobody, once it was reaped."""
    if leader.returncode is None:
        # Not permitted is what macOS says of a group of which only the dead leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, how)


def collect_seldom() -> None:
    """Let the collector of cycles look seldom; for a process that serves, once it is loaded.

    What was imported stays; and a batch of 512 makes so many short-lived objects that the usual 700
    would have it look dozens of times per commit.
    """
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 20)


def exclusive_lock(path: Path) -> IO[str] | None:
    """The lock of `path`, held until it is closed or its process ends; none if another has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def tail(path: Path, start: int, lines: int) -> str:
    """The last lines of a log, of those written after byte `start`."""
    with path.open("rb") as log:
        log.seek(start)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
