"""What the database's errors mean, as a table."""

import psycopg
import pytest

from app.engine.database import sqlstate
from app.engine.database.sqlstate import FailureAction
from tests.support.tables import Row, table


class Reported(psycopg.Error):
    """An error as a server reports it."""

    def __init__(self, state: str | None) -> None:
        super().__init__("the text says nothing")
        self.sqlstate = state


@table("""
    sqlstate  working      committing   -- what it is
    40001     retry        retry        -- serialization failure
    40P01     retry        retry        -- deadlock victim
    CR000     retry        retry        -- serialization failure, old CockroachDB
    40003     ambiguous    ambiguous    -- statement completion unknown
    08000     retry        ambiguous    -- connection exceptions
    08001     retry        ambiguous
    08003     retry        ambiguous
    08004     retry        ambiguous
    08006     retry        ambiguous
    08007     retry        ambiguous
    57P01     retry        ambiguous    -- server is shutting down
    57P02     retry        ambiguous    -- server crashed
    57P03     retry        ambiguous    -- server is starting up
    53300     retry        ambiguous    -- too many clients
    58C00     retry        ambiguous    -- a range without quorum
    58C01     retry        ambiguous    -- a link between nodes broke
    55P03     retry        retry        -- a lock wait outlasted its limit
    25P03     retry        retry        -- idle in transaction too long
    57014     unavailable  ambiguous    -- cancelled: a commit on CockroachDB may have gone through
    53100     unavailable  ambiguous    -- disk full
    53200     unavailable  ambiguous    -- out of memory
    53400     unavailable  ambiguous    -- configuration limit
    25006     unavailable  ambiguous    -- read only
    XXC02     unavailable  ambiguous    -- no licence
    23505     bug          bug          -- unique violation
    23514     bug          bug          -- check violation
    42601     bug          bug          -- syntax error
    22003     bug          bug          -- number out of range
    XX000     bug          bug          -- internal error
""")
def test_verdicts(row: Row) -> None:
    """Before COMMIT a failure surely did not commit; during COMMIT most may have."""
    error = Reported(str(row.sqlstate))

    assert sqlstate.failure_action(error, committing=False) == row.working
    assert sqlstate.failure_action(error, committing=True) == row.committing


def test_a_lost_connection_has_no_state() -> None:
    """What the driver raises by itself counts as a lost connection if it is operational."""
    lost, misused = psycopg.OperationalError("gone"), psycopg.ProgrammingError("wrong")

    assert sqlstate.failure_action(lost, committing=False) is FailureAction.RETRY
    assert sqlstate.failure_action(lost, committing=True) is FailureAction.AMBIGUOUS
    assert sqlstate.failure_action(misused, committing=False) is FailureAction.BUG
    assert (sqlstate.reason(lost), sqlstate.reason(Reported("40001"))) == ("connection", "40001")


def test_text_decides_nothing() -> None:
    """An error that only sounds like a conflict is not taken for one."""
    error = psycopg.errors.SyntaxError("ERROR: restart transaction: could not serialize access")

    assert sqlstate.failure_action(error, committing=False) is FailureAction.BUG


def test_every_code_is_in_one_class() -> None:
    """No SQLSTATE has two meanings."""
    classes = [
        sqlstate.SERIALIZATION,
        sqlstate.UNKNOWN_COMMIT,
        sqlstate.CONNECTION,
        sqlstate.CROWDED,
        sqlstate.REFUSED,
        {sqlstate.UNIQUE_VIOLATION},
    ]

    assert sum(map(len, classes)) == len(set().union(*classes))


@pytest.mark.parametrize(
    "code", sorted(sqlstate.SERIALIZATION - {"CR000"} | sqlstate.REFUSED - {"XXC02"})
)
def test_codes_of_postgresql_exist(code: str) -> None:
    """Every code of PostgreSQL's is one the driver knows, so none is misspelt."""
    assert psycopg.errors.lookup(code).sqlstate == code
