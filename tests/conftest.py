"""What all tests share: a database server, an api process, and a merchant of one's own.

Tests run against real commits and roll nothing back, so each makes what it needs under a merchant
(or a database) of its own and asserts about nothing else.
"""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from app.devkit.cluster import LocalCluster
from tests.support import books, builders, cluster, shares
from tests.support.builders import Merchant
from tests.support.client import Api
from tests.support.cluster import cockroach
from tests.support.databases import Databases, Server
from tests.support.processes import ADMIN_KEY, ApiProcess, WorkerProcess
from tests.support.rails import QUICK, Rails
from tests.support.vault import VaultProcess

NewMerchant: TypeAlias = Callable[..., Awaitable[Merchant]]

NEIGHBOURS = pytest.StashKey[shares.Neighbours]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's own options."""
    said = "note how long tests take, for the shares of workers (tests/durations.txt)"
    parser.addoption("--note-durations", action="store_true", help=said)


def pytest_configure(config: pytest.Config) -> None:
    """Whatever shell the tests run in, no setting of it reaches them."""
    for name in [n for n in os.environ if n.startswith("SUYA_") and not n.startswith("SUYA_TEST_")]:
        del os.environ[name]
    # A shell ignores Ctrl-C for what it runs in the background, and so would all that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Who is told to end tidies up: servers of databases are no children that end by themselves.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if (worker := getattr(config, "workerinput", None)) is not None:
        config.stash[NEIGHBOURS] = shares.Neighbours(worker["testrunuid"])
        return
    config.pluginmanager.register(shares.Collected())
    if config.getoption("--note-durations"):
        config.pluginmanager.register(shares.Noting())


def pytest_unconfigure(config: pytest.Config) -> None:
    """The other workers need not wait for this one."""
    neighbours = config.stash.get(NEIGHBOURS, None)
    if neighbours is not None:
        neighbours.leave()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what is slow; and when tests are chosen and ordered, take this worker's share of them.

    Last comes what disturbs others or is disturbed by them: the nodes of a CockroachDB keep half a
    core busy though nobody asks them anything, and live to the end of a run.
    """
    shares.mark_slow(items)
    yield
    nodes = {item: _nodes_needed(item) for item in items}
    mine = shares.share(items, nodes)
    items[:] = sorted(
        (item for item in items if item.nodeid in mine),
        key=lambda item: (shares.is_alone(item), nodes[item]),
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """What needs the machine to itself waits until the other workers have ended."""
    neighbours = item.config.stash.get(NEIGHBOURS, None)
    if neighbours is not None and shares.is_alone(item):
        neighbours.wait_until_ended()


def _nodes_needed(item: pytest.Item) -> int:
    """How many nodes run when a test does, and go on afterwards."""
    names = set(getattr(item, "fixturenames", ()))
    if item.get_closest_marker("cluster") is None:
        return 0
    if names & {"cockroach_server", "databases"} and "cluster3" not in names:
        return 1
    return 4  # those of the three-node cluster, and of clusters that a test makes for itself


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Say last how many tests did not run here, and what they need."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(cluster.WHY_NOT in str(report.longrepr) for report in skipped)
    if count:
        said = f"{count} tests need a CockroachDB and were skipped: {cluster.REMEDY}"
        terminalreporter.write_line(said, yellow=True)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The embedded PostgreSQL of this run."""
    with Server(in_memory=True) as running:
        yield running


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Databases:
    """Where databases are made: on PostgreSQL, unless a test is run on both (tests/spec)."""
    if getattr(request, "param", None) == "cockroachdb":
        return cluster.Databases(request.getfixturevalue("cockroach_server"))
    postgresql: Server = request.getfixturevalue("server")
    return postgresql


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A fresh, migrated database for one test, for example to corrupt it."""
    url = databases.new_database()
    yield url
    databases.drop_database(url)


@pytest.fixture(scope="session")
def cockroach_server() -> Iterator[str]:
    """A CockroachDB; tests that need it are marked `cluster`."""
    with cockroach() as url:
        yield url


@pytest.fixture(scope="session")
def cluster3() -> Iterator[LocalCluster]:
    """Three nodes in three regions; who breaks one of them asks for `three`."""
    with cluster.three_nodes() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def cockroach_url(cockroach_server: str) -> Iterator[str]:
    """A fresh, migrated database on CockroachDB, for one file: some spoil theirs on purpose."""
    with cluster.database(cockroach_server) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def shared_database_url(databases: Databases) -> AsyncIterator[str]:
    """The database behind the shared api; whoever leaves something wrong in its books is told."""
    url = databases.new_database()
    yield url
    await books.assert_in_order(url)


@pytest.fixture(scope="session")
def outside(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rails]:
    """An acquirer and a vault that do not run yet, but have their ports."""
    found = Rails(server.new_vault_database(), tmp_path_factory.mktemp("outside"))
    yield found
    found.kill()


@pytest.fixture(scope="session")
def vault(outside: Rails) -> VaultProcess:
    """The vault of the shared api, running."""
    if not outside.vault.is_running:
        outside.vault.start()
    return outside.vault


@pytest.fixture(scope="session")
def api_process(
    shared_database_url: str, outside: Rails, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiProcess]:
    """The api that tests share; those that stop or kill one start their own."""
    folder = tmp_path_factory.mktemp("api")
    with ApiProcess(shared_database_url, folder, **outside.settings, **QUICK) as process:
        process.start()
        yield process
        process.stop()


@pytest.fixture(scope="session")
def rails(outside: Rails, api_process: ApiProcess) -> Rails:
    """The acquirer and the vault of the shared api, running."""
    outside.kill()  # there may have been another api before
    outside.notify(api_process.url)
    return outside.start()


@pytest.fixture(scope="module")
def rails_worker(
    rails: Rails, shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerProcess]:
    """A worker of the shared database, for what is resolved later.

    Not for longer than a file needs it: it has the leases that workers of other tests wait for.
    """
    folder = tmp_path_factory.mktemp("worker")
    settings = rails.settings | QUICK
    with WorkerProcess(shared_database_url, folder, **settings).start() as worker:
        yield worker
        worker.stop()


@pytest_asyncio.fixture(scope="session")
async def api(api_process: ApiProcess) -> AsyncIterator[Api]:
    """A caller of the shared api without a key."""
    async with Api(api_process.url) as caller:
        yield caller


@pytest.fixture(scope="session")
def admin(api: Api) -> Api:
    """The operator of the shared api."""
    return api.as_(ADMIN_KEY)


@pytest.fixture
def new_merchant(admin: Api) -> NewMerchant:
    """Makes merchants; its arguments are fields of theirs, such as `fee_bps=0`."""

    async def make(**fields: Any) -> Merchant:
        return await builders.new_merchant(admin, **fields)

    return make


@pytest_asyncio.fixture
async def merchant(new_merchant: NewMerchant) -> Merchant:
    """The merchant of this test."""
    return await new_merchant()


@pytest.fixture
def start_api(tmp_path: Path) -> Iterator[Callable[..., ApiProcess]]:
    """Starts api processes of this test, such as `start_api(url, rate_limit_per_s="1")`."""
    started: list[ApiProcess] = []

    def start(database_url: str, **settings: str) -> ApiProcess:
        process = ApiProcess(database_url, tmp_path, **settings)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.kill()
