"""The one place that reads the clock, so that tests and reviews know where time enters.

The database's clock counts: transactions decide by it (`Tx.now`). A process whose own clock differs
from it by more than `APART_MAX` corrects what it reads by the difference, and is not ready.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

APART_MAX: Final = timedelta(seconds=1)  # clocks that are set over the network differ by less
READING_S_MAX: Final = 0.2  # a reading that was longer under way says too little

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NONE: Final = timedelta(0)


class _Own:
    """What is known of this process's clock."""

    apart = _NONE
    """The database's clock less this process's, as of the last reading."""
    correction = _NONE
    """`apart`, where that is more than clocks may differ."""


def now() -> datetime:
    """The current instant, aware, in UTC, to the microsecond (as precise as the database)."""
    return datetime.now(UTC) + _Own.correction if _Own.correction else datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never steps; for deadlines and durations."""
    return time.monotonic()


def compare(reference: datetime, taken_s: float) -> None:
    """Note what the database's clock said just now; reading it took `taken_s` seconds."""
    if taken_s <= READING_S_MAX:
        _Own.apart = reference - datetime.now(UTC)
        _Own.correction = _Own.apart if abs(_Own.apart) > APART_MAX else _NONE


def apart() -> timedelta:
    """By how much the database's clock is ahead of this process's, as far as is known."""
    return _Own.apart


def is_off() -> bool:
    """Whether this process's clock differs from the database's by more than clocks may."""
    return bool(_Own.correction)


def from_micros(micros: int) -> datetime:
    """The instant that many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)
