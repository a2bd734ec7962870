"""The acquirer that tests of it share; those that break one start their own."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.acquirer import AcquirerProcess


@pytest.fixture(scope="session")
def shared_acquirer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AcquirerProcess]:
    """One process for all that need nothing of their own."""
    with AcquirerProcess(tmp_path_factory.mktemp("acquirer")).start() as process:
        yield process
        process.stop()


@pytest.fixture
def acquirer(shared_acquirer: AcquirerProcess) -> Iterator[AcquirerProcess]:
    """The shared process without a script."""
    yield shared_acquirer
    shared_acquirer.script()


@pytest.fixture
def name() -> str:
    """A part of references that no other test uses."""
    return uuid.uuid4().hex[:12]
