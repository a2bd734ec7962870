"""The compose target runs the right `docker compose` commands, which a stand-in records.

The stand-in is a program in the place of Docker; what Docker would do is not tested here.
"""

from pathlib import Path

import pytest

from app.base.settings import Settings
from app.devkit.chaos.compose import Compose, ComposeTarget, Container, ContainerNodes
from app.devkit.chaos.faults import inject
from app.devkit.chaos.plan import Injection, Kind
from app.devkit.chaos.targets import CannotRun

FAKE = """#!/bin/sh
echo "$@" >> "{said}"
case "$*" in
  *"ps --services"*) printf 'api-eu\\napi-us\\ncockroach-eu-1\\ncockroach-us-1\\nworker\\n' ;;
  *"ps --all"*) echo '{{"Service": "x", "Health": "healthy"}}' ;;
  *"kill"*"api-broken"*) echo "no such service: api-broken" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which a stand-in for docker, first on the PATH, records its arguments."""
    words = tmp_path / "said"
    words.touch()
    docker = tmp_path / "docker"
    docker.write_text(FAKE.format(said=words))
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return words


def commands(said: Path) -> list[str]:
    """The recorded arguments after the file's name, without queries."""
    lines = [
        line.removeprefix("compose --file compose.yaml ") for line in said.read_text().split("\n")
    ]
    return [line for line in lines if line and not line.startswith("ps ")]


def target() -> ComposeTarget:
    """A target with all it needs in its settings."""
    settings = Settings.load(
        {
            "SUYA_ADMIN_KEY": "x" * 16,
            "SUYA_DATABASE_URL": "cockroachdb+psycopg://root@h/suya",
        }
    )
    return ComposeTarget(Path("compose.yaml"), settings)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.API_KILL, ["kill --signal SIGKILL api-us", "start api-us"]),
        (Kind.API_PAUSE, ["pause api-us", "unpause api-us"]),
        (
            Kind.ROLLING_RESTART,
            ["stop api-eu", "start api-eu", "stop api-us", "start api-us"],
        ),
        (Kind.NODE_KILL, ["kill --signal SIGKILL cockroach-us-1", "start cockroach-us-1"]),
        (Kind.NODE_PAUSE, ["pause cockroach-us-1", "unpause cockroach-us-1"]),
        (Kind.NODE_RESTART, ["stop cockroach-us-1", "start cockroach-us-1"]),
    ],
)
async def test_a_fault_and_its_healing(kind: Kind, expected: list[str], said: Path) -> None:
    """Each fault is a command, and so is its healing."""
    running = target()
    await running.start()
    async with inject(running, Injection(1, "faults", kind, 0.0, 0.0, chance=1)) as what:
        assert what
    await running.stop()

    assert commands(said) == expected


async def test_nodes_know_their_regions(said: Path) -> None:
    """The region of a node is in its service's name."""
    nodes = ContainerNodes(Compose(Path("compose.yaml")))

    assert nodes.regions() == {"cockroach-eu-1": "eu", "cockroach-us-1": "us"}


def test_a_failing_command_gives_its_reason(said: Path) -> None:
    """The last line of docker's output is the reason."""
    with pytest.raises(CannotRun, match="no such service"):
        Container(Compose(Path("compose.yaml")), "api-broken").kill()


def test_a_container_is_frozen_and_thawed(said: Path) -> None:
    """To pause a container is to freeze it."""
    container = Container(Compose(Path("compose.yaml")), "api-eu")
    container.pause()
    container.resume()

    assert commands(said) == ["pause api-eu", "unpause api-eu"]


async def test_what_is_missing_is_named(said: Path) -> None:
    """Without a key or a database nothing is started."""
    for name in ("SUYA_ADMIN_KEY", "SUYA_DATABASE_URL"):
        variables = {
            "SUYA_ADMIN_KEY": "x" * 16,
            "SUYA_DATABASE_URL": "cockroachdb+psycopg://root@h/suya",
        }
        del variables[name]
        with pytest.raises(CannotRun, match=name):
            await ComposeTarget(Path("compose.yaml"), Settings.load(variables)).start()
    assert commands(said) == []
