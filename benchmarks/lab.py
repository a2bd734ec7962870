"""What the benchmarks run on: one embedded PostgreSQL, the servers beside it, and the machine."""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import psycopg
import sqlalchemy
from rich.console import Console
from rich.table import Table

from app.devkit import stack
from app.devkit.bench import Client, Dataset, Endpoint, prepare
from app.engine.database.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ADMIN_KEY = "admin-key-of-the-benchmarks"
STOP_S = 15.0  # more than a server takes to finish what it has in hand
RSS_EVERY_S = 0.5
TABLE_WIDTH = 110  # also where stderr is a file and would be taken for 80 columns
SERVER_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "wal_compression",
)
PACKAGES = ("litestar", "granian", "uvloop", "psycopg", "SQLAlchemy", "msgspec")


def say(message: str) -> None:
    """Progress, on stderr, so that stdout stays one JSON object."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {message}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def postgres() -> Iterator[EmbeddedPostgres]:
    """An embedded PostgreSQL with default settings, gone afterwards with all its data.

    Under the project and not under /tmp, which is memory on many machines: fsync would be free.
    """
    # Without this a SIGTERM would leave the servers running, and the data where it is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    (ROOT / ".suya").mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / ".suya"))
    server = EmbeddedPostgres(home)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def url_of(server: EmbeddedPostgres, database: str) -> str:
    """SQLAlchemy's URL of a database of the server."""
    url = sqlalchemy.make_url(server.url).set(database=database)
    return url.render_as_string(hide_password=False)


def libpq_url_of(server: EmbeddedPostgres, database: str) -> str:
    """The same for psql, pgbench and psycopg."""
    url = sqlalchemy.make_url(server.url).set(database=database, drivername="postgresql")
    return url.render_as_string(hide_password=False)


def execute(server: EmbeddedPostgres, database: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement outside any transaction; its rows, if it has any."""
    url = libpq_url_of(server, database)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


class Api:
    """A running server that speaks the API, and the most memory one process of it has used."""

    def __init__(self, process: stack.Service) -> None:
        self.name = process.name
        self.url = process.url
        self.endpoint = Endpoint(self.url)
        self.process = process
        self.rss_mib_max = 0.0
        self.dataset: Dataset | None = None

    def watch_memory(self, until: threading.Event) -> None:
        """Sample the processes' memory; the largest one is the one that serves."""
        while not until.wait(RSS_EVERY_S):
            with contextlib.suppress(psutil.Error):
                for member in self.process.tree():
                    rss_mib = member.memory_info().rss / 2**20
                    self.rss_mib_max = max(self.rss_mib_max, rss_mib)


class Peer(stack.Service):
    """The peer, on a database of its own."""

    command = (sys.executable, "-m", "benchmarks.peers.naive")
    launch = partial(stack.Command, folder=ROOT)
    ready_path = "/metrics"

    def __init__(self, folder: Path, url: str, isolation: str) -> None:
        inherits = {**os.environ, "PYTHONPATH": str(ROOT)}
        super().__init__(folder, {}, name=f"naive, {isolation}", inherits=inherits)
        flags = ("--admin-key", ADMIN_KEY, "--database-url", url, "--isolation", isolation)
        self.words = (*self.command, *flags, "--port", str(self.port))


@contextlib.contextmanager
def serving(process: stack.Service) -> Iterator[Api]:
    """Run a server until the block ends.

    Raises:
        DidNotStart: it ended or did not answer; the message has the end of its output.
    """
    api = Api(process)
    watched = threading.Event()
    watcher = threading.Thread(target=api.watch_memory, args=(watched,), daemon=True)
    try:
        process.start()
        watcher.start()
        yield api
    finally:
        watched.set()
        stop(process)


def stop(process: stack.Process) -> None:
    """Let a process finish what it has in hand, within a limit."""
    if process.is_running:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it hung, and was killed
            process.stop(STOP_S)


@contextlib.contextmanager
def logs() -> Iterator[Path]:
    """A folder for what processes say, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="suya-bench-") as name:
        yield Path(name)


def migrate(url: str) -> None:
    """Bring a database to this version's schema."""
    subprocess.run(
        [sys.executable, "-m", "app.cli", "migrate"],
        cwd=ROOT,
        env={**os.environ, "SUYA_DATABASE_URL": url},
        check=True,
        stdout=sys.stderr,
    )


@contextlib.contextmanager
def suya_at(url: str, **settings: str) -> Iterator[Api]:
    """Suya's api as anybody would run it: one process, default settings, migrated database."""
    migrate(url)
    given = {"database_url": url, "admin_key": ADMIN_KEY} | settings
    with logs() as folder:
        process = stack.Api(folder, given, name="suya", inherits=os.environ)
        with serving(process) as api:
            yield api


def suya(server: EmbeddedPostgres) -> contextlib.AbstractContextManager[Api]:
    """The same on an embedded PostgreSQL."""
    return suya_at(server.url, home=str(server.home))


def naive(
    server: EmbeddedPostgres, database: str, isolation: str
) -> contextlib.AbstractContextManager[Api]:
    """The peer, on a database of its own."""
    return naive_at(url_of(server, database), isolation)


@contextlib.contextmanager
def naive_at(url: str, isolation: str) -> Iterator[Api]:
    """The peer, on the database at `url`."""
    with logs() as folder, serving(Peer(folder, url, isolation)) as api:
        yield api


async def open_wallets(api: Api, *, merchants: int = 10, accounts: int = 10_000) -> Dataset:
    """Merchants with funded wallets in a server that has none yet."""
    say(f"opening {accounts:,} wallets in {api.name}")
    client = Client(api.endpoint, 32)
    try:
        return await prepare(client, ADMIN_KEY, merchants=merchants, accounts=accounts)
    finally:
        client.close()


def facts(server: EmbeddedPostgres) -> dict[str, Any]:
    """What a reader has to know to compare the figures with others."""
    settings = {name: execute(server, "postgres", f"SHOW {name}")[0][0] for name in SERVER_SETTINGS}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "fsync_us": round(fsync_us(server.home)),
        "settings": settings,
        "environment": {
            name: value
            for name, value in os.environ.items()
            if name.startswith("SUYA_") and not name.endswith(("_KEY", "_URL"))
        },
        "versions": {
            "python": platform.python_version(),
            **{package.lower(): version(package) for package in PACKAGES},
        },
    }


def commit() -> str:
    """The short hash of what was measured, with `+` if files differ from it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],  # noqa: S607
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def machine() -> str:
    """The processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def fsync_us(folder: Path) -> float:
    """The median time to make 8 KiB durable where the database lies."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        taken = []
        for _ in range(200):
            file.write(bytes(8192))
            file.flush()
            began_at = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began_at)
    return statistics.median(taken) * 1e6


def add_output_flags(parser: argparse.ArgumentParser) -> None:
    """What every benchmark can do with its result."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument("--save", action="store_true", help="keep it in benchmarks/results/ too")


def publish(
    kind: str, result: Mapping[str, Any], table: Table, arguments: argparse.Namespace
) -> None:
    """Print a result, and keep it if that is asked for; see benchmarks/results/README.md."""
    if arguments.save:
        day, commit_name = str(result["at"])[:10], str(result["commit"]).replace("+", "-dirty")
        name = f"{day}-{commit_name}-{result['cores']}cores-{kind}.json"
        (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n")
    Console(stderr=True, width=TABLE_WIDTH).print(table)
    if arguments.json:
        print(json.dumps(result))
