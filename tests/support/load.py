"""Load with a memory: what was asked, what was acknowledged, and what nobody knows yet."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx

from app.base import ids
from tests.support.builders import Merchant
from tests.support.databases import rows

_PAUSE_S = 0.05  # between tries while nobody listens
_TRIES_MAX = 400
_UNANSWERED_MAX = 3  # per client: during an outage it repeats instead of asking for more


class Load:
    """Clients that pay from a merchant's wallets, each payment under a key of its own.

    A client whose request fails goes on with others; `finish` repeats what has no answer.
    """

    def __init__(
        self,
        merchant: Merchant,
        wallets: Sequence[str],
        clients: int = 16,
        *,
        pause_s: float = 0,
    ) -> None:
        """`pause_s` is a client's, after each answer, for tests that need no pressure."""
        self._pause_s = pause_s
        self.merchant = merchant
        self.wallets = wallets
        self.clients = clients
        self.asked: dict[str, int] = {}
        """Key -> amount."""
        self.acknowledged: dict[str, dict[str, Any]] = {}
        """Key -> the payment as the client was told."""
        self.failures: list[str] = []
        """What clients were told, or saw, instead of an answer."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load for as long as the block takes."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self._client(n, stop)) for n in range(self.clients)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def until_acknowledged(self, count: int) -> None:
        """Wait until that many payments more have been acknowledged."""
        goal = len(self.acknowledged) + count
        while len(self.acknowledged) < goal:
            await asyncio.sleep(_PAUSE_S / 10)

    async def finish(self, merchant: Merchant | None = None) -> None:
        """Repeat everything that has no answer, with the same keys, until it has one."""
        left = [key for key in self.asked if key not in self.acknowledged]
        for _ in range(_TRIES_MAX):
            await asyncio.gather(*[self._try(key, merchant or self.merchant) for key in left])
            left = [key for key in left if key not in self.acknowledged]
            if not left:
                return
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError(f"{len(left)} payments are never answered")

    def assert_kept(self, database_url: str) -> None:
        """What was acknowledged is in the database as it was told, and every key acted once."""
        found = rows(
            database_url,
            """
            SELECT k.key, p.id, p.amount_minor, p.status
              FROM idempotency_keys AS k
              JOIN payments AS p
                ON p.region = k.region AND p.merchant_id = k.merchant_id
               AND p.metadata ->> 'key' = k.key
             WHERE k.merchant_id = %s AND k.request LIKE 'POST /v1/payments %%'
            """,
            [ids.decode("merchant", self.merchant.id)],
        )
        kept = [
            (key, ids.encode("payment", id_), amount, status) for key, id_, amount, status in found
        ]
        told = [
            (key, payment["id"], payment["amount"], payment["status"])
            for key, payment in self.acknowledged.items()
        ]
        assert sorted(kept) == sorted(told)
        assert {key: payment["amount"] for key, payment in self.acknowledged.items()} == self.asked

    async def assert_balances(self, funds: int) -> None:
        """Each wallet, funded with as much, has paid what was acknowledged and nothing else."""
        spent = dict.fromkeys(self.wallets, 0)
        for payment in self.acknowledged.values():
            spent[payment["payment_method"]["account"]] += payment["amount"]
        for wallet, amount in spent.items():
            assert await self.merchant.available(wallet) == funds - amount

    async def _client(self, number: int, stop: asyncio.Event) -> None:
        turn = 0
        unanswered: list[str] = []
        while not stop.is_set():
            if len(unanswered) == _UNANSWERED_MAX:
                key = unanswered.pop(0)
            else:
                key = f"client-{number}-{turn}"
                self.asked[key] = 1 + (number * 31 + turn) % 97
                turn += 1
            if not await self._try(key, self.merchant):
                unanswered.append(key)
                await asyncio.sleep(_PAUSE_S)
            await asyncio.sleep(self._pause_s)

    async def _try(self, key: str, merchant: Merchant) -> bool:
        wallet = self.wallets[hash_of(key) % len(self.wallets)]
        try:
            answer = await merchant.send_payment(
                wallet, self.asked[key], key=key, metadata={"key": key}
            )
        except httpx.TransportError as error:
            self.failures.append(repr(error))
            return False
        if answer.status_code == 503:
            self.failures.append(answer.text)
            assert answer.json()["retry"] == "same_key", answer.text
            return False
        assert answer.status_code == 201, answer.text
        earlier = self.acknowledged.setdefault(key, answer.json())
        assert earlier == answer.json()
        return True


def hash_of(key: str) -> int:
    """A number that is the same in every run."""
    return sum(key.encode())
