"""The embedded PostgreSQL: it comes, goes and crashes without losing what was committed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from app.engine.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
from tests.support.commands import temporary_home


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as path:
        yield path


@pytest.fixture
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home)
    yield server
    server.kill()


def connect(server: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True)


def show(server: EmbeddedPostgres, setting: str) -> str:
    with connect(server) as connection:
        row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return str(row[0])


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])


def test_it_keeps_what_it_was_given(postgres: EmbeddedPostgres) -> None:
    """A row is there after an orderly stop and after a crash of every process."""
    postgres.start()
    with connect(postgres) as connection:
        connection.execute("CREATE TABLE kept (id INT8 PRIMARY KEY)")
        connection.execute("INSERT INTO kept VALUES (1)")

    postgres.stop()
    stopped = postgres.is_running()
    postgres.start()
    with connect(postgres) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    postgres.kill()
    killed = postgres.is_running()
    postgres.start()

    assert (stopped, killed) == (False, False)
    with connect(postgres) as connection:
        assert connection.execute("SELECT id FROM kept ORDER BY id").fetchall() == [(1,), (2,)]


def test_nothing_that_protects_data_is_off(postgres: EmbeddedPostgres) -> None:
    """The server is durable, listens on no network, and compares texts by their bytes."""
    postgres.start()

    settings = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    settings |= {"data_checksums": "on", "listen_addresses": "", "TimeZone": "UTC"}
    assert {name: show(postgres, name) for name in settings} == settings
    with connect(postgres) as connection:
        texts = connection.execute(
            "SELECT t FROM unnest(ARRAY['b', 'B', 'a', 'ä']) AS t ORDER BY t"
        )
        assert [text for (text,) in texts] == ["B", "a", "b", "ä"]


def test_the_death_of_the_postmaster_is_noticed_and_mended(postgres: EmbeddedPostgres) -> None:
    """A server whose first process was killed is not running, and starts again."""
    postgres.start()
    with connect(postgres) as connection:
        os.kill(postmaster(postgres), signal.SIGKILL)
        deadline = time.monotonic() + 5
        while postgres.is_running() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not postgres.is_running()

        postgres.start()

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert show(postgres, "fsync") == "on"


def test_a_dead_owners_server_is_stopped_first(postgres: EmbeddedPostgres) -> None:
    """A server left behind by a killed process is replaced by one of our own."""
    script = (
        "import os, sys; from pathlib import Path; "
        "from app.engine.database.embedded import EmbeddedPostgres; "
        "EmbeddedPostgres(Path(sys.argv[1])).start(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(postgres.home)], check=False, timeout=60)
    orphan = psutil.Process(postmaster(postgres))
    assert EmbeddedPostgres(postgres.home).is_running()

    postgres.start()

    assert postmaster(postgres) != orphan.pid
    # Whoever inherits orphans may be slow to bury them.
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_one_process_owns_a_home(postgres: EmbeddedPostgres) -> None:
    """A second start on the same home is refused in a sentence, and the first goes on."""
    postgres.start()

    with pytest.raises(EmbeddedPostgresError, match=r"^Another process runs the database under .*"):
        EmbeddedPostgres(postgres.home).start()

    assert show(postgres, "fsync") == "on"


def test_a_start_that_fails_says_why(postgres: EmbeddedPostgres) -> None:
    """The error ends with the last lines of the server's own log."""
    postgres.start()
    postgres.stop()
    (postgres.data_dir / "postgresql.auto.conf").write_text("shared_buffers = 'a lot'\n")

    with pytest.raises(EmbeddedPostgresError, match=r"could not start[\s\S]*shared_buffers"):
        postgres.start()

    assert not postgres.is_running()


def test_a_half_made_data_directory_is_thrown_away(postgres: EmbeddedPostgres) -> None:
    """A first start that was killed in the middle does not stand in the way of the next."""
    half = postgres.home / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    postgres.start()

    assert postgres.is_running()
    assert not half.exists()


def test_a_long_home_has_a_short_socket(home: Path) -> None:
    """A path too long for a socket, with a space in it, still gets a server and a URL."""
    server = EmbeddedPostgres(home / "a long home" / ("x" * 100))
    try:
        server.start()

        assert server.socket_dir.parent.name == "tmp"
        assert show(server, "fsync") == "on"
    finally:
        server.kill()
        shutil.rmtree(server.socket_dir)


def test_the_url_needs_no_server(home: Path) -> None:
    """Any process can say where the database of a home would be, before it exists."""
    assert EmbeddedPostgres(home).url.startswith("postgresql+psycopg://postgres@/suya?host=/")
    assert not home.exists()
