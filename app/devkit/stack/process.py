"""One program as a child: it starts, is paused, goes on, and ends in order or at once."""

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

READY_S = 60.0  # a start takes two seconds; a busy machine takes its time
STOP_S = 20.0  # the drain's notice and patience, and what a busy machine adds
_POLL_S = 0.02  # a look costs next to nothing, and starts and ends take some tenths of a second
_LOG_BYTES_MAX = 16 * 2**20  # above this a start begins the log anew
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
    """A process that was launched, as the leader of a session of its own."""

    @property
    def pid(self) -> int:
        """Its number, which may be another's once it has ended."""
        ...

    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; none while it runs."""
        ...

    def send(self, how: signal.Signals) -> None:
        """Signal it, if it has not ended."""
        ...

    def send_to_group(self, how: signal.Signals) -> None:
        """Signal it and all it started, if it has not ended."""
        ...


class Launch(Protocol):
    """Starts a process; what it says is added to the log, or comes out where ours does."""

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
        """Start it, in `folder` or where we are."""
        with contextlib.ExitStack() as stack:
            log = None if log_path is None else stack.enter_context(log_path.open("ab"))
            self._leader = subprocess.Popen(  # noqa: S603 - our own program
                words,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C is for us, who then stop it
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._leader.pid

    def exit_code(self) -> int | None:
        """How it ended; what it left behind has been killed."""
        return reap(self._leader)

    def send(self, how: signal.Signals) -> None:
        """Signal the process itself."""
        if self.exit_code() is None:
            self._leader.send_signal(how)

    def send_to_group(self, how: signal.Signals) -> None:
        """Signal the process and all it started."""
        if self.exit_code() is None:
            signal_group(self._leader, how)


class SuyaCommand(Command):
    """`suya <words>` as a process, which ends with this one, however this one ends."""

    def __init__(
        self,
        words: Sequence[str],
        environ: Mapping[str, str],
        log_path: Path | None,
        *,
        prefix: Sequence[str] = (),
    ) -> None:
        """Start it, by the program `prefix` if there is one."""
        line = [sys.executable, "-m", "app.cli", *words, "--supervisor-pid", str(os.getpid())]
        super().__init__([*prefix, *line], environ, log_path)


class Process:
    """A command of `suya` with its settings (`port="1"` for SUYA_PORT); its log is kept."""

    launch: Launch = SuyaCommand
    """How it is started; another program is a `Command`."""

    def __init__(
        self,
        words: Sequence[str],
        log_path: Path | None,
        settings: Mapping[str, str],
        *,
        name: str = "",
        inherits: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare it; nothing runs yet.

        Args:
            words: the command's.
            log_path: where what it says is added; else it comes out where ours does.
            settings: each may be changed before a start.
            name: what it is called in messages.
            inherits: its environment but for the settings; ours without settings if not given.
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
        """Whether what it says goes to a file."""
        return self._log_path is not None

    @property
    def is_running(self) -> bool:
        """Whether the process that was started lives."""
        return self._running is not None and self._running.exit_code() is None

    @property
    def pid(self) -> int:
        """Of the process that was started; those that work may be its children."""
        assert self._running is not None
        return self._running.pid

    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; none while it runs or was never started."""
        return None if self._running is None else self._running.exit_code()

    def spawn(self, launch: Launch | None = None, /, **settings: str) -> None:
        """Start it, with some settings changed, or launched otherwise, for this life only."""
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
        """The process and everything below it; nothing once it has ended.

        Its number may be another process's by then, and is none of ours to signal.
        """
        import psutil  # noqa: PLC0415 - a start that goes well does not need it

        if not self.is_running:
            return []
        try:
            top = psutil.Process(self.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def send(self, how: signal.Signals) -> None:
        """Send a signal to the process and all it started; to nobody once it has ended."""
        if self._running is not None:
            self._running.send_to_group(how)

    def send_to_first(self, how: signal.Signals) -> None:
        """Send a signal to the process that was started, as a supervisor does."""
        if self._running is not None:
            self._running.send(how)

    def pause(self) -> None:
        """Take its processor away: it lives and does nothing."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Give it its processor back."""
        self.send(signal.SIGCONT)

    def wait(self, limit_s: float = STOP_S) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        assert self._running is not None
        deadline = clock.monotonic() + limit_s
        while (code := self._running.exit_code()) is None:
            if clock.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.words, limit_s)
            time.sleep(_POLL_S)
        return code

    def stop(self, limit_s: float = STOP_S) -> int:
        """End it in order by SIGTERM; returns its exit code.

        Raises:
            subprocess.TimeoutExpired: it hung, and was killed.
        """
        # The first process only: it ends the others as it likes.
        self.send_to_first(signal.SIGTERM)
        try:
            return self.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL for all of it at once; returns when nothing of it lives."""
        if not self.is_running:
            return
        import psutil  # noqa: PLC0415 - as above

        tree = self.tree()
        self.send(signal.SIGKILL)
        self.wait()
        psutil.wait_procs(tree, timeout=STOP_S)

    def log(self, lines: int = _LOG_LINES_SHOWN) -> str:
        """The last lines that it wrote since its last start, if they go to a file."""
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
    """This process's environment without the settings of the shell that it runs in.

    With them, a run would test or measure something else than it says.
    """
    return {name: text for name, text in os.environ.items() if not name.startswith("SUYA_")}


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that say these settings."""
    return {f"SUYA_{name.upper()}": text for name, text in settings.items()}


def find_program(name: str) -> str | None:
    """Where a program is, if it is installed; daemons may be off a user's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
