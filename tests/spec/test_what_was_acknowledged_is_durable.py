"""Promise 3: after any crash no acknowledged payment is missing, and none is doubled."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.engine.database.faults import FaultPoint
from tests.support import books
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api
from tests.support.databases import Server
from tests.support.load import Load
from tests.support.processes import ADMIN_KEY, ApiProcess

FUNDS = 10_000_000
OF_THE_WORKER = {FaultPoint.BEFORE_SWEEP, FaultPoint.AFTER_SWEEP}
"""Reached by the worker only: tests/spec/test_holds_end_once.py kills it there."""
OF_A_MOVER = {FaultPoint.AFTER_ANNOUNCE, FaultPoint.AFTER_FLIP, FaultPoint.BETWEEN_PAGES}
"""Reached by a mover only: tests/rehoming/test_move.py kills it there."""
OF_FLOWS = {FaultPoint.BEFORE_EXTERNAL, FaultPoint.AFTER_EXTERNAL}
"""Reached by flows with external steps: tests/spec/test_every_step_can_be_resumed.py."""
OF_THE_API = sorted(set(FaultPoint) - OF_THE_WORKER - OF_A_MOVER - OF_FLOWS)


async def load_on(merchant: Merchant, wallets: int = 4) -> Load:
    """Load on some funded wallets of a merchant."""
    made = [await merchant.wallet(funds=FUNDS) for _ in range(wallets)]
    return Load(merchant, made)


def at(merchant: Merchant, api: Api) -> Merchant:
    """The same merchant at another process."""
    return Merchant(merchant.id, merchant.key_id, api.as_(merchant.api.secret))


async def ended(process: ApiProcess) -> None:
    """Wait until a process has died of its fault."""
    await asyncio.to_thread(process.wait, 30)


@pytest.mark.chaos
@pytest.mark.parametrize("point", OF_THE_API)
async def test_an_api_killed_at_any_point_loses_and_doubles_nothing(
    point: FaultPoint,
    merchant: Merchant,
    shared_database_url: str,
    start_api: Callable[..., ApiProcess],
) -> None:
    """What an api that died under load has left open, another one finishes."""
    load = await load_on(merchant)
    process = start_api(shared_database_url, faults=f"{point}:kill:3")

    async with Api(process.url) as api:
        load.merchant = at(merchant, api)
        async with load.running():
            await ended(process)
    load.merchant = merchant
    unknown = len(load.asked) - len(load.acknowledged)
    await load.finish()

    assert unknown > 0
    load.assert_kept(shared_database_url)
    await load.assert_balances(FUNDS)
    await books.assert_in_order(shared_database_url)


async def on_a_server_of_its_own(
    folder: Path, crash: Callable[[Server, ApiProcess, Load], Awaitable[None]]
) -> Load:
    """Load, a crash in the middle of it, and every promise checked afterwards."""
    with Server() as server, ApiProcess(server.postgres.url, folder) as process:
        process.start()
        async with Api(process.url) as api:
            merchant = await new_merchant(api.as_(ADMIN_KEY))
            load = await load_on(merchant)
            async with load.running():
                await load.until_acknowledged(50)
                await crash(server, process, load)
                await load.until_acknowledged(50)
            await load.finish()
            load.assert_kept(server.postgres.url)
            await load.assert_balances(FUNDS)
        await books.assert_in_order(server.postgres.url)
    return load


@pytest.mark.chaos
async def test_a_killed_database_comes_back_with_everything(tmp_path: Path) -> None:
    """After SIGKILL to all of PostgreSQL the api, still running, goes on by itself."""

    async def crash(server: Server, process: ApiProcess, load: Load) -> None:
        server.postgres.kill()
        await asyncio.to_thread(server.postgres.start)
        assert process.is_running

    await on_a_server_of_its_own(tmp_path, crash)


@pytest.mark.chaos
async def test_api_and_database_killed_together_come_back(tmp_path: Path) -> None:
    """After the crash of a whole machine, both started again, every promise holds."""

    async def crash(server: Server, process: ApiProcess, load: Load) -> None:
        process.kill()
        server.postgres.kill()
        await asyncio.to_thread(server.postgres.start)
        await asyncio.to_thread(process.start)

    await on_a_server_of_its_own(tmp_path, crash)


@pytest.mark.chaos
@pytest.mark.slow
async def test_kills_at_random_moments(tmp_path: Path) -> None:
    """However often and whenever api or database are killed under load, every promise holds."""
    # The plugin that shuffles tests seeds this, prints the seed and takes it back.
    chance = random.Random(random.getrandbits(32))

    async def crash(server: Server, process: ApiProcess, load: Load) -> None:
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            victims = chance.choice([("api",), ("database",), ("api", "database")])
            if "api" in victims:
                process.kill()
            if "database" in victims:
                server.postgres.kill()
                await asyncio.to_thread(server.postgres.start)
            if "api" in victims:
                await asyncio.to_thread(process.start)

    await on_a_server_of_its_own(tmp_path, crash)


async def test_a_stopping_api_answers_what_it_took(
    merchant: Merchant, shared_database_url: str, start_api: Callable[..., ApiProcess]
) -> None:
    """SIGTERM under load ends the process in order, and what it answered is there."""
    load = await load_on(merchant)
    process = start_api(shared_database_url)

    async with Api(process.url) as api:
        load.merchant = at(merchant, api)
        async with load.running():
            await load.until_acknowledged(50)
            code = await asyncio.to_thread(process.stop)
    load.merchant = merchant
    await load.finish()

    assert code == 0
    load.assert_kept(shared_database_url)
