"""What processes share: ports, parents, groups of processes, locks, the ends of logs."""

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
    """Check that nothing else listens there; `chosen_by` names the setting of the port.

    Raises:
        PortUnusable: the address is taken, or does not belong to this machine.
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
    """Send `how` to this process as soon as `parent_pid` is no longer its parent.

    It polls, which works everywhere: a process gets no signal when its parent ends.
    """

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(_PARENT_POLL_S)
        os.kill(os.getpid(), how)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def reap(leader: subprocess.Popen[bytes]) -> int | None:
    """The exit code of a process that leads its own group; none while it runs.

    What it left running in its group is killed first. The numbers of a process and of its group are
    not given to others until it is reaped, so this is the last moment at which the group can be
    signalled without the risk to hit another one.
    """
    if leader.returncode is None and hasattr(os, "waitid"):
        # Not `poll`, which would reap a process that ends just now.
        asked = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):  # another thread has just reaped it
            if os.waitid(os.P_PID, leader.pid, asked) is None:
                return None
            signal_group(leader, signal.SIGKILL)
    # macOS before Python 3.13 has no `waitid`: what was left running has to end by itself.
    return leader.poll()


def signal_group(leader: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Signal the leader of a group and all it started; nothing happens once it was reaped."""
    if leader.returncode is None:
        # macOS raises PermissionError for a group of which only the dead leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, how)


def collect_seldom() -> None:
    """Make the collector of cycles run seldom; for a process that serves, once it is loaded.

    The imported objects stay. A batch of 512 makes so many short-lived objects that the usual
    threshold of 700 would start the collector dozens of times per commit.
    """
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 20)


def exclusive_lock(path: Path) -> IO[str] | None:
    """Lock `path` until the file is closed or the process ends; none if another process has it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def tail(path: Path, start: int, lines: int) -> str:
    """The last `lines` lines of a log, out of those after byte `start`."""
    with path.open("rb") as log:
        log.seek(start)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
