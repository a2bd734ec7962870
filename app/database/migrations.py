"""Migrations: bring a database's schema to the head revision under `schema/`."""

import re
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine

import schema

_CREATED = re.compile(r"^\s*CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent))
    return config


def head() -> str:
    """The newest revision this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def tables() -> frozenset[str]:
    """The tables that revisions ever made; what else is in a database is not ours."""
    revisions = ScriptDirectory.from_config(_config()).walk_revisions()
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


def current(url: str) -> str | None:
    """The database's revision; none before the first migration."""
    with _connect(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(url: str) -> list[str]:
    """Apply what is missing, in order; returns the applied revisions, oldest first.

    Safe to run again; run it from one process at a time.
    """
    script = ScriptDirectory.from_config(_config())
    with _connect(url) as connection:
        before = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    applied = script.iterate_revisions(head(), before or "base")
    return [revision.revision for revision in applied][::-1]
