"""Fault points: named, armed by a short text, and harmless otherwise."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from app.engine.database import faults
from app.engine.database.faults import FaultPoint, FaultSpecError


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    faults.arm("")


def test_points_do_nothing_unless_armed() -> None:
    """In production every point is a no-op."""
    for point in FaultPoint:
        faults.hit(point)


def test_a_point_acts_once_at_its_count() -> None:
    """`retry:3` lets two pass, fails the third, and lets all others pass."""
    faults.arm("BEFORE_COMMIT:retry:3")

    faults.hit(FaultPoint.BEFORE_COMMIT)
    faults.hit(FaultPoint.BEFORE_WORK)
    faults.hit(FaultPoint.BEFORE_COMMIT)
    with pytest.raises(psycopg.errors.SerializationFailure):
        faults.hit(FaultPoint.BEFORE_COMMIT)
    faults.hit(FaultPoint.BEFORE_COMMIT)


@pytest.mark.parametrize("point", FaultPoint)
def test_every_point_can_kill(point: FaultPoint) -> None:
    """A process with an armed point dies there by SIGKILL, with no chance to tidy up."""
    program = (
        "from app.engine.database import faults\n"
        f"faults.arm('{point}')\n"
        f"faults.hit(faults.FaultPoint.{point})\n"
        "print('survived')"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


@pytest.mark.parametrize(
    "spec", ["NOWHERE", "BEFORE_COMMIT:explode", "BEFORE_COMMIT:kill:0", "BEFORE_COMMIT:kill:x"]
)
def test_a_bad_spec_is_refused(spec: str) -> None:
    """A misspelt point would make a crash test prove nothing."""
    with pytest.raises(FaultSpecError):
        faults.arm(spec)
