"""Named fault points: places where a process may be made to die, so that tests can prove recovery.

`hit` does nothing unless a point was armed by SUYA_FAULTS, e.g. `AFTER_COMMIT_BEFORE_ANSWER:kill:3`
kills the process with SIGKILL when the point is reached for the third time.
"""

import os
import signal
from enum import StrEnum

import psycopg


class FaultPoint(StrEnum):
    """Where something may break, in the order in which a request meets them."""

    BEFORE_WORK = "BEFORE_WORK"
    """A transaction is open and nothing was done in it."""
    BEFORE_WRITES = "BEFORE_WRITES"
    """Everything was decided and nothing is written."""
    BEFORE_COMMIT = "BEFORE_COMMIT"
    """All is written and COMMIT is not sent."""
    AFTER_COMMIT_BEFORE_ANSWER = "AFTER_COMMIT_BEFORE_ANSWER"
    """It is committed, and the client has no answer."""
    BEFORE_EXTERNAL = "BEFORE_EXTERNAL"
    """A flow has begun, and its processor has not been asked."""
    AFTER_EXTERNAL = "AFTER_EXTERNAL"
    """The processor has acted, and nothing of that is written."""
    BEFORE_SWEEP = "BEFORE_SWEEP"
    """The worker is about to expire holds."""
    AFTER_SWEEP = "AFTER_SWEEP"
    """The worker expired holds and has not noted it anywhere else."""
    AFTER_ANNOUNCE = "AFTER_ANNOUNCE"
    """A merchant's move is announced and nothing has moved."""
    AFTER_FLIP = "AFTER_FLIP"
    """The merchant has its new home and its rows are in the old one."""
    BETWEEN_PAGES = "BETWEEN_PAGES"
    """Some of its rows have followed."""


class FaultSpecError(ValueError):
    """SUYA_FAULTS does not read `POINT[:action[:n]]`."""


_armed: dict[str, tuple[str, int]] = {}


def arm(spec: str) -> None:
    """Arm the points of `spec`; an empty one disarms all.

    Actions: `kill` (SIGKILL to this process), `retry` (a serialization failure).
    """
    _armed.clear()
    for item in filter(None, spec.split(",")):
        point, _, rest = item.strip().partition(":")
        action, _, count = rest.partition(":")
        action = action or "kill"
        if point not in FaultPoint.__members__ or action not in {"kill", "retry"}:
            raise FaultSpecError(
                f"'{item}' is not POINT[:kill|retry[:n]]; points: {', '.join(FaultPoint)}"
            )
        if (point, action) == (FaultPoint.AFTER_COMMIT_BEFORE_ANSWER, "retry"):
            raise FaultSpecError(f"'{item}': what has committed cannot be refused any more")
        if count and not (count.isdecimal() and int(count) > 0):
            raise FaultSpecError(f"'{item}': n must be a positive number")
        _armed[point] = (action, int(count or 1))


def hit(point: FaultPoint) -> None:
    """Do what is armed for `point`, if anything."""
    if not _armed or point not in _armed:
        return
    action, left = _armed[point]
    if left > 1:
        _armed[point] = (action, left - 1)
        return
    del _armed[point]
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise psycopg.errors.SerializationFailure("injected by SUYA_FAULTS")
