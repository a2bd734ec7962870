"""The merchants, keys, wallets and money of a run, made through the public API.

Wallets are spread evenly over the merchants. Each has far more than any run can spend, so that a
refusal in a report is a finding and not an empty wallet.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import TypeVar

import msgspec

from app.devkit.bench.client import Client

T = TypeVar("T")

CURRENCY = "USD"
FEE_BPS, FEE_FIXED_MINOR = 290, 30  # a usual card fee; it matters only that a fee entry is written
WALLET_FUNDS_MINOR = 10**12  # 10**9 payments of the largest amount, and far below 2**53
PAGE_LIMIT = 100  # the largest page the API gives
_WALLETS_AT_ONCE = 64  # enough to fill commits; more would only wait


class PreparationFailed(Exception):
    """The API refused something that the run needs; the message quotes its answer."""


class BenchShop(msgspec.Struct, frozen=True):
    """One merchant with its key and the wallets of its customers."""

    secret: str
    """API key, sk_test_..."""
    wallets: tuple[str, ...]
    """The payers: account ids, acct_..., or cards, pm_..."""


class Dataset(msgspec.Struct, frozen=True):
    """The accounts and keys of the payments; the first merchant is the one that may be hot."""

    shops: tuple[BenchShop, ...]

    @property
    def wallet_count(self) -> int:
        """Wallets over all merchants."""
        return sum(len(shop.wallets) for shop in self.shops)

    def only_one_wallet(self) -> "Dataset":
        """The same with a single wallet, which then pays everything."""
        first = self.shops[0]
        return Dataset((BenchShop(first.secret, first.wallets[:1]),))


class _Created(msgspec.Struct):
    id: str


class _Key(msgspec.Struct):
    secret: str


class _Account(msgspec.Struct):
    id: str
    currency: str
    kind: str


class _Accounts(msgspec.Struct):
    data: list[_Account]
    has_more: bool


Progress = Callable[[int], None]
"""Called with how many more wallets are ready."""


def _ignore(_: int) -> None:
    pass


async def prepare(
    client: Client, admin_key: str, *, merchants: int, accounts: int, progress: Progress = _ignore
) -> Dataset:
    """Create merchants, each with a key and its part of `accounts` funded wallets.

    Raises:
        PreparationFailed: the API refused.
        OSError: it is not reachable.
    """
    run = uuid.uuid4().hex[:8]
    secrets = [
        await _open_merchant(client, admin_key, f"bench {run} {n}") for n in range(merchants)
    ]
    shares = [accounts // merchants + (n < accounts % merchants) for n in range(merchants)]
    shops = [
        BenchShop(secret, tuple(await _open_wallets(client, secret, share, progress)))
        for secret, share in zip(secrets, shares, strict=True)
    ]
    return Dataset(tuple(shop for shop in shops if shop.wallets))


async def adopt(
    client: Client, secret: str, *, accounts: int, progress: Progress = _ignore
) -> Dataset:
    """Use the wallets of the merchant behind `secret`, and add some up to `accounts`.

    Raises: as `prepare`.
    """
    wallets: list[str] = []
    after = ""
    while len(wallets) < accounts:
        path = f"/v1/accounts?limit={PAGE_LIMIT}" + (f"&starting_after={after}" if after else "")
        page = await _ask(client, "GET", path, secret, _Accounts)
        found = [
            account.id
            for account in page.data
            if account.kind == "customer_wallet" and account.currency == CURRENCY
        ]
        wallets += found
        progress(len(found))
        if not page.has_more or not page.data:
            break
        after = page.data[-1].id
    wallets += await _open_wallets(client, secret, max(0, accounts - len(wallets)), progress)
    return Dataset((BenchShop(secret, tuple(wallets[:accounts])),))


async def _open_merchant(client: Client, admin_key: str, name: str) -> str:
    """Open a merchant and return the secret of its new key."""
    body = {"name": name, "mode": "test", "fee_bps": FEE_BPS, "fee_fixed": FEE_FIXED_MINOR}
    merchant = await _ask(client, "POST", "/v1/merchants", admin_key, _Created, body=body)
    body = {"merchant": merchant.id, "name": "bench", "scopes": ["read", "write"]}
    return (await _ask(client, "POST", "/v1/api_keys", admin_key, _Key, body=body)).secret


async def _open_wallets(client: Client, secret: str, count: int, progress: Progress) -> list[str]:
    """Open and fund `count` wallets, many at a time."""
    at_once = asyncio.Semaphore(_WALLETS_AT_ONCE)

    async def open_wallet(number: int) -> str:
        async with at_once:
            body: object = {"currency": CURRENCY, "customer": f"bench-{number}"}
            wallet = (await _ask(client, "POST", "/v1/accounts", secret, _Created, body=body)).id
            body = {"account": wallet, "amount": WALLET_FUNDS_MINOR, "currency": CURRENCY}
            await _ask(client, "POST", "/v1/deposits", secret, _Created, body=body)
        progress(1)
        return wallet

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(open_wallet(number)) for number in range(count)]
    except ExceptionGroup as failures:  # one refusal says as much as a thousand equal ones
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _ask(
    client: Client, method: str, path: str, token: str, answer: type[T], *, body: object = None
) -> T:
    """Call the API, and decode an answer that has to be a success."""
    status, raw = await client.call(
        method,
        path,
        token,
        body=None if body is None else msgspec.json.encode(body),
        key="" if body is None else uuid.uuid4().hex,
    )
    if status not in {200, 201}:
        reason = raw.decode(errors="replace")[:500]
        raise PreparationFailed(f"{method} {path} was answered with {status}: {reason}")
    return msgspec.json.decode(raw, type=answer)
