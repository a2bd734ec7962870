"""Idempotency keys that the database deletes once they have expired."""

from app.operate.regions.ttl import plan_ttl

DONE = (
    "ttl='on'",
    "ttl_expiration_expression='expires_at'",
    "ttl_job_cron='@hourly'",
    "ttl_delete_rate_limit=10000",
)
"""As CockroachDB words it in `pg_class.reloptions` (its source, tabledesc.GetStorageParams)."""


def test_what_is_set_is_left_alone() -> None:
    """A table with the wanted parameters needs no statement, locked or not."""
    assert plan_ttl(DONE) == ()
    assert plan_ttl((*DONE, "schema_locked=true")) == ()


def test_what_is_missing_is_set_at_once() -> None:
    """A table without it, or with another expression, gets all of it in one statement."""
    for options in ((), DONE[:2], ("ttl_expiration_expression='created_at'", *DONE[2:])):
        [statement] = plan_ttl(options)
        assert statement.sql == (
            "ALTER TABLE \"idempotency_keys\" SET (ttl_expiration_expression = 'expires_at', "
            "ttl_job_cron = '@hourly', ttl_delete_rate_limit = 10000)"
        )


def test_a_locked_table_is_unlocked_meanwhile() -> None:
    """From 26.1 tables are locked when they are created, and must be unlocked for the change."""
    words = [statement.sql.partition(" SET ")[2] for statement in plan_ttl(("schema_locked=true",))]

    assert (words[0], words[2]) == ("(schema_locked = false)", "(schema_locked = true)")
