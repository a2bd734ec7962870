"""Errors of the database layer."""

from app.base.errors import Unavailable


class DatabaseUnreachable(Unavailable):
    """The database cannot be reached; nothing was done."""

    code = "database_unreachable"


class DatabaseRefused(Unavailable):
    """The database cancelled the work ({sqlstate}); nothing was done."""

    code = "database_refused"


class ContentionTooHigh(Unavailable):
    """The work met conflicting work {attempts} times and was given up; nothing was done."""

    code = "contention_too_high"


class CommitUnknown(Unavailable):
    """The connection was lost during the commit, and the deadline came before it was cleared up.

    The same key tells: it acts once, whether or not this attempt committed.
    """

    code = "commit_unknown"


class ClockBehind(Unavailable):
    """The database's clock is {seconds} s behind what is booked; until it is right, nothing is."""

    code = "clock_behind"


class QueueFull(Unavailable):
    """Too many requests are waiting; nothing was done."""

    code = "overloaded"


class DeadlineExceeded(Unavailable):
    """The request's deadline passed before its commit was known."""

    code = "deadline_exceeded"


class ShuttingDown(Unavailable):
    """This process is shutting down; another one serves the same request."""

    code = "shutting_down"
