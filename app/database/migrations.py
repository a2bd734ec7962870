"""Migrations: bring a database's schema to the head revision under `schema/`.

There are two histories, for there are two databases: that of the api and its workers, and that of
the vault, which nobody else reads.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine

import schema

_CREATED = re.compile(r"^\s*CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


class History(NamedTuple):
    """The revisions of one database."""

    name: str
    """As in the command that applies it."""
    folder: str
    """Of its revisions, under `schema/`."""
    version_table: str
    """Where a database says which revision it is at. Each history has its own, so that the one's
    database is never taken for the other's."""


MAIN: Final = History("", "versions", "alembic_version")
VAULT: Final = History("vault", "vault", "vault_version")


def _config(history: History) -> Config:
    config, home = Config(), Path(schema.__file__).parent
    config.set_main_option("script_location", str(home))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(home / history.folder))
    config.attributes["version_table"] = history.version_table
    return config


def head(history: History = MAIN) -> str:
    """The newest revision this code knows."""
    revision = ScriptDirectory.from_config(_config(history)).get_current_head()
    assert revision is not None
    return revision


def tables() -> frozenset[str]:
    """The tables that revisions ever made; what else is in a database is not ours."""
    revisions = ScriptDirectory.from_config(_config(MAIN)).walk_revisions()
    texts = [Path(revision.path).read_text(encoding="utf-8") for revision in revisions]
    return frozenset(name for text in texts for name in _CREATED.findall(text))


def _connect(url: str) -> Connection:
    # No pool: the one connection ends with its block, and nobody is left connected.
    engine = create_engine(url, poolclass=NullPool)
    connection = engine.connect()
    if engine.dialect.name == "cockroachdb":
        # Schema changes are asynchronous there; inside a transaction they may fail after COMMIT.
        return connection.execution_options(isolation_level="AUTOCOMMIT")
    return connection


def _revision(connection: Connection, history: History) -> str | None:
    options = {"version_table": history.version_table}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def current(url: str, history: History = MAIN) -> str | None:
    """The database's revision; none before the first migration."""
    with _connect(url) as connection:
        return _revision(connection, history)


def upgrade(url: str, history: History = MAIN) -> list[str]:
    """Apply what is missing, in order; returns the applied revisions, oldest first.

    Safe to run again; run it from one process at a time.
    """
    script = ScriptDirectory.from_config(_config(history))
    with _connect(url) as connection:
        before = _revision(connection, history)
        connection.rollback()
        config = _config(history)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    applied = script.iterate_revisions(head(history), before or "base")
    return [revision.revision for revision in applied][::-1]
