"""Idempotency keys that expire by themselves, where the database can do that.

CockroachDB can from 22.2. Elsewhere, and beside it, the worker's sweeper deletes them: both are
safe, because an expired key is no key, whoever removes it and whenever.
"""

from collections.abc import Sequence

import psycopg

from app.engine.database import Database
from app.operate.regions.apply import execute, queries
from app.operate.regions.plan import Statement, name

TABLE = "idempotency_keys"
_WANTED = {
    "ttl_expiration_expression": "'expires_at'",
    # Keys live for days, so an hour more is nothing; the default is a day.
    "ttl_job_cron": "'@hourly'",
    # Rows a second and node. The default of 100 would never catch up with the keys one api makes
    # (measured: 5,400 a second); twice that leaves the sweeper nothing to do.
    "ttl_delete_rate_limit": "10000",
}
_UNKNOWN_OPTION = "22023"


def plan_ttl(options: Sequence[str]) -> tuple[Statement, ...]:
    """What makes the keys expire, given the table's storage parameters (`name=value`)."""
    set_already = dict(option.partition("=")[::2] for option in options)
    if all(set_already.get(option) == value for option, value in _WANTED.items()):
        return ()
    alter = f"ALTER TABLE {name(TABLE)} SET"
    wanted = ", ".join(f"{option} = {value}" for option, value in _WANTED.items())
    change = Statement(f"{alter} ({wanted})", "answers expire by themselves")
    if set_already.get("schema_locked") != "true":
        return (change,)
    unlock = Statement(f"{alter} (schema_locked = false)", "a locked table takes no parameters")
    lock = Statement(f"{alter} (schema_locked = true)", "as it was")
    return (unlock, change, lock)


async def set_ttl(database: Database) -> bool:
    """Whether the database now expires idempotency keys by itself; safe to run again.

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
