"""A bank, and a merchant with money for it."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conftest import NewMerchant
from tests.payouts.office import BY_FILE, Office
from tests.support.builders import Merchant
from tests.support.client import Api
from tests.support.payouts import FUNDS, earn
from tests.support.processes import ApiProcess, WorkerProcess
from tests.support.rails import QUICK, Rails


@pytest.fixture
def bank(rails: Rails, rails_worker: WorkerProcess) -> Iterator[Rails]:
    """A bank that does nothing wrong before a test says so."""
    rails.acquirer.script()
    yield rails
    rails.acquirer.script()


@pytest_asyncio.fixture
async def stall(new_merchant: NewMerchant) -> Merchant:
    """A merchant without fees, and money available."""
    merchant = await new_merchant(fee_bps=0, fee_fixed=0)
    await earn(merchant, FUNDS)
    return merchant


@pytest_asyncio.fixture
async def office(
    request: pytest.FixtureRequest,
    rails: Rails,
    database_url: str,
    start_api: Callable[..., ApiProcess],
    tmp_path: Path,
) -> AsyncIterator[Office]:
    """An office on a database of its own, with a worker; a parameter changes settings."""
    rails.acquirer.script()
    settings = rails.settings | QUICK | BY_FILE | getattr(request, "param", {})
    process = start_api(database_url, **settings)
    worker_settings = settings | {"payout_hour_utc": "24"}
    async with Api(process.url) as api:
        with WorkerProcess(database_url, tmp_path, **worker_settings).start():
            yield Office(api, database_url, settings, tmp_path)
    rails.acquirer.script()
