"""The shipped HAProxy in front of two api processes under load, while things go wrong."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.balancer import FOLDER, Balancer, environ, program
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api
from tests.support.databases import Databases, execute, rows
from tests.support.processes import ADMIN_KEY, ApiProcess
from tests.support.steady import Steady, count_payments

_NOTICE_MS = "2000"  # the default: what is shipped has to suffice
_LONG_MS = "60000"  # a notice that no test waits for


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    """The database of this file's processes."""
    url = databases.new_database()
    yield url
    databases.drop_database(url)


@pytest.fixture(scope="module")
def pair(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ApiProcess]]:
    """Two processes on one database, drained as they would be in production."""
    folder = tmp_path_factory.mktemp("pair")
    made = [ApiProcess(database_url, folder, drain_notice_ms=_NOTICE_MS) for _ in range(2)]
    yield made
    for api in made:
        api.kill()


@pytest.fixture
def apis(pair: list[ApiProcess]) -> list[ApiProcess]:
    """Both, ready whatever the test before did to them."""
    _start_again([api for api in pair if not api.is_ready()])
    return pair


def _start_again(apis: list[ApiProcess], **settings: str) -> None:
    """Kill them, and start them side by side, with some settings changed for this life only."""
    for api in apis:
        api.kill()
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda api: api.start(**settings), apis))


@pytest.fixture
def balancer(apis: list[ApiProcess], tmp_path: Path) -> Iterator[Balancer]:
    """One HAProxy in front of them."""
    with Balancer(apis, tmp_path) as running:
        yield running.start(len(apis))


@pytest_asyncio.fixture
async def merchant(apis: list[ApiProcess]) -> AsyncIterator[Merchant]:
    """A merchant, made without the balancer."""
    async with Api(apis[0].url, ADMIN_KEY) as admin:
        yield await new_merchant(admin)


@pytest_asyncio.fixture
async def steady(balancer: Balancer, merchant: Merchant) -> Steady:
    """A client that pays at a constant rate through the balancer."""
    return Steady([balancer.url], merchant, await merchant.wallet(funds=1_000_000))


async def _wait_for(condition: Callable[[], bool]) -> None:
    while not await asyncio.to_thread(condition):
        await asyncio.sleep(0.02)


def _assert_each_paid_once(steady: Steady, database_url: str, merchant: Merchant) -> None:
    """As many payments as keys: what was sent twice acted once."""
    assert count_payments(database_url, merchant) == steady.count.asked


