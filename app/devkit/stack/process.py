"""One program as a child process: start, pause, resume, stop, kill."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from app.base import clock
from app.base.process import reap, signal_group, tail

if TYPE_CHECKING:
    import psutil

READY_S = 60.0  # a start takes two seconds, and longer on a busy machine
STOP_S = 20.0  # the drain's notice and timeout, and a margin for a busy machine
_POLL_S = 0.02  # a check costs next to nothing; starts and ends take some tenths of a second
_LOG_BYTES_MAX = 16 * 2**20  # a larger log is emptied at the next start
_LOG_LINES_SHOWN = 30


class DidNotStart(Exception):
    """A process did not get ready; the message has the end of its log."""

    def __init__(self, message: str, *, said: str = "", has_ended: bool = False) -> None:
        super().__init__(message)
        self.said = said
        """The end of its log."""
        self.has_ended = has_ended
        """Whether it ended by itself."""


class Running(Protocol):
    """A launched process, which leads a session of its own."""

    @property
    def pid(self) -> int:
        """The process id; once the process has ended it may be another's."""
        ...

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; none while it runs."""
        ...

    def send(self, how: signal.Signals) -> None:
        """Signal it, if it has not ended."""
        ...

    def send_to_group(self, how: signal.Signals) -> None:
        """Signal it and all it started, if it has not ended."""
        ...


class Launch(Protocol):
    """Starts a process; its output goes to the log, or to this process's own output."""

    def __call__(
        self, words: Sequence[str], environ: Mapping[str, str], log_path: Path | None
    ) -> Running: ...


class Command:
    """A command line as a process."""

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        log_path: Path | None,
        *,
        folder: Path | None = None,
    ) -> None:
        """Start it, in `folder` or in the current one."""
        with contextlib.ExitStack() as stack:
            log = None if log_path is None else stack.enter_context(log_path.open("ab"))
            self._leader = subprocess.Popen(  # noqa: S603 - our own program
                words,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A terminal's Ctrl-C is for this process, which then stops its child.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._leader.pid

    def exit_code(self) -> int | None:
        """The exit code; what it left running has been killed."""
        return reap(self._leader)

    def send(self, how: signal.Signals) -> None:
        """Signal the process itself."""
        if self.exit_code() is None:
            self._leader.send_signal(how)

    def send_to_group(self, how: signal.Signals) -> None:
        """Signal the process and all it started."""
        if self.exit_code() is None:
            signal_group(self._leader, how)


_FAKETIME = {
    "LD_PRELOAD": "/usr/$LIB/faketime/libfaketimeMT.so.1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # deadlines stay right
}


class SuyaCommand(Command):
    """`suya <words>` as a process; it ends with this one, however this one ends."""

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        log_path: Path | None,
        *,
        clock_off_s: int = 0,
    ) -> None:
        """Start it, with its clock off by so many seconds; that needs Debian's `faketime`."""
        line = [sys.executable, "-m", "app.cli", *words, "--supervisor-pid", str(os.getpid())]
        # By the library and not by the program, which would stand between it and its supervisor.
        shift = {**_FAKETIME, "FAKETIME": f"{clock_off_s:+d}s"} if clock_off_s else {}
        super().__init__(line, {**environ, **shift}, log_path)


