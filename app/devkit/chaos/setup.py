"""The merchants, wallets and money of a run, made through the api and written into its history."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from app.base import clock
from app.devkit.chaos.client import RetryingClient
from app.devkit.chaos.history import History
from app.devkit.chaos.load import Stall
from app.devkit.chaos.model import Attempt, Operation, Outcome, Request, Shop

CURRENCY = "USD"
PREPARATION = "preparation"
FEE_BPS, FEE_FIXED_MINOR = 290, 30  # a usual card fee
STALLS = 3
HOT_WALLETS = 3  # of each merchant; half of all requests use them
COLD_WALLETS = 40
RICH_MINOR = 10**9  # more than any run spends
POOR_MINOR = 2_000  # enough for some payments, then refusals
_POOR_EVERY = 4  # of the cold wallets
_WALLETS_AT_ONCE = 16  # so that they share commits


class NotPrepared(Exception):
    """The api refused something that the run needs; the message quotes its answer."""


class Setup:
    """Prepares a run. Deposits are recorded like any request; the rest is not about money."""

    def __init__(
        self,
        client: RetryingClient,
        aside: RetryingClient,
        history: History,
        name: Callable[[], str],
    ) -> None:
        """Take the client of the run, and one whose requests are not recorded."""
        self._client = client
        self._aside = aside
        self._history = history
        self._name = name

    async def shop(self, admin_key: str, number: int) -> tuple[Shop, str]:
        """A new merchant and the secret of its key."""
        made = await self._make(
            admin_key,
            "/v1/merchants",
            {
                "name": f"chaos {number}",
                "fee_bps": FEE_BPS,
                "fee_fixed": FEE_FIXED_MINOR,
            },
        )
        key = await self._make(admin_key, "/v1/api_keys", {"merchant": made["id"]})
        return Shop(made["id"], made["home_region"], FEE_BPS, FEE_FIXED_MINOR), key["secret"]

    async def stall(self, shop: Shop, secret: str, cards: Mapping[str, str]) -> Stall:
        """Create the wallets of a merchant's customers, with money, and the merchant's cards."""
        at_once = asyncio.Semaphore(_WALLETS_AT_ONCE)
        funds = [RICH_MINOR] * HOT_WALLETS
        funds += [RICH_MINOR if n % _POOR_EVERY else POOR_MINOR for n in range(COLD_WALLETS)]

        async def wallet(funds_minor: int) -> str:
            async with at_once:
                return await self._wallet(shop, secret, funds_minor)

        wallets = await asyncio.gather(*map(wallet, funds))
        hot, cold = wallets[:HOT_WALLETS], wallets[HOT_WALLETS:]
        return Stall(shop.merchant, secret, hot, cold, dict(cards))

    async def _wallet(self, shop: Shop, secret: str, funds_minor: int) -> str:
        wallet = str((await self._make(secret, "/v1/accounts", {"currency": CURRENCY}))["id"])
        body = {"account": wallet, "amount": funds_minor, "currency": CURRENCY}
        now = clock.monotonic()
        request = Request(
            key=self._name(),
            operation=Operation.DEPOSIT,
            merchant=shop.merchant,
            path="/v1/deposits",
            body=body,
            phase=PREPARATION,
            due_at=now,
            sent_at=now,
        )
        self._history.add(request)
        answer = await self._client.decide(request, msgspec.json.encode(body), secret)
        _require(request.path, answer)
        return wallet

    async def _make(self, secret: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Create an object without money, whose request is not recorded."""
        now = clock.monotonic()
        request = Request(self._name(), Operation.READ, "", path, body, PREPARATION, now, now)
        answer = await self._aside.decide(request, msgspec.json.encode(body), secret)
        return _require(path, answer)


def _require(path: str, answer: Attempt | None) -> dict[str, Any]:
    if answer is None or answer.outcome is not Outcome.ACKNOWLEDGED:
        said = "no answer" if answer is None else f"{answer.status} {answer.body[:300]}"
        raise NotPrepared(f"The run cannot be prepared: {path} got {said}.")
    made: dict[str, Any] = msgspec.json.decode(answer.body)
    return made


def names(prefix: str) -> Callable[[], str]:
    """Keys that no other run uses: `<prefix>-1`, `<prefix>-2` ..."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"
