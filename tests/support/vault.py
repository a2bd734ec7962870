"""A vault as a process, with keys of its own, and what its callers do."""

import contextlib
import time
from pathlib import Path
from typing import Any, Self

import httpx

from app.base import ids
from app.base.publishable import publishable_key
from app.vault import new_master_key
from tests.support.processes import READY_S, Process, free_port, get

CLIENT_KEY = "client-key-of-the-tests-000000000000"
API_KEY = "vault-api-key-of-the-tests-000000000"
PROCESSOR_KEY = "processor-key-of-the-tests-000000000"
_POLL_S = 0.02


class VaultProcess(Process):
    """A `suya vault serve` on a database of its own, on one port for all its lives.

    with VaultProcess(server.new_vault_database(), tmp_path, vault_allowed_urls=acquirer.url) as v:
        v.start()
        token = v.tokenize("4242424242424242", merchant.id)["id"]
        api = ApiProcess(database_url, tmp_path, **v.for_callers())
    """

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        self.port = int(settings.get("vault_port", free_port()))
        self.database_url = database_url
        self.key_file = folder / f"master-{self.port}.key"
        self.write_keys(new_master_key())
        given = {
            "home": str(folder / "home"),
            "vault_database_url": database_url,
            "vault_port": str(self.port),
            "vault_master_key_file": str(self.key_file),
            "vault_client_key": CLIENT_KEY,
            "vault_api_key": API_KEY,
            "vault_processor_key": PROCESSOR_KEY,
            "drain_notice_ms": "0",
        }
        super().__init__(("vault", "serve"), folder / f"vault-{self.port}.log", given | settings)

    @property
    def url(self) -> str:
        """The address of the vault."""
        return f"http://127.0.0.1:{self.port}"

    def for_callers(self) -> dict[str, str]:
        """The settings of an api or worker that works with this vault."""
        names = ("vault_client_key", "vault_api_key", "vault_processor_key")
        return {"vault_url": self.url} | {name: self.settings[name] for name in names}

    def write_keys(self, *keys: str) -> None:
        """Let the master keys be these, the first one the current."""
        fresh = self.key_file.with_suffix(".new")  # a vault never reads half of it
        fresh.touch(mode=0o600)
        fresh.write_text("\n".join(keys), "ascii")
        fresh.replace(self.key_file)

    def start(self, **settings: str) -> Self:
        """Start it, with some settings changed for this life only, and wait until it is ready."""
        self.spawn(**settings)
        deadline = time.monotonic() + READY_S
        while not self.is_ready():
            if not self.is_running or time.monotonic() > deadline:
                said = self.log()
                self.kill()
                raise AssertionError(f"the vault did not get ready; its log ends:\n{said}")
            time.sleep(_POLL_S)
        return self

    def is_ready(self) -> bool:
        """Whether it answers /readyz by 200."""
        with contextlib.suppress(httpx.TransportError):
            return get(f"{self.url}/readyz").status_code == 200
        return False

    def publishable_key(self, merchant: str, mode: str = "test") -> str:
        """The `pk_...` of a merchant (`mer_...`)."""
        return publishable_key(ids.decode("merchant", merchant), mode, CLIENT_KEY)

    def post(self, path: str, key: str, body: Any, **headers: str) -> httpx.Response:
        """The answer to a request under a key."""
        with httpx.Client(timeout=30, trust_env=False, verify=False) as client:  # noqa: S501
            return client.post(
                f"{self.url}{path}",
                json=body,
                headers={"authorization": f"Bearer {key}"}
                | {name.replace("_", "-"): value for name, value in headers.items()},
            )

    def tokenize(self, number: str, merchant: str, **fields: Any) -> dict[str, Any]:
        """The token of a card of a merchant (`mer_...`); other fields as in POST /tokens."""
        answer = self.post("/tokens", self.publishable_key(merchant), card(number, **fields))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def forward(self, token: str, merchant: str, url: str, **fields: Any) -> httpx.Response:
        """The answer to POST /forward; the body asks for the number unless `body` is given."""
        body = '{"number": "{{number}}", "cvc": "{{cvc}}"}'
        ask = {"token": token, "merchant": merchant, "url": url, "body": body} | fields
        return self.post("/forward", PROCESSOR_KEY, ask)


def card(number: str, **fields: Any) -> dict[str, Any]:
    """The body of POST /tokens."""
    return {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"} | fields
