"""The balancer's ports for CockroachDB lead to the region's own nodes while there are any."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest

from tests.support.balancer import Balancer
from tests.support.builders import new_merchant
from tests.support.client import Api
from tests.support.nodes import REGIONS, Nodes
from tests.support.processes import ADMIN_KEY, ApiProcess, environ, free_port
from tests.support.steady import Steady

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

Connect: TypeAlias = Callable[[int], "psycopg.Connection[tuple[str]]"]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """Three nodes, one per region; each test has its own, for one of them stops a node."""
    with Nodes(tmp_path) as running:
        yield running


@contextmanager
def _front_ends(nodes: Nodes, folder: Path) -> Iterator[tuple[Balancer, list[int]]]:
    """A balancer, and its port for each region."""
    ports = [free_port() for _ in nodes.all]
    variables: dict[str, object] = {}
    for number, (node, port) in enumerate(zip(nodes.all, ports, strict=True), 1):
        variables[f"database_{number}"] = f"127.0.0.1:{node.sql}"
        variables[f"database_{number}_http"] = node.http
        variables[f"listen_database_{number}"] = f"127.0.0.1:{port}"
    with Balancer([], folder, api_1="127.0.0.1:1", **variables) as balancer:
        yield balancer.start(1, "database-3"), ports


@pytest.fixture
def connect(nodes: Nodes, tmp_path: Path) -> Iterator[Connect]:
    """Connects to the front end of the region with that number."""
    with _front_ends(nodes, tmp_path) as (_, ports):
        yield lambda number: psycopg.connect(
            f"postgresql://root@127.0.0.1:{ports[number - 1]}/suya?sslmode=disable", autocommit=True
        )


def _region(connection: "psycopg.Connection[tuple[str]]") -> str:
    [(locality,)] = connection.execute("SHOW LOCALITY").fetchall()
    return locality


def test_the_script_may_run_again(nodes: Nodes) -> None:
    """A cluster that is initialized stays as it is; a licence key that is none fails the job."""
    again = nodes.init()
    refused = nodes.init(COCKROACH_LICENSE="not-a-key'; DROP DATABASE suya; --")
    at_last = nodes.init()

    assert again.returncode == at_last.returncode == 0, again.stderr
    assert "already been initialized" in again.stdout
    assert "No COCKROACH_LICENSE" in again.stdout
    assert refused.returncode != 0
    assert "license" in refused.stderr
    assert "not-a-key" not in refused.stdout + refused.stderr


def test_each_port_leads_to_its_region(connect: Connect) -> None:
    """A process is connected to a node of its region."""
    for number, region in enumerate(REGIONS, 1):
        with connect(number) as connection:
            assert f"region={region}" in _region(connection)


def test_a_region_that_drains_is_left(nodes: Nodes, connect: Connect) -> None:
    """Connections to a stopping node are cut, and new ones lead to another region."""
    with connect(3) as connection:
        assert f"region={REGIONS[2]}" in _region(connection)
        nodes.all[2].drain()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(60)")
    with connect(3) as another:
        assert f"region={REGIONS[2]}" not in _region(another)


def _suya(url: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *command],
        env=environ(database_url=url),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.chaos
async def test_an_api_outlives_a_balancer(
    nodes: Nodes, start_api: Callable[..., ApiProcess], tmp_path: Path
) -> None:
    """With the URLs of compose.yaml jobs use any node, and an api has the other balancer."""
    names = [f"host=127.0.0.1:{node.sql}" for node in nodes.all]
    any_node = f"cockroachdb+psycopg://root@/suya?sslmode=disable&{'&'.join(names)}"
    _suya(any_node, "migrate")
    _suya(any_node, "regions", "apply", "--regions", ",".join(REGIONS), "--survive", "region")
    with (
        _front_ends(nodes, tmp_path) as (first, ports),
        _front_ends(nodes, tmp_path) as (_, other_ports),
    ):
        hosts = f"host=127.0.0.1:{ports[1]}&host=127.0.0.1:{other_ports[1]}"
        url = f"cockroachdb+psycopg://root@/suya?sslmode=disable&{hosts}"
        api = await asyncio.to_thread(start_api, url, region=REGIONS[1])
        async with Api(api.url, ADMIN_KEY) as admin:
            merchant = await new_merchant(admin)
            steady = Steady([api.url], merchant, await merchant.wallet(funds=100_000), per_s=10)
        async with steady.running():
            await steady.until_answered(10)
            first.kill()
            await steady.until_answered(10)

    assert steady.count.lost == [], steady.count
    assert "in order" in _suya(any_node, "verify")
