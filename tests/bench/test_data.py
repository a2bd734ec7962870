"""The merchants and wallets of a run, made through the API."""

import itertools
import json

import pytest

from app.devkit.bench import BenchShop, Client, Dataset, Endpoint, PreparationFailed, adopt, prepare
from tests.bench.server import Request, answer, serving

_KEYS = itertools.count(1)


async def _api(request: Request) -> bytes:
    """As much of the API as preparation uses; ids count up."""
    number = next(_KEYS)
    made = {
        "/v1/merchants": {"id": f"mer_{number}"},
        "/v1/api_keys": {"id": f"key_{number}", "secret": f"sk_{number}"},
        "/v1/accounts": {"id": f"acct_{number}"},
        "/v1/deposits": {"id": f"trf_{number}"},
    }
    return answer(201, json.dumps(made[request.path]).encode())


async def test_wallets_are_spread_evenly_and_funded() -> None:
    """Every merchant gets its part of the wallets, and every wallet gets money."""
    ready: list[int] = []
    async with serving(_api) as server:
        client = Client(Endpoint(server.url), 4)
        dataset = await prepare(
            client, "admin-key", merchants=3, accounts=10, progress=ready.append
        )
        client.close()

    wallets = [wallet for shop in dataset.shops for wallet in shop.wallets]
    deposits = [json.loads(r.body) for r in server.requests if r.path == "/v1/deposits"]
    assert [len(shop.wallets) for shop in dataset.shops] == [4, 3, 3]
    assert sorted(deposit["account"] for deposit in deposits) == sorted(wallets)
    assert sum(ready) == dataset.wallet_count == 10
    assert all(r.headers["idempotency-key"] for r in server.requests)


async def test_a_refusal_is_quoted() -> None:
    """Preparation stops at the first refusal and says what the API said."""

    async def respond(request: Request) -> bytes:
        if request.path == "/v1/deposits":
            return answer(403, b'{"code":"not_in_production"}')
        return await _api(request)

    async with serving(respond) as server:
        client = Client(Endpoint(server.url), 4)
        with pytest.raises(PreparationFailed, match=r"/v1/deposits .* 403: .*not_in_production"):
            await prepare(client, "admin-key", merchants=1, accounts=5)
        client.close()


async def test_a_merchants_own_wallets_are_used() -> None:
    """Pages are followed, other accounts and currencies are left alone, and the rest is opened."""
    pages = {
        "/v1/accounts?limit=100": {
            "data": [
                {"id": "acct_a", "kind": "customer_wallet", "currency": "USD"},
                {"id": "acct_b", "kind": "merchant_available", "currency": "USD"},
                {"id": "acct_c", "kind": "customer_wallet", "currency": "JPY"},
            ],
            "has_more": True,
        },
        "/v1/accounts?limit=100&starting_after=acct_c": {
            "data": [{"id": "acct_d", "kind": "customer_wallet", "currency": "USD"}],
            "has_more": False,
        },
    }

    async def respond(request: Request) -> bytes:
        if request.method == "GET":
            return answer(200, json.dumps(pages[request.path]).encode())
        return await _api(request)

    async with serving(respond) as server:
        client = Client(Endpoint(server.url), 4)
        dataset = await adopt(client, "sk_mine", accounts=4)
        client.close()

    [shop] = dataset.shops
    assert shop.secret == "sk_mine"  # noqa: S105 - not a secret
    assert shop.wallets[:2] == ("acct_a", "acct_d")
    assert len(shop.wallets) == 4


def test_one_wallet_can_pay_everything() -> None:
    """The narrowest load there is has one merchant and one wallet left."""
    dataset = Dataset((BenchShop("sk_1", ("acct_1", "acct_2")), BenchShop("sk_2", ("acct_3",))))

    assert dataset.only_one_wallet() == Dataset((BenchShop("sk_1", ("acct_1",)),))
