"""`scripts/rolling_restart`: the api processes of one machine, one after the other."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import psutil
import pytest

from tests.support.balancer import Balancer
from tests.support.builders import new_merchant
from tests.support.client import Api
from tests.support.processes import ADMIN_KEY, environ, free_port, get
from tests.support.steady import Steady

SCRIPT = Path(__file__).parents[2] / "scripts" / "rolling_restart"

# More than the balancer needs; with what is shipped, tests/deploy/test_haproxy.py restarts.
_NOTICE_MS = "700"

Restart: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def ports() -> list[int]:
    """Two free ports in a row."""
    first = free_port(row=2)
    return [first, first + 1]


@pytest.fixture
def restart(database_url: str, tmp_path: Path, ports: list[int]) -> Iterator[Restart]:
    """Runs the script with two ports of its own; what it started ends with the test."""

    def run(*options: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        given = {"database_url": database_url, "home": str(tmp_path), "admin_key": ADMIN_KEY}
        return subprocess.run(
            [SCRIPT, "--base-port", str(ports[0]), *options],
            env=environ(**(given | settings)) | {"PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    yield run
    for path in tmp_path.glob("api/*.pid"):
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(int(path.read_text())).kill()


def _pids(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (folder / "api").glob("*.pid")}


async def test_each_is_replaced_and_no_request_fails(
    restart: Restart, ports: list[int], tmp_path: Path
) -> None:
    """Two processes are started, restarted behind a balancer without a failed request, stopped."""
    started = await asyncio.to_thread(restart, drain_notice_ms=_NOTICE_MS)
    assert started.stdout == "".join(f"port {port}: started\n" for port in ports), started.stderr
    before = _pids(tmp_path)
    async with Api(f"http://127.0.0.1:{ports[0]}", ADMIN_KEY) as admin:
        merchant = await new_merchant(admin)
        wallet = await merchant.wallet(funds=1_000_000)
    addresses = {f"api_{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports, 1)}
    with Balancer([], tmp_path, **addresses) as balancer:
        steady = Steady([balancer.start(2).url], merchant, wallet)
        async with steady.running():
            await steady.until_answered(20)
            restarted = await asyncio.to_thread(restart, drain_notice_ms=_NOTICE_MS)
            await steady.until_answered(20)
    after = _pids(tmp_path)
    stopped = await asyncio.to_thread(restart, "--stop")

    assert restarted.stdout == "".join(f"port {port}: restarted\n" for port in ports)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert steady.count.first == steady.count.asked, steady.count
    assert stopped.stdout == "".join(f"port {port}: stopped\n" for port in ports)
    assert _pids(tmp_path) == {}


def test_it_ends_with_the_first_that_does_not_come_back(
    restart: Restart, ports: list[int], tmp_path: Path
) -> None:
    """A setting that stops the start costs one process, and the script says why."""
    assert restart(drain_notice_ms="0").returncode == 0
    before = _pids(tmp_path)
    failed = restart(drain_notice_ms="0", rate_limit_per_s="many")

    assert failed.returncode == 1
    assert f"port {ports[0]} did not get ready" in failed.stderr
    assert "SUYA_RATE_LIMIT_PER_S" in failed.stderr
    assert _pids(tmp_path)[str(ports[1])] == before[str(ports[1])]
    assert get(f"http://127.0.0.1:{ports[1]}/readyz").status_code == 200

    mended = restart(drain_notice_ms="0")
    assert mended.stdout == f"port {ports[0]}: started\nport {ports[1]}: restarted\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--count", "no"], "--count takes a number above 0."),
        (["--base-port", "65535"], "There is no port above 65535."),
        (["--all"], "'--all' is no option; try --help."),
    ],
)
def test_bad_options_are_said(restart: Restart, options: list[str], sentence: str) -> None:
    """What cannot be done is one sentence and exit code 2, before anything is touched."""
    refused = restart(*options)

    assert (refused.returncode, refused.stderr) == (2, f"{sentence}\n")
