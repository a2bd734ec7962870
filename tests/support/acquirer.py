"""A `suya acquirer` for tests: the sandbox process, how to ask it, and how to break it.

with AcquirerProcess(tmp_path).start() as acquirer:
    acquirer.fail_next("500_after", operation="capture")
    acquirer.authorize("pay_1", 1200)
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from app.devkit import stack
from tests.support.processes import Process, free_port

KEY = "acquirer-key-of-the-tests"
SECRET = "whsec_dGhlIGFjcXVpcmVyJ3Mgc2VjcmV0IG9mIHRoZSB0ZXN0cw=="  # noqa: S105 - of the tests
CARD = "4242424242424242"
ANSWER_S = 30  # longer than any answer takes that is not held back on purpose


class AcquirerProcess(Process, stack.Acquirer):
    """A `suya acquirer` with its own file, on one port for all its lives."""

    def __init__(self, folder: Path, *, notify_url: str | None = None, **settings: str) -> None:
        """Prepare it; settings are named without their `acquirer_`, such as `latency_ms="100"`."""
        given = {
            "port": str(free_port()),
            "key": KEY,
            "notification_secret": SECRET,
            "file": str(folder / "acquirer.sqlite"),
        }
        if notify_url is not None:
            given["notify_url"] = notify_url
        named = {f"acquirer_{name}": value for name, value in (given | settings).items()}
        super().__init__(folder, {"home": str(folder)} | named)
        self.key, self.secret = KEY, SECRET
        self._client: httpx.Client | None = None

    @property
    def settings_of_callers(self) -> dict[str, str]:
        """What a process of the platform is told, so that it reaches this one."""
        keys = {"acquirer_key": self.key, "acquirer_notification_secret": self.secret}
        return self.for_callers() | keys

    def spawn(self, launch: stack.Launch | None = None, /, **settings: str) -> None:
        """Start it, as every process; its client is there before threads share it."""
        super().spawn(launch, **settings)
        _ = self.client

    @property
    def client(self) -> httpx.Client:
        """Connections to it, with its key."""
        if self._client is None:
            self._client = httpx.Client(
                base_url=self.url,
                headers={"authorization": f"Bearer {self.key}"},
                timeout=ANSWER_S,
                trust_env=False,
                verify=False,  # noqa: S501 - it is on the loopback, and certificates take long
            )
        return self._client

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        """What it answers, which must be 200."""
        answer = self.client.request(method, path, json=body, **more)
        assert answer.status_code == 200, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    def authorize(
        self, reference: str, amount_minor: int, *, fault: str | None = None, **fields: Any
    ) -> dict[str, Any]:
        """An authorization by the test card; `fields` change the request."""
        headers = {} if fault is None else {"sandbox-fault": fault}
        body = authorization(reference, amount_minor, **fields)
        return self.ask("POST", "/v1/authorizations", body, headers=headers)

    def authorization(self, reference: str) -> dict[str, Any]:
        """An authorization as it is."""
        return self.ask("GET", f"/v1/authorizations/{reference}")

    def capture(
        self, authorization: str, reference: str, amount_minor: int, *, final: bool = False
    ) -> dict[str, Any]:
        """Take a part of an authorization."""
        body = {"reference": reference, "amount": amount_minor, "final": final}
        return self.ask("POST", f"/v1/authorizations/{authorization}/captures", body)

    def reverse(
        self, authorization: str, reference: str, *, refund_captured: bool = False
    ) -> dict[str, Any]:
        """End an authorization, which need not have arrived."""
        body = {"reference": reference, "refund_captured": refund_captured}
        return self.ask("POST", f"/v1/authorizations/{authorization}/reversals", body)

    def refund(self, authorization: str, reference: str, amount_minor: int) -> dict[str, Any]:
        """Give captured money back."""
        body = {"reference": reference, "authorization": authorization, "amount": amount_minor}
        return self.ask("POST", "/v1/refunds", body)

    def records(self, kind: str, **filters: str) -> list[dict[str, Any]]:
        """Everything of a kind (`authorizations`, `captures` ...), page by page."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"after": found[-1]["id"]} if found else {}
            query = {"kind": kind, "limit": "1000"} | filters | after
            page = self.ask("GET", "/v1/records", params=query)
            found += page["data"]
            if not page["has_more"]:
                return found

    def script(self, **script: Any) -> None:
        """Put a script in force: `latency_ms=5000`, `down=True`, `error_rate=0.1`; none: none."""
        self.ask("PUT", "/sandbox/faults", script)

    def fail_next(self, fault: str, *, operation: str = "any", times: int = 1) -> None:
        """Have the next requests of a kind fail."""
        shot = {"fault": fault, "operation": operation, "times": times}
        self.ask("POST", "/sandbox/faults/next", shot)

    def advance(self, *, days: int = 0, seconds: int = 0) -> None:
        """Move its clock; what happens on the way has happened afterwards."""
        self.ask("POST", "/sandbox/clock", {"advance_s": days * 86_400 + seconds})

    def answer_challenge(self, action_url: str, *, approve: bool = True) -> None:
        """Be the payer on a 3-D Secure page."""
        decision = {"decision": "approve" if approve else "refuse"}
        answer = self.client.post(action_url, data=decision)
        assert answer.status_code == 200, answer.text

    def open_dispute(self, authorization: str) -> dict[str, Any]:
        """Have the payer dispute what is captured."""
        return self.ask("POST", "/sandbox/disputes", {"authorization": authorization})

    def decide_dispute(self, dispute_id: str, outcome: str) -> dict[str, Any]:
        """Have the payer's bank decide: `won` or `lost`."""
        path = f"/sandbox/disputes/{dispute_id}/decide"
        return self.ask("POST", path, {"outcome": outcome})

    def arrive(self, bank_transfer: str, amount_minor: int | None = None) -> dict[str, Any]:
        """Have the money of a bank transfer come."""
        body = {} if amount_minor is None else {"amount": amount_minor}
        return self.ask("POST", f"/sandbox/bank_transfers/{bank_transfer}/arrive", body)

    def settle_payout(self, reference: str, how: str = "pay") -> dict[str, Any]:
        """Have a payout's bank decide: `pay`, `fail`, or `return` one that was paid."""
        return self.ask("POST", f"/sandbox/payouts/{reference}/{how}")

    def fail_refund(self, reference: str) -> dict[str, Any]:
        """Have an approved refund come back."""
        return self.ask("POST", f"/sandbox/refunds/{reference}/fail")

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        super().__exit__(kind, error, trace)


def authorization(reference: str, amount_minor: int, /, **fields: Any) -> dict[str, Any]:
    """The body of a request for an authorization; `number` is the card's."""
    number = fields.pop("number", CARD)
    usual = {
        "reference": reference,
        "merchant": "mer_of_the_tests",
        "amount": amount_minor,
        "currency": "EUR",
        "capture": False,
        "card": {"number": number, "exp_month": 12, "exp_year": 2090, "cvc": "123"},
    }
    return usual | fields
