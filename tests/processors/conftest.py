"""Processors whose outside is a server of the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest_asyncio

from app.processors import Processors
from app.settings import Settings
from tests.processors.outside import Outside

VAULT_KEY = "key-of-the-vault-for-processors-only"
OpenProcessors: TypeAlias = Callable[..., Awaitable[Processors]]
# Nothing that answers takes so long, however busy the machine; what never answers sets its own.
PATIENCE = {"processor_timeout_ms": 20_000, "processor_connect_timeout_ms": 20_000}


@pytest_asyncio.fixture
async def outside() -> AsyncIterator[Outside]:
    """A server that does what the test tells it."""
    async with Outside.start() as server:
        yield server


@pytest_asyncio.fixture
async def open_processors() -> AsyncIterator[OpenProcessors]:
    """Opens processors with these settings, such as `acquirer_url=...`, until the test ends."""
    async with AsyncExitStack() as stack:

        async def open_them(**settings: Any) -> Processors:
            keys = {
                "acquirer_key": "key-of-the-acquirer",
                "vault_processor_key": VAULT_KEY,
            }
            return await stack.enter_async_context(
                Processors.open(Settings.load({}, **(keys | PATIENCE | settings)))
            )

        yield open_them
