"""Child processes that are restarted when they die."""

import contextlib
import signal
import subprocess
import sys

from app.base import clock
from app.devkit.stack import Process

_PAUSE_MIN_S = 0.5
_PAUSE_MAX_S = 10.0  # tried often enough for a child whose trouble has passed
_STABLE_S = 30.0  # after so long a life the pauses begin with the shortest again


class DevError(Exception):
    """`suya dev` cannot go on; the message is the sentence that the user sees."""


def say(text: str) -> None:
    """Print a line at once; also if the terminal is gone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


class Child:
    """A process of the stack that is restarted when it dies."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._pause_s = _PAUSE_MIN_S
        self._started_at = 0.0
        self._start_again_at: float | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.process.name

    def start(self) -> None:
        self._started_at, self._start_again_at = clock.monotonic(), None
        self.process.spawn()

    def mend(self) -> None:
        """Restart it if it died, after a pause that doubles while it keeps dying."""
        now = clock.monotonic()
        if self._start_again_at is not None:
            if now >= self._start_again_at:
                self.start()
        elif (code := self.process.exit_code()) is not None:
            stable = now - self._started_at > _STABLE_S
            self._pause_s = _PAUSE_MIN_S if stable else self._pause_s
            where = f"; see {self.process.log_path}" if self.process.has_log else ""
            say(f"{self.name} {_how(code)}; starting it again in {self._pause_s:g} s{where}")
            self._start_again_at = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, _PAUSE_MAX_S)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, so that it finishes the work in hand."""
        self.process.send_to_first(signal.SIGTERM)

    def wait_or_kill(self, deadline: float) -> None:
        """Wait for its end until `deadline`; then kill it."""
        if not self.process.is_running:
            return
        try:
            self.process.wait(deadline - clock.monotonic())
        except subprocess.TimeoutExpired:
            say(f"{self.name} did not stop in time and was killed")
            self.process.kill()


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
