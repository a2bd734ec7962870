"""A vault as a process, with keys of its own, and what its callers do."""

from pathlib import Path
from typing import Any

import httpx

from app.base import ids
from app.base.publishable import publishable_key
from app.devkit import stack
from tests.support.processes import Process, free_port

CLIENT_KEY = "client-key-of-the-tests-000000000000"
API_KEY = "vault-api-key-of-the-tests-000000000"
PROCESSOR_KEY = "processor-key-of-the-tests-000000000"
# All tests are one address, and many are one merchant; what tests the limits sets its own.
PLENTY = {f"vault_{name}_cards_per_h": "10000000" for name in ("address", "key", "merchant", "bin")}


class VaultProcess(Process, stack.Vault):
    """A `suya vault serve` on a database of its own, on one port for all its lives.

    with VaultProcess(server.new_vault_database(), tmp_path, vault_allowed_urls=acquirer.url) as v:
        v.start()
        token = v.tokenize("4242424242424242", merchant.id)["id"]
        api = ApiProcess(database_url, tmp_path, **v.for_callers())
    """

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        port = settings.get("vault_port") or str(free_port())
        self.database_url = database_url
        given = {
            "home": str(folder / "home"),
            "vault_database_url": database_url,
            "vault_port": port,
            "vault_client_key": CLIENT_KEY,
            "vault_api_key": API_KEY,
            "vault_processor_key": PROCESSOR_KEY,
            "drain_notice_ms": "0",
            **PLENTY,
        }
        key_file = folder / f"master-{port}.key"
        super().__init__(folder, given | settings, key_file=key_file, name=f"vault {port}")

    def publishable_key(self, merchant: str, mode: str = "test", generation: int = 1) -> str:
        """The `pk_...` of a merchant (`mer_...`)."""
        return publishable_key(ids.decode("merchant", merchant), mode, CLIENT_KEY, generation)

    def post(self, path: str, key: str, body: Any, **headers: str) -> httpx.Response:
        """The answer to a request under a key."""
        with httpx.Client(timeout=30, trust_env=False, verify=False) as client:  # noqa: S501
            return client.post(
                f"{self.url}{path}",
                json=body,
                headers={"authorization": f"Bearer {key}"}
                | {name.replace("_", "-"): value for name, value in headers.items()},
            )

    def ask(
        self, path: str, merchant: str, *, key: str = API_KEY, asker: str = "key_1", **headers: str
    ) -> httpx.Response:
        """The answer about a token (or `pm_.../same`) of a merchant, with the api's key."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(
            f"{self.url}/tokens/{path}",
            params={"merchant": merchant, "key": asker},
            headers={"authorization": f"Bearer {key}"} | given,
            timeout=30,
        )

    def tokenize(self, number: str, merchant: str, **fields: Any) -> dict[str, Any]:
        """The token of a card of a merchant (`mer_...`); other fields as in POST /tokens."""
        answer = self.post("/tokens", self.publishable_key(merchant), card(number, **fields))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def forward(self, token: str, merchant: str, **more: Any) -> httpx.Response:
        """The answer to POST /forward: an authorization at the acquirer unless `more` says else."""
        ask = {
            "token": token,
            "merchant": merchant,
            "processor": "acquirer",
            "operation": "authorize",
            "fields": authorization(),
        }
        return self.post("/forward", PROCESSOR_KEY, ask | more)


def authorization(**fields: Any) -> dict[str, Any]:
    """The fields of an authorization at the acquirer."""
    reference = ids.encode("payment", ids.new())
    given = {"reference": reference, "amount": 1234, "currency": "EUR", "capture": False}
    return given | fields


def card(number: str, **fields: Any) -> dict[str, Any]:
    """The body of POST /tokens."""
    return {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"} | fields
