"""Idempotency keys that the database deletes by itself once they have expired.

CockroachDB can do that from 22.2 on. The worker's sweeper deletes them elsewhere, and also beside
it; both are safe, because an expired key counts as no key.
"""

from collections.abc import Sequence

import psycopg

from app.engine.database import Database
from app.operate.regions.apply import execute, queries
from app.operate.regions.plan import Statement, name

TABLE = "idempotency_keys"
_WANTED = {
    "ttl_expiration_expression": "'expires_at'",
    # Keys live for days, so an hour more does not matter; the default is a day.
    "ttl_job_cron": "'@hourly'",
    # Rows a second and node. The default of 100 is less than the keys that one api makes (5,400 a
    # second, measured); twice that many leaves the sweeper nothing to do.
    "ttl_delete_rate_limit": "10000",
}
_UNKNOWN_OPTION = "22023"


def plan_ttl(options: Sequence[str]) -> tuple[Statement, ...]:
    """List the statements that make keys expire, given the table's parameters (`name=value`)."""
    set_already = dict(option.partition("=")[::2] for option in options)
    if all(set_already.get(option) == value for option, value in _WANTED.items()):
        return ()
    alter = f"ALTER TABLE {name(TABLE)} SET"
    wanted = ", ".join(f"{option} = {value}" for option, value in _WANTED.items())
    change = Statement(f"{alter} ({wanted})", "answers expire by themselves")
    if set_already.get("schema_locked") != "true":
        return (change,)
    unlock = Statement(
        f"{alter} (schema_locked = false)", "the parameters of a locked table cannot change"
    )
    lock = Statement(f"{alter} (schema_locked = true)", "as it was")
    return (unlock, change, lock)


async def set_ttl(database: Database) -> bool:
    """Make the database delete expired keys by itself, where it can; safe to run again.

    False on PostgreSQL and on a CockroachDB that is too old: there the worker's sweeper does it.
    """
    if not database.is_cockroach:
        return False
    options: dict[str, list[str]] = dict(await database.read(queries.list_options, {}))
    for statement in plan_ttl(options.get(TABLE, ())):
        try:
            await execute(database, statement.sql)
        except psycopg.Error as error:
            if error.sqlstate == _UNKNOWN_OPTION:
                return False
            raise
    return True
