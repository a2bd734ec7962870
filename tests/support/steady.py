"""Payments at a constant rate, each repeated once under its key where it is not answered."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import httpx

from app.base import ids
from tests.support.builders import Merchant, payment
from tests.support.databases import rows

TIMEOUT_S = 30  # above the product's own limit for a request
_AGAIN = {502, 503, 504}
_PAUSE_S = 0.5  # before the one repetition; a Retry-After is at least a second


def count_payments(database_url: str, merchant: Merchant) -> int:
    """How many payments a merchant has; each of a steady client's keys should have made one."""
    [(count,)] = rows(
        database_url,
        "SELECT count(*) FROM payments WHERE merchant_id = %s",
        [ids.decode("merchant", merchant.id)],
    )
    return int(count)


@dataclass(slots=True)
class Count:
    """What became of the requests."""

    asked: int = 0
    first: int = 0
    """Answered at the first try."""
    second: int = 0
    """Answered when repeated."""
    failures: Counter[str] = field(default_factory=Counter)
    """Why first tries were not answered."""
    lost: list[str] = field(default_factory=list)
    """What the second try said, where that failed too."""
    answered_at: list[float] = field(default_factory=list)

    @property
    def longest_gap_s(self) -> float:
        """The longest time in which nothing was answered well."""
        times = sorted(self.answered_at)
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)

    def __str__(self) -> str:
        return (
            f"asked {self.asked}, answered {self.first} at once and {self.second} when repeated, "
            f"lost {len(self.lost)}; first tries failed by {dict(self.failures)}; "
            f"longest gap {self.longest_gap_s:.3f} s"
        )


class Steady:
    """A client that pays one minor unit so many times a second, whatever becomes of it.

    The first address is asked first; the repetition goes to the last.
    """

    def __init__(
        self,
        urls: Sequence[str],
        merchant: Merchant,
        wallet: str,
        *,
        per_s: int = 40,
        pause_s: float = _PAUSE_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.count = Count()
        self._urls = urls
        self._wallet = wallet
        self._pause_s = 1 / per_s
        self._patience_s = pause_s
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP to the loopback; loading certificates is slow
            headers={"authorization": f"Bearer {merchant.api.secret}"},
            limits=httpx.Limits(max_connections=512, max_keepalive_connections=64),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Requests for as long as the block takes; at its end all of them have ended."""
        stop = asyncio.Event()
        task = asyncio.create_task(self._run(stop))
        try:
            yield self
        finally:
            stop.set()
            await task
            await self._client.aclose()
            print(self.count)

    async def until_answered(self, more: int) -> None:
        """Wait until that many requests more have been answered well."""
        goal = len(self.count.answered_at) + more
        while len(self.count.answered_at) < goal:
            await asyncio.sleep(self._pause_s)

    async def _run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as requests:
            while not stop.is_set():
                self.count.asked += 1
                requests.create_task(self._request(f"steady-{self.count.asked}"))
                await asyncio.sleep(self._pause_s)

    async def _request(self, key: str) -> None:
        why = await self._try(self._urls[0], key)
        if why is None:
            self.count.first += 1
        else:
            self.count.failures[why] += 1
            await asyncio.sleep(self._patience_s)
            why = await self._try(self._urls[-1], key)
            if why is not None:
                self.count.lost.append(why)
                return
            self.count.second += 1
        self.count.answered_at.append(time.monotonic())

    async def _try(self, url: str, key: str) -> str | None:
        """Why it was not answered; none if it was."""
        try:
            answer = await self._client.post(
                f"{url}/v1/payments",
                json=payment(self._wallet, 1),
                headers={"idempotency-key": key},
            )
        except httpx.TransportError as error:
            return f"{type(error).__name__}: {error}"
        if answer.status_code in _AGAIN:
            return f"{answer.status_code} {answer.text[:200]}"
        assert answer.status_code == 201, answer.text
        return None
