"""The shares of a run's workers: each test is in exactly one of them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKERS = 3
FOLDERS = ("tests/idempotency", "tests/merchants", "tests/regions", "tests/test_money.py")


def collected(*options: str, **variables: str) -> list[str]:
    """The tests that a worker would run, of some folders."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *options, *FOLDERS],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return [line for line in told.splitlines() if "::" in line]


def test_each_test_is_in_one_share() -> None:
    """No test is lost and none runs twice, also where workers find another order."""
    shares = [
        collected(
            f"--randomly-seed={7 * number}",
            PYTEST_XDIST_WORKER=f"gw{number}",
            PYTEST_XDIST_WORKER_COUNT=str(WORKERS),
        )
        for number in range(WORKERS)
    ]
    alone = {"PYTEST_XDIST_WORKER": "gw0", "PYTEST_XDIST_WORKER_COUNT": "1"}
    everything = collected("-p", "no:randomly", **alone)

    assert sorted(test for share in shares for test in share) == sorted(everything)
    assert len(everything) > 100
