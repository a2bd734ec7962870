"""What tests on a CockroachDB share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.engine import opened
from tests.support.stall import Stall


@pytest_asyncio.fixture
async def stall(cockroach_url: str) -> AsyncIterator[Stall]:
    """A merchant on the cluster."""
    async with opened(cockroach_url) as database:
        yield await Stall(database).open()
