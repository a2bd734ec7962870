"""A stopping api: first the balancer sees it, then it ends, and no request is cut off."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import httpx
import pytest

from app.base import ids
from tests.support.builders import Merchant, new_merchant
from tests.support.client import Api, done
from tests.support.databases import connect
from tests.support.processes import ADMIN_KEY, ApiProcess, get
from tests.support.steady import Steady

StartApi: TypeAlias = Callable[..., ApiProcess]

_LONG_MS = "60000"  # a notice that no test waits for: whoever ends before was hurried
_POLL_S = 0.02


@asynccontextmanager
async def _merchant(process: ApiProcess) -> AsyncIterator[Merchant]:
    async with Api(process.url, ADMIN_KEY) as admin:
        yield await new_merchant(admin)


async def _readiness(process: ApiProcess) -> int | None:
    """The answer to a check on a new connection; none if nothing listens."""
    try:
        return (await asyncio.to_thread(get, f"{process.url}/readyz")).status_code
    except httpx.TransportError:
        return None


async def _until(process: ApiProcess, readiness: int | None) -> None:
    while await _readiness(process) != readiness:
        await asyncio.sleep(_POLL_S)


async def _ended(process: ApiProcess) -> int:
    return await asyncio.to_thread(process.wait)


async def test_a_stop_fails_no_request(start_api: StartApi, database_url: str) -> None:
    """A client that stops at the 503 of /readyz has all answers, and the exit is clean."""
    process = start_api(database_url, drain_notice_ms=_LONG_MS)
    async with _merchant(process) as merchant:
        wallet = await merchant.wallet(funds=1_000_000)
        steady = Steady([process.url], merchant, wallet)

    async with steady.running():
        await steady.until_answered(20)
        process.send_to_first(signal.SIGTERM)
        await _until(process, 503)
        await steady.until_answered(5)
    process.send_to_first(signal.SIGTERM)  # nobody is left for whom the notice would be

    assert await _ended(process) == 0
    assert steady.count.first == steady.count.asked, steady.count


async def test_the_port_closes_after_the_notice(start_api: StartApi, database_url: str) -> None:
    """A balancer sees 200, then 503, then no listener, in this order."""
    process = start_api(database_url, drain_notice_ms="3000")
    seen = [await _readiness(process)]
    process.send_to_first(signal.SIGTERM)
    while seen[-1] is not None:
        seen.append(await _readiness(process))

    changes = [seen[0], *(b for a, b in itertools.pairwise(seen) if a != b)]
    assert changes == [200, 503, None]
    assert await _ended(process) == 0


async def test_kept_connections_are_given_back(start_api: StartApi, database_url: str) -> None:
    """During the notice every answer says that its connection will not be kept."""
    process = start_api(database_url, drain_notice_ms=_LONG_MS)
    async with _merchant(process) as merchant:
        kept = await merchant.api.get("/v1/payments")
        process.send_to_first(signal.SIGTERM)
        await _until(process, 503)
        last = await merchant.api.get("/v1/payments")

    assert "connection" not in kept.headers
    assert (last.status_code, last.headers["connection"]) == (200, "close")


async def test_what_is_in_hand_is_finished(start_api: StartApi, database_url: str) -> None:
    """A payment that waits for a lock when the notice is over gets its answer all the same."""
    process = start_api(database_url)
    async with _merchant(process) as merchant:
        wallet = await merchant.wallet(funds=1_000)
        with connect(database_url) as other, other.transaction():
            other.execute(
                "SELECT id FROM accounts WHERE id = %s FOR UPDATE", [ids.decode("account", wallet)]
            )
            paying = asyncio.create_task(merchant.send_payment(wallet, 100))
            await _until_somebody_waits(database_url)
            process.send_to_first(signal.SIGTERM)
            await _until(process, None)
            assert not paying.done()
        paid = await paying

    assert done(paid)["status"] == "captured"
    assert await _ended(process) == 0


async def _until_somebody_waits(url: str) -> None:
    with connect(url) as looking:
        while not looking.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall():
            await asyncio.sleep(_POLL_S)


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_hurries(
    start_api: StartApi, database_url: str, again: signal.Signals
) -> None:
    """A second signal skips the rest of the notice."""
    process = start_api(database_url, drain_notice_ms=_LONG_MS)
    process.send_to_first(signal.SIGTERM)
    await _until(process, 503)
    process.send_to_first(again)

    assert await _ended(process) == 0


@pytest.mark.parametrize("group", [True, False])
async def test_ctrl_c_does_not_wait(start_api: StartApi, database_url: str, group: bool) -> None:
    """SIGINT ends the api without a notice, be it sent by a terminal to all or by hand to one."""
    process = start_api(database_url, drain_notice_ms=_LONG_MS)
    (process.send if group else process.send_to_first)(signal.SIGINT)

    assert await _ended(process) == 0


async def test_a_group_that_is_told_is_told_once(start_api: StartApi, database_url: str) -> None:
    """A supervisor that signals each process of the group does not shorten the notice."""
    process = start_api(database_url, drain_notice_ms=_LONG_MS)
    process.send(signal.SIGTERM)
    await _until(process, 503)
    await asyncio.sleep(1)  # the server's own signal to its child has arrived by now

    assert await _readiness(process) == 503


async def test_a_drain_has_an_end(start_api: StartApi, database_url: str) -> None:
    """A request that waits for ever does not keep the process: its client repeats it elsewhere."""
    process = start_api(database_url, drain_timeout_ms="500", lock_timeout_ms="100000")
    async with _merchant(process) as merchant:
        wallet = await merchant.wallet(funds=1_000)
        with connect(database_url) as other, other.transaction():
            other.execute(
                "SELECT id FROM accounts WHERE id = %s FOR UPDATE", [ids.decode("account", wallet)]
            )
            paying = asyncio.create_task(merchant.send_payment(wallet, 100))
            await _until_somebody_waits(database_url)
            process.send_to_first(signal.SIGTERM)
            assert await _ended(process) == 0
        with contextlib.suppress(httpx.TransportError):
            assert (await paying).status_code == 503
