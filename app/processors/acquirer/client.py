"""Requests to the acquirer over HTTP, and the verdicts on their responses."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.processors.acquirer.objects import path_part, to_verdict
from app.processors.model import Ask, TokenizedCard, Verdict, not_executed
from app.processors.transport import HttpResponse, HttpTransport
from app.processors.vault_transport import VaultTransport

NAME = "acquirer"
_NOT_CONFIGURED = not_executed("not_configured")


class AcquirerClient:
    """The acquirer's API: paths are below `/v1/`."""

    def __init__(
        self, transport: HttpTransport, vault: VaultTransport, *, url: str | None, key: str | None
    ) -> None:
        self._transport = transport
        self._vault = vault
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._encode = msgspec.json.Encoder().encode

    async def find(self, collection: str, ask: Ask) -> Verdict:
        """Query how the request `ask` ended."""
        path = f"{collection}/{path_part(ask.reference)}"
        response = await self.send("GET", path, correlation_id=ask.correlation_id)
        return to_verdict(response, ask, is_query=True)

    async def command(self, path: str, ask: Ask, content: Any) -> Verdict:
        """Send the request `ask` with the body `content`; returns the verdict."""
        response = await self.send("POST", path, content, correlation_id=ask.correlation_id)
        return to_verdict(response, ask, is_query=False)

    async def send(
        self, method: str, path: str, content: Any = None, *, correlation_id: str = ""
    ) -> HttpResponse | Verdict:
        """Send the request `ask` with `content` as JSON; returns the response."""
        body = None if content is None else self._encode(content)
        return await self._send(method, path, {"X-Request-Id": correlation_id}, body)

    async def send_file(self, path: str, content: str) -> HttpResponse | Verdict:
        """Send an XML file as it is; returns the response."""
        return await self._send("POST", path, {"Content-Type": "application/xml"}, content.encode())

    async def send_card(
        self, operation: str, ask: Ask, card: TokenizedCard, fields: Mapping[str, Any]
    ) -> HttpResponse | Verdict:
        """Let the vault send a card for an operation; returns the response."""
        if self._url is None:
            return _NOT_CONFIGURED  # what is authorized could not be captured from here
        return await self._vault.send(
            card, ask.merchant, NAME, operation, fields, correlation_id=ask.correlation_id
        )

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpResponse | Verdict:
        if self._url is None:
            return _NOT_CONFIGURED
        given = {**self._headers, **headers}
        return await self._transport.send(method, f"{self._url}/v1/{path}", given, body)
