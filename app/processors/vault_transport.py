"""Requests with card data: the vault makes and sends them.

So a card's number is in the vault and at the processor, and never in this process, which names an
operation and gives the values of its fields. The vault has the address, the key, and the request
around the card (`app/vault/templates.py`).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from app.processors.model import TokenizedCard, Verdict, not_executed, unknown
from app.processors.transport import HttpResponse, HttpTransport

_VAULT_SHARE = 0.9
"""The share of the caller's timeout that the vault waits for the processor.

The rest lets the vault's own answer about a timeout arrive in time.
"""


class _ForwardRequest(msgspec.Struct):
    token: str
    merchant: str
    processor: str
    operation: str
    fields: Mapping[str, Any]
    timeout_ms: int


class _ForwardResponse(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: str


class _ProblemBody(msgspec.Struct):
    code: str = ""


class VaultTransport:
    """Requests that the vault sends for this process."""

    def __init__(
        self, transport: HttpTransport, url: str | None, key: str | None, timeout_ms: int
    ) -> None:
        self._transport = transport
        self._url = url
        self._authorization = f"Bearer {key}"
        self._timeout_ms = int(timeout_ms * _VAULT_SHARE)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(_ForwardResponse).decode

    async def send(
        self,
        card: TokenizedCard,
        merchant: str,
        processor: str,
        operation: str,
        fields: Mapping[str, Any],
        *,
        correlation_id: str,
    ) -> HttpResponse | Verdict:
        """Let the vault send a card for an operation of a processor.

        Returns the processor's own response, or the verdict without one.
        """
        if self._url is None:
            return not_executed("vault_not_configured")
        forward = _ForwardRequest(
            card.token, merchant, processor, operation, fields, self._timeout_ms
        )
        response = await self._transport.send(
            "POST",
            f"{self._url}/forward",
            {
                "Authorization": self._authorization,
                "Content-Type": "application/json",
                "X-Request-Id": correlation_id,
            },
            self._encode(forward),
        )
        if isinstance(response, Verdict):
            # The code says that the vault has trouble, and not the processor.
            return msgspec.structs.replace(response, code=f"vault_{response.code}")
        return self._understand(response)

    def _understand(self, response: HttpResponse) -> HttpResponse | Verdict:
        if response.status == HTTPStatus.OK:
            try:
                forwarded = self._decode(response.body)
            except ValueError:
                return unknown("vault_answer_unreadable")
            return HttpResponse(forwarded.status, forwarded.headers, forwarded.body.encode())
        code = read_code(response.body)
        if response.status == HTTPStatus.BAD_GATEWAY and code == "not_executed":
            return not_executed("unreachable")
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE and code:
            return not_executed("vault_unavailable")  # it cannot read its cards at the moment
        if response.status == HTTPStatus.GATEWAY_TIMEOUT:
            return unknown("timeout")
        if HTTPStatus.BAD_REQUEST <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return not_executed(f"vault_{code or response.status}")
        return unknown(f"vault_{response.status}")


def read_code(body: bytes) -> str:
    """The field `code` of a problem's body; empty if it has none."""
    try:
        return msgspec.json.decode(body, type=_ProblemBody).code
    except ValueError:
        return ""
