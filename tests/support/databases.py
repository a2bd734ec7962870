"""Databases for tests: one embedded PostgreSQL, and as many migrated databases on it as are asked.

A database of its own costs a twentieth of a second, because it is copied from a migrated one. The
server keeps its data in memory, where the machine has a file system for that, unless a test is
about what a disk keeps.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import psycopg

from app.engine.database import migrations
from app.engine.database.embedded import EmbeddedPostgres


class Databases(Protocol):
    """Makes databases for tests, each migrated and empty."""

    def new_database(self) -> str:
        """The URL of a fresh, migrated database."""
        ...

    def new_vault_database(self) -> str:
        """The URL of a fresh, migrated database of a vault."""
        ...

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        ...


_MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made there
_STOP_S = 2  # in order; then at once, which tidies up as well
_MEMORY_FREE_BYTES = 8 * 2**30  # three servers of a full run write about one gigabyte each


class Server:
    """A running embedded PostgreSQL whose database `suya` is migrated and otherwise untouched."""

    def __init__(self, *, in_memory: bool = False) -> None:
        # Not pytest's folder: its rights are tightened when another run begins, and the account
        # that PostgreSQL runs under could not reach its data any more.
        place = in_memory_folder() if in_memory else None
        self.home = Path(tempfile.mkdtemp(prefix="suya-tests-", dir=place))
        self.postgres = EmbeddedPostgres(self.home)
        self._numbers = itertools.count(1)
        self._has_vault = False

    def __enter__(self) -> Self:
        try:
            self.postgres.start()
            migrations.upgrade(self.postgres.url)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.postgres.stop(_STOP_S)  # what is killed leaves its segments of shared memory behind
        shutil.rmtree(self.home, ignore_errors=True)

    def new_database(self) -> str:
        """The URL of a fresh, migrated database."""
        name = f"test_{next(self._numbers)}"
        execute(self.url_of("postgres"), f"CREATE DATABASE {name} TEMPLATE suya")
        return self.url_of(name)

    def new_vault_database(self) -> str:
        """The URL of a fresh, migrated database of a vault, which is its role's own."""
        if not self._has_vault:
            migrations.upgrade(self.postgres.vault_url, migrations.VAULT)
            self._has_vault = True
        name = f"vault_{next(self._numbers)}"
        copied = f"CREATE DATABASE {name} TEMPLATE suya_vault OWNER suya_vault"
        execute(self.url_of("postgres"), copied)
        return self.postgres.vault_url.replace("/suya_vault?", f"/{name}?")

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        execute(self.url_of("postgres"), f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        """The URL of one of the server's databases."""
        return self.postgres.url.replace("/suya?", f"/{name}?")


def in_memory_folder() -> Path | None:
    """A file system in memory with room for a run's databases; none means there is none.

    Nor is there for who names a place for temporary files, and looks for them there.
    """
    if "TMPDIR" in os.environ:
        return None
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_FREE_BYTES
    return _MEMORY if has_room else None


def execute(url: str, statement: str, params: Sequence[Any] = ()) -> None:
    """Run one statement on the database, committed at once."""
    with connect(url) as connection:
        connection.execute(statement.encode(), params or None)


def rows(url: str, statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of one statement on the database: what is there, whatever the api says."""
    with connect(url) as connection:
        return connection.execute(statement.encode(), params or None).fetchall()


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of its own, each statement committed at once."""
    return psycopg.connect(f"postgresql://{url.partition('://')[2]}", autocommit=True)
