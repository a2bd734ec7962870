"""A vault that the tests of this folder share, and a processor that it may send cards to."""

from collections.abc import Iterator

import pytest

from app.base import ids
from tests.support.databases import Server
from tests.support.destination import APPROVED, Destination
from tests.support.vault import VaultProcess


@pytest.fixture(scope="module")
def destination() -> Iterator[Destination]:
    """The receiver of cards, which shows what it got."""
    with Destination() as running:
        yield running


@pytest.fixture(scope="module")
def vault(
    server: Server, destination: Destination, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VaultProcess]:
    """A running vault."""
    folder = tmp_path_factory.mktemp("vault")
    url = server.new_vault_database()
    with VaultProcess(url, folder, **destination.settings_of_vault) as process:
        process.start()
        yield process
        process.stop()


@pytest.fixture(autouse=True)
def _as_usual(destination: Destination) -> Iterator[None]:
    """The processor approves again after each test."""
    yield
    destination.how = APPROVED


@pytest.fixture
def merchant_id() -> str:
    """A merchant of this test only; the vault knows merchants by their keys."""
    return ids.encode("merchant", ids.new())
