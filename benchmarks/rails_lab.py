"""The outside of the benchmarks: an acquirer and a vault beside the api, and what each costs."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import psutil

from app.base import ids
from app.base.publishable import publishable_key
from app.devkit.bench import Dataset, Shop
from app.devkit.bench.client import Client
from app.engine.database import migrations
from app.engine.database.embedded import EmbeddedPostgres
from app.vault import new_master_key
from benchmarks import lab
from benchmarks.lab import ADMIN_KEY, ROOT, Api

CARD = "4242424242424242"
CLI = (sys.executable, "-m", "app.cli")
KEYS = {
    "SUYA_ACQUIRER_KEY": "acquirer-key-of-the-benchmarks",
    "SUYA_ACQUIRER_NOTIFICATION_SECRET": "whsec_" + base64.b64encode(bytes(32)).decode(),
    "SUYA_VAULT_CLIENT_KEY": "client-key-of-the-benchmarks-0000000",
    "SUYA_VAULT_API_KEY": "vault-api-key-of-the-benchmarks-0000",
    "SUYA_VAULT_PROCESSOR_KEY": "processor-key-of-the-benchmarks-0000",
}


class Rails(NamedTuple):
    """Everything a card payment touches."""

    api: Api
    vault: Api
    acquirer: Api
    environ: Mapping[str, str]
    """What an api or a worker is told."""

    def script(self, **script: Any) -> None:
        """Put a script of the acquirer in force, such as `latency_ms=100`."""
        request = urllib.request.Request(  # noqa: S310 - our own process
            f"{self.acquirer.url}/sandbox/faults",
            data=json.dumps(script).encode(),
            method="PUT",
            headers={
                "Authorization": f"Bearer {KEYS['SUYA_ACQUIRER_KEY']}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()


@contextlib.contextmanager
def rails(server: EmbeddedPostgres, **settings: str) -> Iterator[Rails]:
    """An acquirer, a vault and an api that knows them, on an embedded PostgreSQL."""
    migrations.upgrade(server.url)
    migrations.upgrade(server.vault_url, migrations.VAULT)
    port = lab.free_port()
    acquirer_url, home = f"http://127.0.0.1:{port}", str(server.home)
    given = {"SUYA_HOME": home, "SUYA_LOG_LEVEL": "warning"} | KEYS
    outside = given | {"SUYA_ACQUIRER_PORT": str(port), "SUYA_ACQUIRER_URL": acquirer_url}
    vault_port = lab.free_port()
    inside = given | {
        "SUYA_VAULT_DATABASE_URL": server.vault_url,
        "SUYA_VAULT_PORT": str(vault_port),
        "SUYA_VAULT_MASTER_KEY": new_master_key(),
        "SUYA_VAULT_ALLOWED_URLS": acquirer_url,
    }
    told = given | {
        "SUYA_ACQUIRER_URL": acquirer_url,
        "SUYA_VAULT_URL": f"http://127.0.0.1:{vault_port}",
        "SUYA_DATABASE_URL": server.url,
        "SUYA_ADMIN_KEY": ADMIN_KEY,
    }
    told |= settings
    with (
        _serving("acquirer", ("acquirer",), outside, port, "/healthz") as acquirer,
        _serving("vault", ("vault", "serve"), inside, vault_port, "/readyz") as vault,
        lab.serving("suya", lambda _: [*CLI, "serve"], told, "/readyz") as api,
    ):
        yield Rails(api, vault, acquirer, told)


@contextlib.contextmanager
def _serving(
    name: str, words: tuple[str, ...], environ: Mapping[str, str], port: int, path: str
) -> Iterator[Api]:
    """A process whose port is in its own setting."""
    with lab.serving(name, lambda _: [*CLI, *words], environ, path, port=port) as api:
        yield api


@contextlib.contextmanager
def worker(environ: Mapping[str, str], **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A `suya worker` on the same database."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*CLI, "worker"], cwd=ROOT, env={**os.environ, **environ, **settings}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(lab.STOP_S)


async def cards(on: Rails, *, merchants: int, each: int) -> Dataset:
    """Merchants with cards in the vault, registered with the api."""
    client, vault = Client(on.api.endpoint, 8), Client(on.vault.endpoint, 8)
    shops = []
    try:
        for number in range(merchants):
            merchant = await _made(client, "/v1/merchants", ADMIN_KEY, {"name": f"shop {number}"})
            key = await _made(client, "/v1/api_keys", ADMIN_KEY, {"merchant": merchant["id"]})
            pk = publishable_key(
                ids.decode("merchant", merchant["id"]), "test", KEYS["SUYA_VAULT_CLIENT_KEY"]
            )
            tokens = []
            for _ in range(each):
                card = {"number": CARD, "exp_month": 12, "exp_year": 2040}
                tokens.append((await _made(vault, "/tokens", pk, card))["id"])
                body = {"token": tokens[-1]}
                await _made(client, "/v1/payment_methods", key["secret"], body)
            shops.append(Shop(key["secret"], tuple(tokens)))
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


def cpu_s(process: "subprocess.Popen[bytes]") -> float:
    """Seconds of a core that a process and its children have used."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process.pid)
        for member in [family, *family.children(recursive=True)]:
            times = member.cpu_times()
            total += times.user + times.system
    return total
