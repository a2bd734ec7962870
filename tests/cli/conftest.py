"""A home, an environment and a database of each test's own."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from app.engine.database.embedded import EmbeddedPostgres
from tests.support import processes
from tests.support.commands import environ_of, run_suya, temporary_home


class Suya(Protocol):
    """Runs a command to its end."""

    def __call__(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    with temporary_home() as home:
        yield environ_of(home)


@pytest.fixture
def suya(environ: Mapping[str, str]) -> Suya:
    def call(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run_suya({**environ, **variables}, *words)

    return call


@pytest.fixture
def free_port() -> int:
    return processes.free_port()


@pytest.fixture
def postgres(environ: Mapping[str, str]) -> Iterator[EmbeddedPostgres]:
    """The running database of this test's home, without a schema."""
    server = EmbeddedPostgres(Path(environ["SUYA_HOME"]))
    server.start()
    yield server
    server.kill()
