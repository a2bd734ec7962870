"""Child processes that are started again when they die."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.base import clock
from app.base.process import reap, signal_group, tail

_POLL_S = 0.02  # while a child stops, which takes some hundred milliseconds
_PAUSE_MIN_S = 0.5
_PAUSE_MAX_S = 10.0  # a child that cannot live is tried often enough to notice when it can
_STABLE_S = 30.0  # who lived that long begins with the shortest pause again
_LOG_BYTES_MAX = 16 * 2**20  # above this a start begins the log anew
_LOG_LINES_SHOWN = 8


class DevError(Exception):
    """`suya dev` cannot go on; the message is the sentence to say."""


def say(text: str) -> None:
    """A line for whoever watches, at once; nobody may be there any more."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


class Child:
    """One `suya` command as a child of this process."""

    def __init__(
        self, name: str, words: Sequence[str], environ: Mapping[str, str], log_path: Path | None
    ) -> None:
        """Prepare it; without `log_path` it writes where this process does."""
        self.name = name
        self.log_path = log_path
        self._command = [sys.executable, "-m", "app.cli", *words]
        # Should this process be killed, its children notice by this that nobody wants them.
        self._command += ["--supervisor-pid", str(os.getpid())]
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0
        self._pause_s = _PAUSE_MIN_S
        self._started_at = 0.0
        self._start_again_at: float | None = None

    def start(self) -> None:
        """Run it, in a session of its own, so that a terminal's Ctrl-C reaches only us."""
        self._started_at, self._start_again_at = clock.monotonic(), None
        with contextlib.ExitStack() as stack:
            log = None
            if self.log_path is not None:
                full = self.log_path.exists() and self.log_path.stat().st_size > _LOG_BYTES_MAX
                log = stack.enter_context(self.log_path.open("wb" if full else "ab"))
                self._log_from = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """How it ended; none while it runs or waits to be started again."""
        return None if self._process is None else reap(self._process)

    def last_words(self) -> str:
        """The last lines it wrote, if they went to a file."""
        if self.log_path is None:
            return ""
        return tail(self.log_path, self._log_from, _LOG_LINES_SHOWN)

    def mend(self) -> None:
        """Start it again if it died, after a pause that doubles while it keeps dying."""
        now = clock.monotonic()
        if self._start_again_at is not None:
            if now >= self._start_again_at:
                self.start()
        elif (code := self.exit_code()) is not None:
            stable = now - self._started_at > _STABLE_S
            self._pause_s = _PAUSE_MIN_S if stable else self._pause_s
            where = f"; see {self.log_path}" if self.log_path else ""
            say(f"{self.name} {_how(code)}; starting it again in {self._pause_s:g} s{where}")
            self._start_again_at = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S)

    def ask_to_stop(self) -> None:
        """Let it finish what it has in hand."""
        if self._process is not None and self.exit_code() is None:
            self._process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        """See it end: by itself until `deadline`, by force after."""
        if self._process is None:
            return
        while self.exit_code() is None and clock.monotonic() < deadline:
            time.sleep(_POLL_S)
        if self.exit_code() is None:
            say(f"{self.name} did not stop in time and was killed")
            signal_group(self._process, signal.SIGKILL)
        self._process.wait()


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
