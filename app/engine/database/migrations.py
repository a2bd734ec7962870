"""Migrations: bring a database's schema to the head revision under `schema/`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine

import schema
from app.engine.database.history import MAIN, VAULT, MigrationHistory, head, tables


def _config(history: MigrationHistory) -> Config:
    config, home = Config(), Path(schema.__file__).parent
    config.set_main_option("script_location", str(home))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(history.home))
    config.attributes["version_table"] = history.version_table
    return config


def _connect(url: str) -> Connection:
    # No pool: the one connection ends with its block, and no connection is left.
    engine = create_engine(url, poolclass=NullPool)
    connection = engine.connect()
    if engine.dialect.name == "cockroachdb":
        # Schema changes are asynchronous there; inside a transaction they may fail after COMMIT.
        return connection.execution_options(isolation_level="AUTOCOMMIT")
    return connection


def _revision(connection: Connection, history: MigrationHistory) -> str | None:
    options = {"version_table": history.version_table}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def current(url: str, history: MigrationHistory = MAIN) -> str | None:
    """The database's revision; none before the first migration."""
    with _connect(url) as connection:
        return _revision(connection, history)


def upgrade(url: str, history: MigrationHistory = MAIN) -> list[str]:
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


__all__ = ["MAIN", "VAULT", "MigrationHistory", "current", "head", "tables", "upgrade"]
