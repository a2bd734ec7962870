"""Two balancers with one address: when the one that has it fails, the other takes it."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.balancer import FOLDER, environ
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api
from tests.support.databases import Databases
from tests.support.lab import HOST, SHARED, Lab
from tests.support.processes import ADMIN_KEY, ApiProcess
from tests.support.steady import Steady, count_payments


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Two machines."""
    with Lab(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    """The database of this file's api."""
    url = databases.new_database()
    yield url
    databases.drop_database(url)


@pytest.fixture(scope="module")
def api(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """An api that both of them reach, on any network; no test stops it."""
    folder = tmp_path_factory.mktemp("api")
    with ApiProcess(database_url, folder, host="0.0.0.0") as process:  # noqa: S104 - the lab's too
        yield process.start()


@pytest_asyncio.fixture
async def merchant(api: ApiProcess) -> AsyncIterator[Merchant]:
    """A merchant, made without a balancer."""
    async with Api(api.url, ADMIN_KEY) as admin:
        yield await new_merchant(admin)


@pytest_asyncio.fixture
async def steady(api: ApiProcess, lab: Lab, merchant: Merchant) -> Steady:
    """A client of the shared address; both balancers run and one has it."""
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
    lab: Lab, merchant: Merchant, steady: Steady, database_url: str, failure: str
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
    assert count_payments(database_url, merchant) == steady.count.asked


@pytest.mark.slow
async def test_a_balancer_is_replaced_in_order(lab: Lab, steady: Steady) -> None:
    """A balancer that is stopped gives the address away first, and exits without an error."""
    [first] = lab.owners()
    async with steady.running():
        await steady.until_answered(20)
        assert await asyncio.to_thread(lab.stop, first) == 0
        assert lab.owners() not in ([], [first])
        await steady.until_answered(20)

    assert steady.count.lost == [], steady.count
