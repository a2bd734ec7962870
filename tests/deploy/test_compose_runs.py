"""The settings of the compose file are enough to charge a card, here without Docker."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.acquirer import ANSWER_S, AcquirerProcess
from tests.support.balancer import Door
from tests.support.builders import new_merchant
from tests.support.client import Api, done
from tests.support.compose import make_secrets, told
from tests.support.databases import Server
from tests.support.processes import ApiProcess, free_port
from tests.support.rails import card_payment
from tests.support.vault import VaultProcess, card

_PLACES = {
    "database_url", "host", "metrics_port", "region", "vault_url", "vault_public_url",
    "vault_database_url", "vault_acquirer_url", "acquirer_url", "acquirer_host",
    "acquirer_public_url", "acquirer_notify_url",
}  # fmt: skip
"""Settings that say where something is, which is elsewhere here."""


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """Fresh ones."""
    return make_secrets(tmp_path / ".env")


def _settings(service: str, secrets: dict[str, str]) -> dict[str, str]:
    """The settings of a service, but for places."""
    named = {
        key.removeprefix("SUYA_").lower(): text for key, text in told(service, secrets).items()
    }
    return {name: text for name, text in named.items() if name not in _PLACES}


@pytest.fixture
def acquirer(secrets: dict[str, str], tmp_path: Path, api_port: int) -> Iterator[AcquirerProcess]:
    """The acquirer, which sends its notifications to the api."""
    url = f"http://127.0.0.1:{api_port}/v1/notifications/acquirer"
    process = AcquirerProcess(tmp_path, notify_url=url)
    process.settings |= _settings("acquirer", secrets)
    process.key = secrets["SUYA_ACQUIRER_KEY"]
    with process:
        yield process.start()


@pytest.fixture
def api_port() -> int:
    """The api's port, which the acquirer needs before the api starts."""
    return free_port()


@pytest.fixture
def vault(
    server: Server, secrets: dict[str, str], tmp_path: Path, acquirer: AcquirerProcess
) -> Iterator[VaultProcess]:
    """The service of that name."""
    process = VaultProcess(
        server.new_vault_database(),
        tmp_path,
        vault_acquirer_url=acquirer.url,
        **_settings("vault", secrets),
    )
    del process.settings["vault_master_key_file"]  # it is told the key itself
    with process:
        yield process.start()


@pytest.fixture
def api(
    start_api: Callable[..., ApiProcess],
    database_url: str,
    api_port: int,
    secrets: dict[str, str],
    acquirer: AcquirerProcess,
    vault: VaultProcess,
) -> ApiProcess:
    """One of the apis."""
    return start_api(
        database_url,
        port=str(api_port),
        acquirer_url=acquirer.url,
        vault_url=vault.url,
        **_settings("api-eu", secrets),
    )


async def test_a_card_is_left_and_charged(
    api: ApiProcess,
    vault: VaultProcess,
    acquirer: AcquirerProcess,
    secrets: dict[str, str],
    tmp_path: Path,
) -> None:
    """A card comes in by the door, is charged at the acquirer, and its notification is accepted."""
    async with Api(api.url, secrets["SUYA_ADMIN_KEY"]) as admin:
        merchant = await new_merchant(admin)
        found = done(await merchant.api.get("/v1/payment_methods/key"))
        key = f"Bearer {found['publishable_key']}"
        with Door(vault, tmp_path) as door, httpx.Client(headers={"authorization": key}) as page:
            door.open()
            left = page.post(f"{door.url}/tokens", json=card("4242424242424242"))
        body = card_payment(str(left.json()["id"]), 1_250)
        paid = done(await merchant.api.post("/v1/payments", body), 201)

    assert paid["status"] == "captured"
    assert acquirer.authorization(paid["id"])["captured_amount"] == 1_250
    acquirer.open_dispute(paid["id"])
    assert _deliveries(acquirer) == {"delivered"}


def _deliveries(acquirer: AcquirerProcess) -> set[str]:
    """The states of its notifications: one that the api refuses is never delivered."""
    deadline = time.monotonic() + ANSWER_S
    while (found := acquirer.ask("GET", "/sandbox/notifications"))["waiting"]:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return {one["state"] for one in found["data"]}
