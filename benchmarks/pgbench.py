"""pgbench's TPC-B, PostgreSQL's own yardstick: what the server does for a client written in C.

Three updates, a select and an insert per transaction, prepared statements, 16 connections; no
HTTP, no idempotency, no entries, READ COMMITTED. The aim for Suya's single requests is this rate.
"""

import re
import shutil
import subprocess
from pathlib import Path

from app.engine.database import embedded_host
from app.engine.database.embedded import EmbeddedPostgres
from benchmarks import lab

DATABASE = "pgbench"
CONNECTIONS, THREADS = 16, 2
_TPS = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")


def find() -> Path | None:
    """Pgbench from the embedded server, from the PATH, or from Debian's PostgreSQL packages."""
    on_path = shutil.which("pgbench")
    candidates = [
        embedded_host.install_dir() / "bin" / "pgbench",
        *([Path(on_path)] if on_path else []),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True),
    ]
    return next((path for path in candidates if path.is_file()), None)


def initialize(program: Path, server: EmbeddedPostgres, scale: int) -> None:
    """Fill the tables: 100,000 accounts (15 MB) per unit of scale."""
    lab.execute(server, "postgres", f"CREATE DATABASE {DATABASE}")
    _run(program, server, ["--initialize", "--scale", str(scale), "--quiet"])


def run(program: Path, server: EmbeddedPostgres, seconds: float) -> float:
    """Transactions per second.

    Raises:
        RuntimeError: it did not say; the message has what it said instead.
    """
    how = ["--protocol", "prepared", "--client", str(CONNECTIONS), "--jobs", str(THREADS)]
    output = _run(program, server, [*how, "--no-vacuum", "--time", str(max(1, round(seconds)))])
    match = _TPS.search(output)
    if match is None:
        raise RuntimeError(f"pgbench did not report a rate:\n{output}")
    return float(match[1])


def _run(program: Path, server: EmbeddedPostgres, flags: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [program, *flags, lab.libpq_url_of(server, DATABASE)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"pgbench failed:\n{done.stderr}")
    return done.stdout
