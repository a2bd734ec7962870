"""The one place that reads the clock, so that tests and reviews know where time enters."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, aware, in UTC, to the microsecond (as precise as the database)."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never steps; for deadlines and durations."""
    return time.monotonic()
