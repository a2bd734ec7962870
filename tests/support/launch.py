"""Starts `suya` quickly: as a fork of a process that has imported it already.

Importing takes a second of CPU, and the tests start some thousand processes. What comes out is a
process like any other: a session, an environment and a log of its own, and it dies by any signal.
That `python -m app.cli` does the same from nothing is tested where starts are (tests/cli).
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_FORKS: Final = multiprocessing.get_context("forkserver")
# All that the commands import when they run; no threads, no connections.
_FORKS.set_forkserver_preload(
    ["app.main", "app.serving", "app.worker", "app.acquirer", "app.vault", "app.cli.application"]
)


class Launched:
    """A process of `suya`, as `subprocess.Popen` would show it."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], log_path: Path) -> None:
        self._process = _FORKS.Process(
            target=_be_suya, args=(tuple(words), dict(environ), str(log_path))
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number, which may be another's once it has ended."""
        pid = self._process.pid
        assert pid is not None
        return pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; none while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        self._process.join(timeout_s)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("suya", timeout_s or 0)
        return code

    def send_signal(self, how: signal.Signals) -> None:
        """Signal it, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, how)


def _be_suya(words: tuple[str, ...], environ: dict[str, str], log_path: str) -> None:
    """Turn a fresh fork into `suya <words>`."""
    multiprocessing.set_start_method(None, force=True)  # the platform's own, as from nothing
    os.setsid()  # a Ctrl-C of the tests is for the tests
    os.environ.clear()
    os.environ.update(environ)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    sys.argv = ["suya", *words]
    from app.cli import main

    main()
