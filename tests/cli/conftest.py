"""Running `suya` as its users do: as a process, with an environment of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from app.database.embedded import EmbeddedPostgres

COMMAND = (sys.executable, "-m", "app.cli")


class Suya(Protocol):
    """Runs a command to its end."""

    def __call__(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment without any SUYA_ variable but a home of this test."""
    scrubbed = {name: value for name, value in os.environ.items() if not name.startswith("SUYA_")}
    return {**scrubbed, "SUYA_HOME": str(tmp_path / "home")}


@pytest.fixture
def suya(environ: Mapping[str, str]) -> Suya:
    def call(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            env={**environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return call


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def postgres(environ: Mapping[str, str]) -> Iterator[EmbeddedPostgres]:
    """The running database of this test's home, without a schema."""
    server = EmbeddedPostgres(Path(environ["SUYA_HOME"]))
    server.start()
    yield server
    server.kill()