class Process:
    """A command of `suya` with its settings (`port="1"` for SUYA_PORT); its log is kept."""

    launch: Launch = SuyaCommand
    """How to start it; by default as `SuyaCommand`."""

    def __init__(
        self,
        words: Sequence[str],
        log_path: Path | None,
        settings: Mapping[str, str],
        *,
        name: str = "",
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the process; nothing runs yet.

        Args:
            words: the command and its arguments.
            log_path: the file for its output; else that is this process's own.
            settings: each may be changed before a start.
            name: its name in messages.
            inherits: its environment but for the settings; this process's without settings
                if not given.
        """
        self.words = tuple(words)
        self._log_path = log_path
        self.settings = dict(settings)
        self.name = name or self.words[0]
        self._inherits = inherits
        self._running: Running | None = None
        self._log_from = 0

    @property
    def log_path(self) -> Path:
        """Where its log is, of a process that has one."""
        assert self._log_path is not None
        return self._log_path

    @property
    def has_log(self) -> bool:
        """Whether its output goes to a file."""
        return self._log_path is not None

    @property
    def is_running(self) -> bool:
        """Whether the process that was started is alive."""
        return self._running is not None and self._running.exit_code() is None

    @property
    def pid(self) -> int:
        """The id of the process that was started; its children may do the work."""
        assert self._running is not None
        return self._running.pid

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; none while it runs or before its first start."""
        return None if self._running is None else self._running.exit_code()

    def spawn(self, launch: Launch | None = None, /, **settings: str) -> None:
        """Start it, with some settings or the launch changed for this life only."""
        assert not self.is_running
        if self.has_log:
            size = self.log_path.stat().st_size if self.log_path.exists() else 0
            if size > _LOG_BYTES_MAX:
                self.log_path.unlink()
            self._log_from = 0 if size > _LOG_BYTES_MAX else size
        inherits = without_settings() if self._inherits is None else self._inherits
        environ = {**inherits, **variables(self.settings | settings)}
        self._running = (launch or self.launch)(self.words, environ, self._log_path)

    def wait_until(self, is_ready: Callable[[], bool], limit_s: float = READY_S) -> None:
        """Return when it is ready.

        Raises:
            DidNotStart: it ended, or took too long and was killed.
        """
        deadline = clock.monotonic() + limit_s
        while not is_ready():
            has_ended = not self.is_running
            if has_ended or clock.monotonic() > deadline:
                self.kill()
                said = self.log()
                message = f"{self.name} did not get ready; its log ends:\n{said}"
                raise DidNotStart(message, said=said, has_ended=has_ended)
            time.sleep(_POLL_S)

    def tree(self) -> list["psutil.Process"]:
        """The process and all below it; empty once it has ended.

        By then its number may be another process's, which must not be signalled.
        """
        import psutil  # noqa: PLC0415 - a start that succeeds does not need it

        if not self.is_running:
            return []
        try:
            top = psutil.Process(self.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def send(self, how: signal.Signals) -> None:
        """Send a signal to the process and all it started; nothing happens once it has ended."""
        if self._running is not None:
            self._running.send_to_group(how)

    def send_to_first(self, how: signal.Signals) -> None:
        """Send a signal to the process that was started, as a supervisor does."""
        if self._running is not None:
            self._running.send(how)

    def pause(self) -> None:
        """Stop it from running (SIGSTOP), alive."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run again (SIGCONT)."""
        self.send(signal.SIGCONT)

    def wait(self, limit_s: float = STOP_S) -> int:
        """Wait for its end; returns the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        assert self._running is not None
        deadline = clock.monotonic() + limit_s
        while (code := self._running.exit_code()) is None:
            if clock.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.words, limit_s)
            time.sleep(_POLL_S)
        return code

    def stop(self, limit_s: float = STOP_S) -> int:
        """End it by SIGTERM; returns its exit code.

        Raises:
            subprocess.TimeoutExpired: it hung, and was killed.
        """
        # Only the first process gets it, and ends the others as it likes.
        self.send_to_first(signal.SIGTERM)
        try:
            return self.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill all of it at once (SIGKILL); returns when none of it is alive."""
        if not self.is_running:
            return
        import psutil  # noqa: PLC0415 - as above

        tree = self.tree()
        self.send(signal.SIGKILL)
        self.wait()
        psutil.wait_procs(tree, timeout=STOP_S)

    def log(self, lines: int = _LOG_LINES_SHOWN) -> str:
        """The last lines of its log since its last start, if it has one."""
        if not self.has_log or not self.log_path.exists():
            return ""
        return tail(self.log_path, self._log_from, lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.kill()


def without_settings() -> dict[str, str]:
    """This process's environment without the settings of its shell.

    With them, a run would test or measure something other than it says.
    """
    return {name: text for name, text in os.environ.items() if not name.startswith("SUYA_")}


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment variables for these settings."""
    return {f"SUYA_{name.upper()}": text for name, text in settings.items()}


def find_program(name: str) -> str | None:
    """The path of a program, if it is installed; daemons may be off a user's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
