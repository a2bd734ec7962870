"""Processes of a run end with all they started, and no other process is signalled."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.base.process import reap, signal_group
from app.devkit.stack import Command, Process
from tests.support.processes import STOP_S

# A leader tells the number of what it started, and ends: by itself, or when it is told to.
_ENDS = "sleep 600 & echo $!; exit 3"
_ENDS_WHEN_TOLD = "trap 'exit 0' TERM; sleep 600 & echo $!; wait"


@pytest.fixture
def left_behind() -> Iterator[list[psutil.Process]]:
    """Processes that a test has to end, whatever it finds."""
    processes: list[psutil.Process] = []
    yield processes
    for process in processes:
        # By its number and the time of its birth, so never another one.
        if process.is_running():
            process.kill()


def _leader(script: str) -> tuple[subprocess.Popen[bytes], psutil.Process]:
    """A leader of a group, and what it started there."""
    leader = subprocess.Popen(
        ["sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert leader.stdout is not None
    with leader.stdout as told:
        return leader, psutil.Process(int(told.readline()))


def _is_gone(process: psutil.Process) -> bool:
    """Whether it ends; a zombie counts as gone, too."""
    psutil.wait_procs([process], timeout=STOP_S)
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_reused_number_gets_no_signal(
    left_behind: list[psutil.Process],
) -> None:
    """Once its leader was reaped a group gets no signal, even if the number still names one."""
    leader, child = _leader(_ENDS)
    left_behind.append(child)

    leader.wait(STOP_S)
    signal_group(leader, signal.SIGKILL)

    with pytest.raises(psutil.TimeoutExpired):
        child.wait(0.3)  # it would be gone at once; longer would tell no more


def test_what_a_leader_leaves_behind_ends_before_its_number_is_free(
    left_behind: list[psutil.Process],
) -> None:
    """The group of a process is killed when it is reaped, and its exit code is returned."""
    leader, child = _leader(_ENDS)
    left_behind.append(child)
    while (code := reap(leader)) is None:
        child.is_running()

    assert code == 3
    assert reap(leader) == 3
    assert _is_gone(child)


def test_a_service_ends_with_all_it_started(
    tmp_path: Path, left_behind: list[psutil.Process]
) -> None:
    """A stopped service leaves no process, and a signal afterwards reaches none."""
    service = Process(["sh", "-c", _ENDS_WHEN_TOLD], tmp_path / "log", {})
    service.spawn(Command)
    while not (told := service.log_path.read_text("ascii")).endswith("\n"):
        assert service.is_running
    child = psutil.Process(int(told))
    left_behind.append(child)

    service.stop()

    assert not service.is_running
    assert _is_gone(child)
    service.send(signal.SIGTERM)
    service.kill()
