"""What tests of disputes share."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.disputes.support import Stall
from tests.support.databases import Server
from tests.support.engine import opened


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    """The database of a file."""
    made = server.new_database()
    yield made
    server.drop_database(made)


@pytest_asyncio.fixture
async def stall(url: str) -> AsyncIterator[Stall]:
    """A merchant of this test."""
    async with opened(url) as database:
        yield await Stall.open(database)
