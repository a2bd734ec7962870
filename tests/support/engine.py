"""The engine in this process: a database opened here, and a table to leave marks in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from app.base.settings import Settings
from app.base.telemetry import configure_logging
from app.engine.database import Database, Query, Tx, step
from tests.support.databases import execute, rows

# As in a process; without it every logged exception is drawn with its local variables.
configure_logging(Settings.load({}, log_format="json"))


def query(text: str) -> Query:
    """A statement of a test, with its parameters as `%(name)s`."""
    return Query(name="test", comment="", text=text, source=text)


@asynccontextmanager
async def opened(url: str, **settings: Any) -> AsyncIterator[Database]:
    """The database at `url`, with some settings changed."""
    async with Database.open(Settings.load({}, **settings), url) as database:
        yield database


def make_marks(url: str) -> None:
    """An empty table of marks: who left one, and how often."""
    execute(url, "CREATE TABLE marks (name TEXT PRIMARY KEY, count INT8 CHECK (count < 1000))")


def marks(url: str) -> dict[str, int]:
    """What is committed in the table of marks."""
    return dict(rows(url, "SELECT name, count FROM marks ORDER BY name"))


LEAVE = query(
    "INSERT INTO marks SELECT unnest(CAST(%(names)s AS TEXT[])), 1"
    " ON CONFLICT (name) DO UPDATE SET count = marks.count + 1"
)
ONCE = query(
    "INSERT INTO marks SELECT unnest(CAST(%(names)s AS TEXT[])), 1 ON CONFLICT (name) DO NOTHING"
)
READ = query("SELECT count FROM marks WHERE name = %(name)s")
SET = query("UPDATE marks SET count = %(count)s WHERE name = %(name)s")


@step
async def leave_marks(tx: Tx, names: Sequence[str]) -> list[str]:
    """A step that marks each command; a command `poison` is one that cannot be run."""
    if "poison" in names:
        raise ValueError("poison")
    tx.write(LEAVE, lambda: {"names": list(names)})
    return [f"marked {name}" for name in names]
