"""Processors that call a server of the test."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest
import pytest_asyncio

from app.base.settings import Settings
from app.processors import Processors
from tests.processors.outside import Outside
from tests.processors.shops import StripeShop
from tests.processors.stripe_account import Account
from tests.support.acquirer import AcquirerProcess
from tests.support.databases import Server
from tests.support.processes import free_port
from tests.support.vault import PROCESSOR_KEY, VaultProcess

OpenProcessors: TypeAlias = Callable[..., Awaitable[Processors]]
# Nothing that answers takes so long, however busy the machine; what never answers sets its own.
PATIENCE = {"processor_timeout_ms": 20_000, "processor_connect_timeout_ms": 20_000}


@pytest_asyncio.fixture
async def outside() -> AsyncIterator[Outside]:
    """A server that behaves as the test wants."""
    async with Outside.start() as server:
        yield server


@pytest_asyncio.fixture
async def open_processors() -> AsyncIterator[OpenProcessors]:
    """Opens processors with these settings, such as `acquirer_url=...`, until the test ends."""
    async with AsyncExitStack() as stack:

        async def open_them(**settings: Any) -> Processors:
            keys = {
                "acquirer_key": "key-of-the-acquirer",
                "vault_processor_key": PROCESSOR_KEY,
            }
            return await stack.enter_async_context(
                Processors.open(Settings.load({}, **(keys | PATIENCE | settings)))
            )

        yield open_them


@pytest.fixture(scope="session")
def card_port() -> int:
    """Where the vault may send cards: a port on which a test has its processor."""
    return free_port()


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AcquirerProcess]:
    """The acquirer that these tests share."""
    with AcquirerProcess(tmp_path_factory.mktemp("acquirer")) as process:
        process.start()
        yield process
        process.stop()


@pytest.fixture(scope="session")
def vault(
    server: Server,
    sandbox: AcquirerProcess,
    card_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[VaultProcess]:
    """The vault that these tests share."""
    folder = tmp_path_factory.mktemp("vault")
    told = sandbox.for_vault() | {
        "vault_stripe_url": f"http://127.0.0.1:{card_port}",
        "vault_stripe_key": "sk_test_of_this_account",
    }
    with VaultProcess(server.new_vault_database(), folder, **told) as process:
        process.start()
        yield process
        process.stop()


@pytest_asyncio.fixture
async def stripe_shop(
    open_processors: OpenProcessors, vault: VaultProcess, card_port: int
) -> AsyncIterator[StripeShop]:
    """A shop at Stripe, with an account that has nothing yet."""
    async with Account.start(card_port) as account:
        processors = await open_processors(
            stripe_key="sk_test_of_this_account",
            stripe_url=account.url,
            stripe_return_url="https://shop.test/back",
            vault_url=vault.url,
        )
        yield StripeShop(processors, account, vault)
