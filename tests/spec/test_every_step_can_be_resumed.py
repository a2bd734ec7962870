"""Promise 5, first half: a flow that has begun ends, wherever the process that drove it died."""

from collections.abc import Callable

import httpx
import pytest

from app.processes.flows import SAGAS
from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import Api
from tests.support.flows import ELSEWHERE, SCRIPTS, finish
from tests.support.processes import ApiProcess, WorkerProcess
from tests.support.rails import QUICK, Rails

POINTS = (
    "BEFORE_COMMIT:kill:1",
    "AFTER_COMMIT_BEFORE_ANSWER:kill:1",
    "BEFORE_EXTERNAL:kill:1",
    "AFTER_EXTERNAL:kill:1",
    "BEFORE_COMMIT:kill:2",
    "AFTER_COMMIT_BEFORE_ANSWER:kill:2",
)
"""Around the first step's commit, the outside's effect, and the commit that books it."""

DECLARED = {saga.name for saga in SAGAS}


def test_every_flow_is_covered() -> None:
    """Each flow that is declared with an external step has a script, or a test of its own."""
    assert SCRIPTS.keys() | ELSEWHERE.keys() == DECLARED


@pytest.mark.chaos
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("flow", sorted(SCRIPTS))
async def test_a_flow_whose_process_dies_ends_once(
    flow: str,
    point: str,
    rails: Rails,
    rails_worker: WorkerProcess,
    merchant: Merchant,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """Killed at any step, it is resumed; the outside acts once, and here it is booked once."""
    script = SCRIPTS[flow]
    start = await script.prepare(rails, merchant)
    settings = rails.settings | QUICK | {"saga_lease_ms": "500"}
    process = start_api(shared_database_url, faults=point, **settings)

    async with Api(process.url, merchant.api.secret) as doomed:
        with pytest.raises(httpx.TransportError):
            await doomed.post(start.path, start.body, key="the-key")
    assert process.wait() != 0

    answer = await finish(merchant, start, "the-key")
    await script.check(rails, merchant, start, answer)
    await books.assert_in_order(shared_database_url)
