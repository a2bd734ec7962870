"""Start-up checks: a process does not serve on a database that may lose or misread its data."""

import psycopg

from app.base import clock
from app.base.errors import PlatformError
from app.base.queries import Query
from app.engine.database.engine import Database
from app.engine.database.errors import DatabaseUnreachable
from app.engine.database.fences import queries
from app.engine.database.history import MAIN, MigrationHistory, head

_MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit")


class UnfitDatabase(PlatformError):
    """The database is not fit to serve on: {fault}."""

    code = "unfit_database"
    status = 503


def _statement(text: str) -> Query:
    return Query(name="check", comment="", text=text, source=text)


async def check_durability(database: Database) -> None:
    """Refuse a PostgreSQL that may forget what it acknowledged.

    Raises:
        UnfitDatabase: naming the setting that is off.
    """
    if database.is_cockroach:
        return
    for setting in _MUST_BE_ON:
        [(value,)] = await database.read(_statement(f"SHOW {setting}"), {})
        if value == "off":
            raise UnfitDatabase(
                fault=f"PostgreSQL runs with {setting} = off and would lose acknowledged payments "
                f"in a crash; set {setting} = on"
            )


async def check_schema(database: Database, history: MigrationHistory = MAIN) -> None:
    """Refuse a schema that lacks what this code needs.

    A newer one is fit: while a version is rolled out, its expand migrations come before its
    processes, and its contract migrations after the last process that needs what they remove.

    Raises:
        UnfitDatabase: naming both revisions and the command that mends it.
    """
    wanted = head(history)
    command = "suya migrate" if history is MAIN else f"suya {history.name} migrate"
    question = f"SELECT version_num FROM {history.version_table}"  # noqa: S608 - a word of ours
    try:
        rows = await database.read(_statement(question), {})
        found = rows[0][0] if rows else "nothing"
    except psycopg.errors.UndefinedTable:
        found = "nothing"
    if _number(found) < _number(wanted):
        raise UnfitDatabase(
            fault=f"its schema is at {found} and this version needs {wanted}; run '{command}'"
        )


async def check_clock(database: Database) -> None:
    """Refuse a machine whose clock differs from the database's by more than clocks may.

    Raises:
        UnfitDatabase: naming the difference.
    """
    asked = clock.monotonic()
    [(micros,)] = await database.read(queries.read_clock, {})
    clock.compare(clock.from_micros(micros), clock.monotonic() - asked)
    if clock.is_off():
        seconds = round(clock.apart().total_seconds(), 1)
        side = "behind" if seconds > 0 else "ahead of"
        raise UnfitDatabase(fault=f"this machine's clock is {abs(seconds)} s {side} the database's")


def _number(revision: str) -> int:
    """The place of a revision in their order; whatever is not one of ours comes before all."""
    digits = revision.partition("_")[0]
    return int(digits) if digits.isdecimal() else -1


async def check(database: Database, history: MigrationHistory = MAIN) -> None:
    """All start-up checks, in order.

    Raises:
        DatabaseUnreachable, UnfitDatabase
    """
    await check_durability(database)
    await check_schema(database, history)


__all__ = ["DatabaseUnreachable", "UnfitDatabase", "check", "check_durability", "check_schema"]
