"""The embedded PostgreSQL: a server of our own under a folder, where no database URL is configured.

The program comes in a wheel. It runs as a child of the process that starts it, listens on a unix
socket only, and is as durable as any: nothing that protects data is switched off.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from app.base import clock
from app.base.process import exclusive_lock, tail
from app.engine.database import embedded_host as host

if TYPE_CHECKING:
    import psutil
    import psycopg

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES_MAX = 103  # macOS allows 104 with the closing NUL, Linux 108
_SHORT_PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - a private folder is made there
_VAULT = "suya_vault"  # the vault's database, and the role it belongs to
_ROLE = "SELECT 1 FROM pg_roles WHERE rolname = %(name)s"
_POLL_S = 0.01  # a start takes 0.1 s, and each pause that is too long is a part of it
_INIT_S = 120  # initdb takes 0.6 s here and half a minute on a slow disk
_ORPHAN_STOP_S = 20  # an orphan may have half a GB of dirty pages to write before it ends
_RECOVERY_S = 900  # 8 GB of log, the most there is, replayed at 10 MB/s
_LOG_BYTES_MAX = 16 * 2**20  # above this a start begins the log anew; it is for people
_LOG_LINES_SHOWN = 8  # a failing start explains itself in its last few lines


class EmbeddedPostgresError(Exception):
    """The embedded database cannot be used; the message says why, and what its log says."""


class EmbeddedPostgres:
    """The server of one home: its data under `<home>/postgres`, its log in `<home>/postgres.log`.

    One process owns a running server; any other may ask for `url` and `is_running`, and kill it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().resolve()
        self.data_dir = self.home / "postgres"
        self.log_path = self.home / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def socket_dir(self) -> Path:
        """Where clients connect: under the home, or in a short folder where that is too long."""
        near = self.home / "socket"
        if len(os.fsencode(near / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES_MAX:
            return near
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        # Not TMPDIR: it differs between a shell and a service, and with it the URL would.
        short = [place for place in _SHORT_PLACES if os.access(place, os.W_OK)]
        return Path(short[0] if short else _SHORT_PLACES[0]) / f"suya-{name}"

    @property
    def url(self) -> str:
        """The URL of the database `suya`, whether or not the server runs."""
        return f"postgresql+psycopg://postgres@/suya?host={quote(str(self.socket_dir))}&port=5432"

    @property
    def vault_url(self) -> str:
        """The URL of the vault's own database, under a role that may use nothing else."""
        return self.url.replace("://postgres@/suya?", f"://{_VAULT}@/{_VAULT}?")

    def is_running(self) -> bool:
        """Whether a server runs on this home's data, whoever started it."""
        if self._process is not None:
            return self._process.poll() is None
        return self._has_postmaster() or bool(self._processes())

    def start(self, timeout_s: float = 60) -> None:
        """Run the server and wait until it accepts connections; make it and `suya` if need be.

        A server whose owner died is stopped first. The recovery after a crash is waited for.

        Raises:
            EmbeddedPostgresError: the home is in use, or the server does not come up.
        """
        if self._process is not None and self.is_running():
            return
        try:
            self._prepare()
            self._stop_orphan()
            if not self.data_dir.exists():
                self._init()
            log_from = self._spawn()
            self._wait_until_ready(timeout_s, log_from)
            self._create_database()
        except (OSError, subprocess.SubprocessError) as error:
            self.kill()
            what = f"The embedded database cannot be started under {self.home}: {error}"
            raise EmbeddedPostgresError(what) from error

    def stop(self, timeout_s: float = 8) -> None:
        """End the server: in order if that takes less than `timeout_s`, at once otherwise.

        At once is safe as well: the next start replays the log.
        """
        for how, patience_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, 2)):
            if self._process is not None and self.is_running():
                self._process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience_s)
        self.kill()

    def kill(self) -> None:
        """End every process of the server with SIGKILL, as the crash of a machine would."""
        self._kill_processes()
        if self._process is not None:
            self._process.kill()  # one that was only just spawned is not at home in its data yet
            self._process.wait()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def send_signal(self, how: signal.Signals) -> None:
        """Send a signal to every process of the server: SIGSTOP and SIGCONT, to see who minds."""
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, how)

    def _prepare(self) -> None:
        """Take the home, and let the server's account reach its program, data and socket."""
        self._lock = self._lock or exclusive_lock(self.home / "postgres.lock")
        if self._lock is None:
            raise EmbeddedPostgresError(f"Another process runs the database under {self.home}.")
        host.make_private_dir(self.socket_dir)
        host.let_account_reach(self.data_dir)
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_BYTES_MAX:
            self.log_path.unlink()

    def _init(self) -> None:
        """Make the data directory, whole or not at all: a half-made one is thrown away."""
        fresh = self.home / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        host.make_private_dir(fresh)
        # Texts are compared by their bytes, as on CockroachDB, and no upgrade of the C library
        # can change the order of an index.
        options = "--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --encoding=UTF8"
        done = subprocess.run(  # noqa: S603 - our own program
            [_program("initdb"), "-D", fresh, "-U", "postgres", "-A", "trust", *options.split()],
            check=False,
            capture_output=True,
            text=True,
            timeout=_INIT_S,
            **host.process_options(),
        )
        if done.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {done.stderr.strip()}")
        fresh.rename(self.data_dir)

    def _spawn(self) -> int:
        """Start the server in a session of its own; returns the length of its log before."""
        config = self.data_dir / "suya.conf"
        config.write_text(host.configuration(), encoding="utf-8")
        config.chmod(0o644)
        # Nothing runs on this data any more, and the next process with that id is not ours.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_dir / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)
        with self.log_path.open("ab") as log:
            begins = log.tell()  # before the server, which moves the same position, says anything
            # Its own session: the Ctrl-C of a terminal is for the owner, who then stops it.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    *(_program("postgres"), "-D", self.data_dir, "-c", f"config_file={config}"),
                    *("-k", self.socket_dir, "-p", "5432"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **host.process_options(),
            )
            return begins

    def _wait_until_ready(self, timeout_s: float, log_from: int) -> None:
        from psycopg import conninfo, pq  # noqa: PLC0415 - who asks for the URL does not need it

        assert self._process is not None
        target = conninfo.make_conninfo(host=str(self.socket_dir), port=5432, user="postgres")
        started = clock.monotonic()
        while (answer := pq.PGconn.ping(target.encode())) != pq.Ping.OK:
            # A server that answers "not yet" is replaying its log, which may take its time.
            patience_s = max(timeout_s, _RECOVERY_S) if answer == pq.Ping.REJECT else timeout_s
            too_late = clock.monotonic() - started > patience_s
            if too_late or self._process.poll() is not None:
                said = tail(self.log_path, log_from, _LOG_LINES_SHOWN)
                self.kill()
                what = "did not come up in time" if too_late else "could not start"
                raise EmbeddedPostgresError(f"The embedded database {what}. Its log says:\n{said}")
            time.sleep(_POLL_S)

    def _create_database(self) -> None:
        import psycopg  # noqa: PLC0415 - as above

        target = self.url.replace("+psycopg", "").replace("/suya?", "/postgres?")
        try:
            with psycopg.connect(target, autocommit=True) as connection:
                self._create_missing(connection)
        except psycopg.Error as error:
            self.kill()  # it died, or answers nothing: who waits for it may start it again
            what = "The embedded database was lost while it was made ready"
            raise EmbeddedPostgresError(f"{what}: {error}") from error

    @staticmethod
    def _create_missing(connection: "psycopg.Connection[Any]") -> None:
        """Make the databases that are not there."""
        known = connection.execute("SELECT datname FROM pg_database").fetchall()
        if ("suya",) not in known:
            connection.execute("CREATE DATABASE suya")
        if (_VAULT,) not in known:
            # Only its owner (and the administrator) gets into the one, and the vault's role
            # not into the other.
            connection.execute("REVOKE CONNECT ON DATABASE suya FROM PUBLIC")
            if not connection.execute(_ROLE, {"name": _VAULT}).fetchone():
                connection.execute(f"CREATE ROLE {_VAULT} LOGIN")
            connection.execute(f"CREATE DATABASE {_VAULT} OWNER {_VAULT}")
            connection.execute(f"REVOKE CONNECT ON DATABASE {_VAULT} FROM PUBLIC")

    def _stop_orphan(self) -> None:
        """End what a dead owner left behind; two servers on the same data would destroy it."""
        orphans = self._processes()
        if not orphans:
            return
        ids = {orphan.pid for orphan in orphans}
        # The one without a parent among them is the postmaster; it ends the others in order.
        self._end([o for o in orphans if o.info["ppid"] not in ids], signal.SIGINT, _ORPHAN_STOP_S)
        self._kill_processes()

    def _kill_processes(self) -> None:
        self._end(self._processes(), signal.SIGKILL, patience_s=5)  # the kernel needs milliseconds

    def _end(
        self, processes: list["psutil.Process"], how: signal.Signals, patience_s: float
    ) -> None:
        """Send a signal to some of the server's processes, and wait for the end of all."""
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, how)
        deadline = clock.monotonic() + patience_s
        while processes and self._processes() and clock.monotonic() < deadline:
            time.sleep(_POLL_S)

    def _has_postmaster(self) -> bool:
        """Whether the process that the data name as their server runs, where the kernel says so.

        Looking at every process of the machine answers as well, and takes thirty times as long.
        """
        with contextlib.suppress(OSError, ValueError):
            named = (self.data_dir / "postmaster.pid").read_text("utf-8").partition("\n")[0]
            return Path(f"/proc/{int(named)}/cwd").readlink() == self.data_dir
        return False

    def _processes(self) -> list["psutil.Process"]:
        """The server's processes: all of PostgreSQL's are at home in their data directory."""
        import psutil  # noqa: PLC0415 - as above

        found = []
        for process in psutil.process_iter(["name", "ppid"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.info["name"] == "postgres" and process.cwd() == str(self.data_dir):
                    found.append(process)
        return found


def _program(name: str) -> Path:
    return host.install_dir() / "bin" / name
