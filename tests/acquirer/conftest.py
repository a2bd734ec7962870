"""The acquirer that tests of it share; those that break one start their own."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acquirer.receiver import Receiver
from tests.support.acquirer import AcquirerProcess


@pytest.fixture(scope="session")
def shared_receiver() -> Iterator[Receiver]:
    """Where the shared acquirer sends its notifications."""
    with Receiver() as running:
        yield running


@pytest.fixture(scope="session")
def shared_acquirer(
    tmp_path_factory: pytest.TempPathFactory, shared_receiver: Receiver
) -> Iterator[AcquirerProcess]:
    """One process for all tests that do not break it."""
    folder = tmp_path_factory.mktemp("acquirer")
    with AcquirerProcess(folder, notify_url=shared_receiver.url).start() as process:
        yield process
        process.stop()


@pytest.fixture
def acquirer(shared_acquirer: AcquirerProcess) -> Iterator[AcquirerProcess]:
    """The shared process without a script."""
    yield shared_acquirer
    shared_acquirer.script()


@pytest.fixture
def receiver(shared_receiver: Receiver) -> Iterator[Receiver]:
    """The receiver of the shared acquirer's notifications, which answers 2xx to all."""
    yield shared_receiver
    shared_receiver.statuses.clear()


@pytest.fixture
def start_acquirer(tmp_path: Path) -> Iterator[Callable[..., AcquirerProcess]]:
    """Starts an acquirer of this test's own, such as `start_acquirer(latency_ms="100")`."""
    started: list[AcquirerProcess] = []

    def start(*, notify_url: str | None = None, **settings: str) -> AcquirerProcess:
        process = AcquirerProcess(tmp_path, notify_url=notify_url, **settings)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        with process:
            pass


@pytest.fixture
def name() -> str:
    """A part of references that no other test uses."""
    return uuid.uuid4().hex[:12]
