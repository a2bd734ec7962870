"""What the database's errors mean for a transaction, decided by SQLSTATE and never by text.

Source: PostgreSQL, Appendix A; CockroachDB, "Transaction retry error reference".
"""

from enum import StrEnum

import psycopg


class FailureAction(StrEnum):
    """What to do after an attempt failed."""

    RETRY = "retry"
    """It surely did not commit: run the work again."""
    AMBIGUOUS = "ambiguous"
    """It may have committed: run the work again on a new connection; its keys decide."""
    UNAVAILABLE = "unavailable"
    """The database does not take it now; the caller gets an error."""
    BUG = "bug"
    """Not foreseen, so raised."""


SERIALIZATION = frozenset({"40001", "40P01", "CR000"})
"""Serialization failure, deadlock victim (PostgreSQL only), CockroachDB's old code."""

UNIQUE_VIOLATION = "23505"

UNKNOWN_COMMIT = frozenset({"40003"})
"""CockroachDB: the result is ambiguous."""

CONNECTION = frozenset(
    # Connection exceptions; shutting down, crashed, starting up; too many clients; on CockroachDB
    # a range without quorum and a broken link between nodes.
    "08000 08001 08003 08004 08006 08007 57P01 57P02 57P03 53300 58C00 58C01".split()
)

CROWDED = frozenset({"55P03", "25P03"})
"""A lock wait, or the transaction itself, outlasted its limit: back off and run again."""

REFUSED = frozenset({"57014", "53200", "53100", "53400", "XXC02", "25006"})
"""Cancelled by a timeout, out of memory, disk or configuration limits, throttled, read-only."""


def reason(error: BaseException) -> str:
    """The SQLSTATE, or `connection` where there was no server to give one."""
    return getattr(error, "sqlstate", None) or "connection"


def failure_action(error: psycopg.Error, *, committing: bool) -> FailureAction:
    """What `error` means, given whether COMMIT had been sent."""
    state = error.sqlstate
    if state in UNKNOWN_COMMIT:
        return FailureAction.AMBIGUOUS
    if state in SERIALIZATION:
        return FailureAction.RETRY
    # The driver itself raises OperationalError, without a state, where the connection is gone.
    lost = state is None and isinstance(error, psycopg.OperationalError)
    if state in CONNECTION or lost:
        return FailureAction.AMBIGUOUS if committing else FailureAction.RETRY
    if state in CROWDED:
        return FailureAction.RETRY
    if state in REFUSED:
        # CockroachDB reports a COMMIT that outlasted the statement timeout as cancelled (57014),
        # whatever became of it.
        return FailureAction.AMBIGUOUS if committing else FailureAction.UNAVAILABLE
    return FailureAction.BUG
