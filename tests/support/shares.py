"""Several workers of one run: each has a share of the tests, the same one in each run.

The tests of a file stay together, because they share fixtures; files go, the longest first, to the
worker that has least so far, by durations measured before (`tests/durations.txt`). So a failure
under `-n 3` comes again under `-n 3` with the same seed, whatever the machine was busy with.
"""

import contextlib
import fcntl
import os
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from math import fsum
from pathlib import Path
from tempfile import gettempdir

import pytest

DURATIONS = Path(__file__).parents[1] / "durations.txt"
_NOTED_S = 0.5  # what takes less is too short to matter for the shares
_SLOW_S = 1.5  # all that takes less runs in three minutes
_USUAL_S = 0.03  # the mean of all tests that are not noted


def index() -> int:
    """The number of this worker, from 0; 0 also in a run without workers."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def count() -> int:
    """How many workers the run has."""
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def share(items: Sequence[pytest.Item], nodes_needed: Mapping[pytest.Item, int]) -> set[str]:
    """The names of the tests that this worker runs.

    Tests on a CockroachDB stay together too, because each worker would start nodes of its own; and
    the first worker has those that need the machine to themselves (`alone`).
    """
    durations, groups = read_durations(), defaultdict[str, list[pytest.Item]](list)
    for item in items:
        groups[_group(item, nodes_needed[item])].append(item)
    weights = {name: fsum(_weight(item, durations) for item in groups[name]) for name in groups}
    loads, mine = [0.0] * count(), set()
    assert index() < count(), "a worker that replaces another has no share"
    for name in sorted(groups, key=lambda name: (-weights[name], name)):
        worker = 0 if name == "alone" else loads.index(min(loads))
        if name != "alone":  # they begin when the others have ended
            loads[worker] += weights[name]
        if worker == index():
            mine |= {item.nodeid for item in groups[name]}
    return mine


def mark_slow(items: Sequence[pytest.Item]) -> None:
    """Mark as `slow` what took long when it was measured; `-m "not slow"` leaves it out."""
    durations = read_durations()
    for item in items:
        if _weight(item, durations) >= _SLOW_S:
            item.add_marker(pytest.mark.slow)


def is_alone(item: pytest.Item) -> bool:
    """Whether a test needs the machine to itself."""
    return item.get_closest_marker("alone") is not None


def _group(item: pytest.Item, nodes_needed: int) -> str:
    if is_alone(item):
        return "alone"
    return f"{nodes_needed} nodes" if nodes_needed else item.nodeid.partition("::")[0]


def name_of(nodeid: str, keywords: Container[str]) -> str:
    """A test without its parameters, but for the database it runs on."""
    name = nodeid.partition("[")[0]
    return f"{name} on CockroachDB" if "cluster" in keywords else name


def _weight(item: pytest.Item, durations: Mapping[str, float]) -> float:
    return durations.get(name_of(item.nodeid, item.keywords), _USUAL_S)


def read_durations() -> dict[str, float]:
    """Seconds for one case of a test, by its name."""
    lines = DURATIONS.read_text("utf-8").splitlines() if DURATIONS.exists() else []
    parts = (line.partition(" ") for line in lines if not line.startswith("#"))
    return {name: float(seconds) for seconds, _, name in parts}


class Neighbours:
    """The other workers of a run, seen through locks that end with their processes."""

    def __init__(self, run: str) -> None:
        self._path = Path(gettempdir()) / f"suya-tests-{run}.lock"
        self._file = self._path.open("a")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> None:
        """Let go of the lock, whose file the last one removes."""
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._path.unlink(missing_ok=True)
        self._file.close()

    def wait_until_ended(self) -> None:
        """Return when no other worker runs; a run's own limit of time is the limit of this."""
        fcntl.flock(self._file, fcntl.LOCK_EX)


class Collected:
    """Counts the tests of all workers: pytest looks at one only, whose share may be empty."""

    def __init__(self) -> None:
        self._count = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Add a worker's share."""
        self._count += len(ids)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A run in which some worker had tests is not one without any."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._count:
            session.exitstatus = pytest.ExitCode.OK


class Noting:
    """Notes how long each test took, for the shares of later runs (`--note-durations`)."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._names: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a phase of a test: its preparation, itself, and what it leaves to do."""
        self._seconds[report.nodeid] += report.duration
        self._names[report.nodeid] = name_of(report.nodeid, report.keywords)

    def pytest_sessionfinish(self) -> None:
        """Write the means; what did not run keeps what it had."""
        measured = defaultdict[str, list[float]](list)
        for nodeid, seconds in self._seconds.items():
            measured[self._names[nodeid]].append(seconds)
        means = {name: sum(each) / len(each) for name, each in measured.items()}
        kept = {name: s for name, s in read_durations().items() if name not in means}
        noted = kept | {name: s for name, s in means.items() if s >= _NOTED_S}
        lines = ["# Seconds for one case, of tests of half a second and more: --note-durations."]
        lines += [f"{noted[name]:.1f} {name}" for name in sorted(noted)]
        DURATIONS.write_text("\n".join(lines) + "\n", "utf-8")
