"""Starts `suya` quickly: as a fork of a process that has imported it already.

Importing takes a second of CPU, and the tests start some thousand processes. What comes out is a
process like any other: a session, an environment and a log of its own, and it dies by any signal.
That `python -m app.cli` does the same from nothing is tested where starts are (tests/cli).
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_FORKS: Final = multiprocessing.get_context("forkserver")
# All that the commands import when they run; no threads, no connections.
_FORKS.set_forkserver_preload(
    [
        *("app.processes.api", "app.processes.serving", "app.processes.worker"),
        *("app.vault.process", "app.sandbox.acquirer", "app.cli.application"),
    ]
)

_LOOK_S = 0.5  # a look costs nothing, and nobody waits for it


class Launched:
    """A process of `suya`, as the stack launches and runs one (`app.devkit.stack.Running`)."""

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        log_path: Path | None,
        errors_path: Path | None = None,
    ) -> None:
        """Start it; what it says is added to the log, its errors too unless they have a file."""
        assert log_path is not None
        paths = (str(log_path), str(errors_path or log_path))
        told = (tuple(words), dict(environ), paths, os.getpid())
        self._process = _FORKS.Process(target=_be_suya, args=told)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number, which may be another's once it has ended."""
        pid = self._process.pid
        assert pid is not None
        return pid

    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; none while it runs."""
        return self._process.exitcode

    def wait(self, limit_s: float) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        self._process.join(limit_s)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("suya", limit_s)
        return code

    def send(self, how: signal.Signals) -> None:
        """Signal it, if it has not ended."""
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, how)

    def send_to_group(self, how: signal.Signals) -> None:
        """Signal it and all it started, if it has not ended."""
        if self.exit_code() is None:
            try:
                os.killpg(self.pid, how)
            except ProcessLookupError:
                self.send(how)  # it has only just been forked, and leads no group yet


def run(
    words: Sequence[str], environ: Mapping[str, str], timeout_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    with tempfile.TemporaryDirectory(prefix="suya-test-") as name:
        said, errors = Path(name) / "stdout", Path(name) / "stderr"
        process = Launched(words, environ, said, errors)
        try:
            code = process.wait(timeout_s)
        finally:
            process.send(signal.SIGKILL)
        texts = [path.read_text("utf-8") for path in (said, errors)]
    return subprocess.CompletedProcess(["suya", *words], code, *texts)


def _be_suya(
    words: tuple[str, ...], environ: dict[str, str], paths: tuple[str, str], tests_pid: int
) -> None:
    """Turn a fresh fork into `suya <words>`, which does not outlive the tests that started it."""
    multiprocessing.set_start_method(None, force=True)  # the platform's own, as from nothing
    os.setsid()  # a Ctrl-C of the tests is for the tests
    os.environ.clear()
    os.environ.update(environ)
    for stream, path in enumerate(paths, 1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, stream)
        os.close(opened)
    sys.argv = ["suya", *words]
    threading.Thread(target=_end_with, args=(tests_pid,), daemon=True).start()
    from app.cli import main

    main()


def _end_with(tests_pid: int) -> None:
    """End this process when the tests have ended, which may have been killed.

    Its parent tells nothing of them: the process that forks lives as long as any of its forks.
    """
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(tests_pid, 0)
            time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGKILL)
