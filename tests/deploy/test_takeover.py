"""Two balancers with one address: when the one that has it fails, the other takes it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
import pytest_asyncio

from tests.support.balancer import FOLDER, environ
from tests.support.builders import new_merchant
from tests.support.client import Api
from tests.support.databases import rows
from tests.support.lab import HOST, SHARED, Lab
from tests.support.processes import ADMIN_KEY, ApiProcess
from tests.support.steady import Steady

StartApi: TypeAlias = Callable[..., ApiProcess]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Two machines."""
    with Lab(tmp_path) as made:
        yield made


@pytest.fixture
def api(start_api: StartApi, lab: Lab, database_url: str) -> ApiProcess:
    """An api that both of them reach."""
    return start_api(database_url, host="0.0.0.0")  # noqa: S104 - the lab's network is only here


@pytest_asyncio.fixture
async def steady(api: ApiProcess, lab: Lab) -> Steady:
    """A client of the shared address; both balancers run and one has it."""
    async with Api(api.url, ADMIN_KEY) as admin:
        merchant = await new_merchant(admin)
        wallet = await merchant.wallet(funds=1_000_000)
    for name in ("one", "two"):
        lab.start(name, environ(api_1=f"{HOST}:{api.port}"))
    await _until(lambda: _sees_api(lab, "one") and _sees_api(lab, "two"))
    await _until(lambda: len(lab.owners()) == 1)
    # Who was connected to a machine that fell silent hears nothing, and has to lose patience.
    return Steady([f"http://{SHARED}:8000"], merchant, wallet, pause_s=3, timeout_s=5)


def _sees_api(lab: Lab, name: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return lab.ready(name) == 1
    return False


async def _until(condition: Callable[[], bool]) -> None:
    while not await asyncio.to_thread(condition):
        await asyncio.sleep(0.05)


def test_the_files_of_the_pair_are_executable() -> None:
    """What keepalived and the image start can be started."""
    for name in ("run", "answers"):
        assert (FOLDER / name).stat().st_mode & 0o111


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.parametrize("failure", ["haproxy killed", "haproxy hangs", "machine gone"])
async def test_the_standby_takes_over(
    lab: Lab, steady: Steady, database_url: str, failure: str
) -> None:
    """However the one that has the address fails, the other serves, and no payment is lost."""
    [first] = lab.owners()
    async with steady.running():
        await steady.until_answered(20)
        if failure == "machine gone":
            await asyncio.to_thread(lab.kill, first)
        else:
            kills = failure == "haproxy killed"
            lab.haproxy(first).send_signal(signal.SIGKILL if kills else signal.SIGSTOP)
        await _until(lambda: lab.owners() not in ([], [first]))
        await steady.until_answered(20)

    assert steady.count.lost == [], steady.count
    assert rows(database_url, "SELECT count(*) FROM payments") == [(steady.count.asked,)]


@pytest.mark.slow
async def test_a_balancer_is_replaced_in_order(lab: Lab, steady: Steady) -> None:
    """One that is told to stop gives the address away first, and ends well."""
    [first] = lab.owners()
    async with steady.running():
        await steady.until_answered(20)
        assert await asyncio.to_thread(lab.stop, first) == 0
        assert lab.owners() not in ([], [first])
        await steady.until_answered(20)

    assert steady.count.lost == [], steady.count
