"""A bank, and a merchant with money for it."""

from collections.abc import Iterator

import pytest
import pytest_asyncio

from tests.conftest import NewMerchant
from tests.support.builders import Merchant
from tests.support.payouts import FUNDS, earn
from tests.support.processes import WorkerProcess
from tests.support.rails import Rails


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