@pytest.mark.parametrize("apis", [1, 2, 3])
@pytest.mark.parametrize("databases", [0, 1, 2, 3])
def test_the_configuration_is_valid(apis: int, databases: int) -> None:
    """HAProxy accepts the file with any number of addresses that the file allows."""
    variables = {f"api_{n}": f"127.0.0.1:{n}" for n in range(1, apis + 1)} | {
        f"database_{n}": f"127.0.0.1:{n}" for n in range(1, databases + 1)
    }
    checked = subprocess.run(
        [program("haproxy", "haproxy"), "-c", "-f", FOLDER / "haproxy.cfg"],
        env=environ(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert checked.returncode == 0, checked.stderr


@pytest.mark.chaos
async def test_a_killed_api_is_not_noticed(
    apis: list[ApiProcess],
    balancer: Balancer,
    merchant: Merchant,
    steady: Steady,
    database_url: str,
) -> None:
    """After kill -9 of a process the other one answers, also the dead one's open requests."""
    async with steady.running():
        await steady.until_answered(40)
        await asyncio.to_thread(apis[0].kill)
        await steady.until_answered(40)
        await asyncio.to_thread(apis[0].start)
        await _wait_for(lambda: balancer.ready() == 2)
        await steady.until_answered(40)

    assert steady.count.lost == []
    _assert_each_paid_once(steady, database_url, merchant)


async def test_a_rolling_restart_is_not_noticed(
    apis: list[ApiProcess],
    balancer: Balancer,
    merchant: Merchant,
    steady: Steady,
    database_url: str,
) -> None:
    """Processes that are stopped and started one after the other fail no request."""
    async with steady.running():
        await steady.until_answered(20)
        for api in apis:
            await asyncio.to_thread(api.restart)
            await _wait_for(lambda: balancer.ready() == 2)
            await steady.until_answered(20)

    assert steady.count.first == steady.count.asked, steady.count
    _assert_each_paid_once(steady, database_url, merchant)


async def test_a_draining_process_serves_while_no_other_is_ready(
    apis: list[ApiProcess],
    balancer: Balancer,
    merchant: Merchant,
    steady: Steady,
    database_url: str,
) -> None:
    """A draining process still gets requests while the other is not yet seen ready."""
    await asyncio.to_thread(_start_again, apis, drain_notice_ms=_LONG_MS)
    await _wait_for(lambda: balancer.ready() == balancer.ready("api-last") == 2)
    async with steady.running():
        for api in apis:
            api.send_to_first(signal.SIGTERM)
        await _wait_for(lambda: balancer.ready() == 0)
        await steady.until_answered(150)  # every check has been made more often than it may fail
        await _wait_for(lambda: balancer.ready("api-last") == 2)

    assert steady.count.first == steady.count.asked, steady.count
    _assert_each_paid_once(steady, database_url, merchant)
    for api in apis:
        api.kill()


async def test_a_process_that_cannot_serve_gets_no_request(
    balancer: Balancer, merchant: Merchant, database_url: str
) -> None:
    """A process whose schema is older than itself gets no request, even if there is no other."""
    [(head,)] = rows(database_url, "SELECT version_num FROM alembic_version")
    execute(database_url, "UPDATE alembic_version SET version_num = '0001_expand_merchants'")
    try:
        await _wait_for(lambda: balancer.ready() == balancer.ready("api-last") == 0)
        async with Api(balancer.url, merchant.api.secret) as caller:
            answer = await caller.get("/v1/payments")
    finally:
        execute(database_url, "UPDATE alembic_version SET version_num = %s", [head])
    await _wait_for(lambda: balancer.ready() == balancer.ready("api-last") == 2)

    assert answer.status_code == 503
    assert "x-request-id" not in answer.headers  # no process has seen it


async def test_an_expand_migration_is_not_noticed(
    balancer: Balancer, steady: Steady, database_url: str
) -> None:
    """A migration of the next version runs under load, and every process stays ready."""
    [(head,)] = rows(database_url, "SELECT version_num FROM alembic_version")
    try:
        async with steady.running():
            await steady.until_answered(20)
            await asyncio.to_thread(_expand, database_url)
            await steady.until_answered(60)  # checks are made several times in these
            await _wait_for(lambda: balancer.ready() == 2)
    finally:
        _undo(database_url, head)

    assert steady.count.first == steady.count.asked, steady.count


def _expand(url: str) -> None:
    """What `suya migrate` of a later version would do: add, and move the revision."""
    execute(url, "ALTER TABLE payments ADD COLUMN of_the_next_version TEXT")
    execute(url, "UPDATE alembic_version SET version_num = '9999_expand_payments'")


def _undo(url: str, head: str) -> None:
    execute(url, "ALTER TABLE payments DROP COLUMN IF EXISTS of_the_next_version")
    execute(url, "UPDATE alembic_version SET version_num = %s", [head])


async def test_a_killed_balancer_is_replaced(
    apis: list[ApiProcess],
    balancer: Balancer,
    merchant: Merchant,
    tmp_path: Path,
    database_url: str,
) -> None:
    """When the HAProxy with the load is killed, the second serves what clients repeat."""
    with Balancer(apis, tmp_path).start(2) as second:
        wallet = await merchant.wallet(funds=1_000_000)
        steady = Steady([balancer.url, second.url], merchant, wallet)
        async with steady.running():
            await steady.until_answered(20)
            balancer.kill()
            await steady.until_answered(20)

    assert steady.count.lost == []
    assert steady.count.second >= 20
    _assert_each_paid_once(steady, database_url, merchant)


async def test_what_has_a_key_is_sent_to_another(
    apis: list[ApiProcess], balancer: Balancer, merchant: Merchant, database_url: str
) -> None:
    """A payment that was open in a dying process is answered by the other, once."""
    wallet = await merchant.wallet(funds=1_000)
    through = Merchant(merchant.id, merchant.key_id, Api(balancer.url, merchant.api.secret))

    async with through.api:
        answers = await _two_of_which_one_dies(
            apis[0], balancer, lambda: through.send_payment(wallet, 100)
        )

    assert [answer.status_code for answer in answers] == [201, 201]
    assert count_payments(database_url, merchant) == 2


async def test_what_has_no_key_is_not_sent_again(
    apis: list[ApiProcess], balancer: Balancer, database_url: str
) -> None:
    """A command without a key that was open in a dying process gets a 502, and is not repeated."""
    async with Api(balancer.url, ADMIN_KEY) as admin:
        answers = await _two_of_which_one_dies(
            apis[0], balancer, lambda: admin.post("/v1/merchants", {"name": "once"})
        )

    assert sorted(answer.status_code for answer in answers) == [201, 502]
    made = rows(database_url, "SELECT count(*) FROM merchants WHERE name = 'once'")
    assert made == [(1,)]
    [refused] = [answer for answer in answers if answer.status_code == 502]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["code"] == "unavailable"


async def test_without_a_process_the_answer_is_a_problem(
    apis: list[ApiProcess], balancer: Balancer, merchant: Merchant
) -> None:
    """Where no process is ready, clients get a problem with a code, as from the api itself."""
    for api in apis:
        api.kill()
    await _wait_for(lambda: balancer.ready() == 0)
    async with Api(balancer.url, merchant.api.secret) as caller:
        problem = (await caller.get("/v1/payments")).json()

    assert (problem["code"], problem["retry"]) == ("unavailable", "same_key")


async def _two_of_which_one_dies(
    dying: ApiProcess, balancer: Balancer, ask: Callable[[], Awaitable[httpx.Response]]
) -> list[httpx.Response]:
    """The answers to two requests; the balancer gave one of them to the process that dies."""
    dying.send(signal.SIGSTOP)
    asking = [asyncio.create_task(_answer(ask)) for _ in range(2)]
    await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    await _wait_for(lambda: _in_hand(balancer) == 1)
    dying.kill()
    return [await task for task in asking]


async def _answer(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    return await ask()


def _in_hand(balancer: Balancer) -> int:
    name = 'haproxy_backend_current_sessions{proxy="api"} '
    [line] = [line for line in balancer.metrics().splitlines() if line.startswith(name)]
    return int(line.removeprefix(name))
