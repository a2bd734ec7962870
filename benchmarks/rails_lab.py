"""The outside of the benchmarks: an acquirer and a vault beside the api, and what each costs."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import psutil

from app.base import ids
from app.base.publishable import publishable_key
from app.devkit import stack
from app.devkit.bench import BenchShop, Dataset
from app.devkit.bench.client import Client
from app.engine.database import migrations
from app.engine.database.embedded import EmbeddedPostgres
from benchmarks import lab
from benchmarks.lab import ADMIN_KEY, Api

CARD = "4242424242424242"
KEYS = stack.new_acquirer_keys() | stack.new_vault_keys()


class Rails(NamedTuple):
    """Everything a card payment touches."""

    api: Api
    vault: Api
    acquirer: Api
    told: Mapping[str, str]
    """The settings of an api or a worker."""

    def script(self, **script: Any) -> None:
        """Put a script of the acquirer in force, such as `latency_ms=100`."""
        self.acquirer.process.caller(KEYS["acquirer_key"]).put("/sandbox/faults", script)


@contextlib.contextmanager
def rails(server: EmbeddedPostgres, **settings: str) -> Iterator[Rails]:
    """An acquirer, a vault and an api that knows them, on an embedded PostgreSQL."""
    migrations.upgrade(server.vault_url, migrations.VAULT)
    given = {"home": str(server.home), "log_level": "warning"} | KEYS
    with lab.logs() as folder:
        outside = stack.Acquirer(folder, given, inherits=os.environ)
        inside = stack.Vault(
            folder,
            given
            | {
                "vault_database_url": server.vault_url,
                "vault_address_cards_per_h": "36000",  # all shops' cards come from one address
            }
            | outside.for_vault(),
            key_file=folder / "vault.key",
            inherits=os.environ,
        )
        told = given | inside.for_callers() | outside.for_callers() | settings
        with (
            lab.serving(outside) as acquirer,
            lab.serving(inside) as vault,
            lab.suya_at(server.url, **told) as api,
        ):
            yield Rails(api, vault, acquirer, api.process.settings)


@contextlib.contextmanager
def worker(told: Mapping[str, str]) -> Iterator[stack.Worker]:
    """A `suya worker` on the same database."""
    process = stack.Worker(None, told, inherits=os.environ)
    try:
        process.spawn()
        yield process
    finally:
        lab.stop(process)


async def cards(on: Rails, *, merchants: int, each: int) -> Dataset:
    """Merchants with cards in the vault, registered with the api."""
    client, vault = Client(on.api.endpoint, 8), Client(on.vault.endpoint, 8)
    shops = []
    try:
        for number in range(merchants):
            merchant = await _made(client, "/v1/merchants", ADMIN_KEY, {"name": f"shop {number}"})
            key = await _made(client, "/v1/api_keys", ADMIN_KEY, {"merchant": merchant["id"]})
            pk = publishable_key(
                ids.decode("merchant", merchant["id"]), "test", KEYS["vault_client_key"]
            )
            tokens = []
            for _ in range(each):
                card = {"number": CARD, "exp_month": 12, "exp_year": 2040}
                tokens.append((await _made(vault, "/tokens", pk, card))["id"])
                body = {"token": tokens[-1]}
                await _made(client, "/v1/payment_methods", key["secret"], body)
            shops.append(BenchShop(key["secret"], tuple(tokens)))
    finally:
        client.close()
        vault.close()
    return Dataset(tuple(shops))


async def _made(client: Client, path: str, token: str, body: Any) -> dict[str, Any]:
    key = os.urandom(16).hex()
    status, raw = await client.call("POST", path, token, body=json.dumps(body).encode(), key=key)
    if status not in {200, 201}:
        raise RuntimeError(f"POST {path} was answered {status}: {raw[:300]!r}")
    return dict(json.loads(raw))


def cpu_s(process: stack.Process) -> float:
    """Seconds of a core that a process and its children have used."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        for member in process.tree():
            times = member.cpu_times()
            total += times.user + times.system
    return total
