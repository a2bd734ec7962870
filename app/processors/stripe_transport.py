"""How the stripe library sends its requests: over our transport, or through the vault."""

from collections.abc import Mapping
from typing import Any, ClassVar

import stripe

from app.processors.model import TokenizedCard, Verdict
from app.processors.transport import HttpTransport
from app.processors.vault_transport import VaultTransport

CARD_HEADER, MERCHANT_HEADER = "Suya-Card", "Suya-Merchant"
"""With these a request asks to be sent through the vault; they stay here."""
CORRELATION_HEADER = "X-Request-Id"


class Unanswered(stripe.APIConnectionError):
    """There is no response; the verdict says what is known."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.code)  # type: ignore[no-untyped-call]
        self.verdict = verdict


class StripeTransport(stripe.HTTPClient):
    """The library's HTTP client. It repeats nothing: that is for the flows to decide."""

    name: ClassVar[str] = "suya"

    def __init__(self, transport: HttpTransport, vault: VaultTransport) -> None:
        super().__init__()
        self._transport = transport
        self._vault = vault

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The response.

        Raises:
            Unanswered: there is none.
        """
        given = dict(headers)
        token, merchant = given.pop(CARD_HEADER, None), given.pop(MERCHANT_HEADER, "")
        if token is None:
            body = None if post_data is None else post_data.encode()
            response = await self._transport.send(method.upper(), url, given, body)
        else:
            # The library writes forms, in which the placeholders' braces are escaped.
            form = (post_data or "").replace("%7B%7B", "{{").replace("%7D%7D", "}}")
            response = await self._vault.send(
                TokenizedCard(token, brand=""),
                merchant,
                url,
                given,
                form,
                correlation_id=given.get(CORRELATION_HEADER, ""),
            )
        if isinstance(response, Verdict):
            raise Unanswered(response)
        return response.body, response.status, response.headers

    def close(self) -> None:
        """The transport closes with the registry that opened it."""

    async def close_async(self) -> None:
        """As `close`."""


def options(
    *,
    correlation_id: str = "",
    key: str | None = None,
    card: TokenizedCard | None = None,
    merchant: str = "",
) -> Any:
    """A request's options: its idempotency key, its journey, and the card it carries."""
    headers = {CORRELATION_HEADER: correlation_id} if correlation_id else {}
    if card is not None:
        headers |= {CARD_HEADER: card.token, MERCHANT_HEADER: merchant}
    return {"headers": headers} | ({"idempotency_key": key} if key else {})
