"""What the benchmarks run on: one embedded PostgreSQL, the servers beside it, and the machine."""

import argparse
import contextlib
import http.client
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import sqlalchemy
from rich.console import Console
from rich.table import Table

from app.devkit.bench import Client, Dataset, Endpoint, prepare
from app.engine.database.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ADMIN_KEY = "admin-key-of-the-benchmarks"
START_S = 60.0  # a cold start on a slow disk, with all imports; it takes two seconds here
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

    def __init__(self, name: str, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.endpoint = Endpoint(self.url)
        self.process = process
        self.rss_mib_max = 0.0
        self.dataset: Dataset | None = None

    def watch_memory(self, until: threading.Event) -> None:
        """Sample the processes' memory; the largest one is the one that serves."""
        while not until.wait(RSS_EVERY_S):
            with contextlib.suppress(psutil.Error):
                family = psutil.Process(self.process.pid)
                for member in [family, *family.children(recursive=True)]:
                    rss_mib = member.memory_info().rss / 2**20
                    self.rss_mib_max = max(self.rss_mib_max, rss_mib)


@contextlib.contextmanager
def serving(
    name: str,
    command: Callable[[int], Sequence[str]],
    environ: Mapping[str, str],
    path: str,
    *,
    port: int | None = None,
) -> Iterator[Api]:
    """Run `command(port)` until it answers on `path`; stop it afterwards.

    Raises:
        RuntimeError: it ended or did not answer; the message has the end of its output.
    """
    port = port or free_port()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 - our own programs
            command(port),
            cwd=ROOT,
            env={**os.environ, **environ, "SUYA_PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        api = Api(name, port, process)
        watched = threading.Event()
        watcher = threading.Thread(target=api.watch_memory, args=(watched,), daemon=True)
        try:
            if not _answers(api, path):
                output.seek(0)
                raise RuntimeError(f"{name} does not start:\n{output.read()[-2000:].decode()}")
            watcher.start()
            yield api
        finally:
            watched.set()
            _stop(process)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(api: Api, path: str) -> bool:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and api.process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        time.sleep(0.1)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def suya(server: EmbeddedPostgres) -> contextlib.AbstractContextManager[Api]:
    """Suya's api as anybody would run it: one process, default settings, migrated database."""
    environ = {
        "SUYA_DATABASE_URL": server.url,
        "SUYA_ADMIN_KEY": ADMIN_KEY,
        "SUYA_HOME": str(server.home),
    }
    cli = [sys.executable, "-m", "app.cli"]
    subprocess.run(  # noqa: S603 - our own program
        [*cli, "migrate"],
        cwd=ROOT,
        env={**os.environ, **environ},
        check=True,
        stdout=sys.stderr,
    )
    return serving("suya", lambda _: [*cli, "serve"], environ, "/readyz")


def naive(
    server: EmbeddedPostgres, database: str, isolation: str
) -> contextlib.AbstractContextManager[Api]:
    """The peer, on a database of its own."""
    return naive_at(url_of(server, database), isolation)


def naive_at(url: str, isolation: str) -> contextlib.AbstractContextManager[Api]:
    """The peer, on the database at `url`."""
    flags = ["--database-url", url, "--isolation", isolation]
    command = [sys.executable, "-m", "benchmarks.peers.naive", "--admin-key", ADMIN_KEY, *flags]
    return serving(
        f"naive, {isolation}",
        lambda port: [*command, "--port", str(port)],
        {"PYTHONPATH": str(ROOT)},
        "/metrics",
    )


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
