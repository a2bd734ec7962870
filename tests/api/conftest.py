"""What tests of the HTTP API share."""

from collections.abc import Iterator

import pytest

from tests.support.tally import Tally


@pytest.fixture(scope="session")
def tally(shared_database_url: str) -> Iterator[Tally]:
    """Counts what is really written by the shared api."""
    counting = Tally(shared_database_url)
    yield counting
    counting.close()
