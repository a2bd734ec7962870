"""The shipped HAProxy in front of a vault: it lets tokenization through, and nothing else."""

import contextlib
import http.client
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.base import ids
from tests.deploy.test_monitoring import told
from tests.support.balancer import READY_S, Door
from tests.support.databases import Server
from tests.support.processes import get
from tests.support.vault import API_KEY, PROCESSOR_KEY, VaultProcess, card

CARD = "4242424242424242"


@pytest.fixture(scope="module")
def vault(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultProcess]:
    """A vault on a database of its own."""
    with VaultProcess(server.new_vault_database(), tmp_path_factory.mktemp("vault")) as process:
        yield process.start()
        process.stop()


@pytest.fixture(scope="module")
def door(vault: VaultProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One in front of it."""
    with Door(vault, tmp_path_factory.mktemp("door")) as running:
        yield running.open()


@pytest.fixture
def key(vault: VaultProcess) -> str:
    """A merchant's publishable key."""
    return vault.publishable_key(ids.encode("merchant", ids.new()))


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: http.client.HTTPMessage
    text: bytes


def _ask(door: Door, method: str, path: str, key: str = "none", body: object = None) -> Said:
    """GET a path unchanged: a client that normalises it would ask for another one."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", door.port, 30)) as connection:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return Said(answer.status, answer.headers, answer.read())


def test_a_card_is_left_through_it(door: Door, key: str) -> None:
    """A browser checks CORS, posts a card and gets a token; people see the form."""
    asked = _ask(door, "OPTIONS", "/tokens")
    answer = _ask(door, "POST", "/tokens", key, card(CARD))

    assert asked.status == 204
    assert answer.status == 201
    assert json.loads(answer.text)["id"].startswith("pm_")
    assert _ask(door, "GET", "/form").status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/forward", 404),
        ("POST", "//forward", 404),
        ("POST", "/tokens/../forward", 404),
        ("POST", "/%66orward", 404),
        ("POST", "/tokens;/forward", 404),
        ("GET", "/tokens/pm_1", 404),
        ("GET", "/tokens/pm_1/same", 404),
        ("POST", "/generations", 404),
        ("GET", "/metrics", 404),
        ("GET", "/readyz", 404),
        ("GET", "/", 404),
        ("GET", "/tokens", 405),
        ("POST", "/form", 405),
    ],
)
def test_nothing_else_is_reached(
    door: Door, vault: VaultProcess, method: str, path: str, status: int
) -> None:
    """The paths for apis and workers are not there, whatever key a request has."""
    before = _count_of_requests(vault)

    for key in (PROCESSOR_KEY, API_KEY):
        assert _ask(door, method, path, key, {} if method == "POST" else None).status == status

    assert _count_of_requests(vault) == before


def _count_of_requests(vault: VaultProcess) -> list[str]:
    """The vault's count of requests, without checks and metrics."""
    lines = get(f"{vault.url}/metrics").text.splitlines()
    counted = [line for line in lines if line.startswith("suya_requests_total")]
    return [line for line in counted if "/readyz" not in line and "/metrics" not in line]


def test_an_address_with_many_cards_is_slowed_down(
    vault: VaultProcess, key: str, tmp_path: Path
) -> None:
    """Beyond its number in ten seconds an address gets a problem, and still sees the form."""
    with Door(vault, tmp_path, cards_max=3) as narrow:
        narrow.open()
        answers = [_ask(narrow, "POST", "/tokens", key, card(CARD)) for _ in range(5)]
        page = _ask(narrow, "GET", "/form")

    assert [answer.status for answer in answers] == [201, 201, 201, 429, 429]
    assert json.loads(answers[-1].text)["code"] == "too_many_requests"
    assert answers[-1].headers["retry-after"] == "10"
    assert page.status == 200


def test_a_vault_that_is_not_there_is_a_problem(server: Server, key: str, tmp_path: Path) -> None:
    """Without a vault clients get a Retry-After, and Prometheus a metric that none is ready."""
    with VaultProcess(server.new_vault_database(), tmp_path) as own:
        own.start()
        with Door(own, tmp_path) as door:
            door.open()
            own.send(signal.SIGKILL)
            deadline = time.monotonic() + READY_S
            while door.ready("vault"):
                assert time.monotonic() < deadline
            answer = _ask(door, "POST", "/tokens", key, card(CARD))
            metrics = get(f"http://127.0.0.1:{door.status_port}/vault/metrics")

    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.text) == {
        "type": "/docs/errors#unavailable",
        "title": "Unavailable",
        "code": "unavailable",
        "retry": "same_key",
    }
    assert metrics.status_code == 503


def test_its_metrics_and_the_vaults_are_shown(door: Door) -> None:
    """Prometheus scrapes the vault through the door, and the door itself."""
    vault = told(get(f"http://127.0.0.1:{door.status_port}/vault/metrics").text)

    assert {"suya_requests_total", "process_resident_memory_bytes"} <= vault
    assert door.ready("vault") == 1
    assert "haproxy_backend_active_servers" in told(door.metrics())
