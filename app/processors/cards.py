"""Requests with card data: the vault sends them, and fills the card in on the way.

So a card's number is in the vault and at the processor, and never in this process. Placeholders in
the body stand for it: `{{number}} {{exp_month}} {{exp_year}} {{cvc}}`.
"""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from app.processors.line import Answer, Line, not_executed, unknown
from app.processors.model import Card, Verdict

_DECIDES_WITHIN = 0.9
"""The share of our patience that the vault may have for the processor: so it tells us what it
knows before we stop listening."""


class _Forward(msgspec.Struct):
    token: str
    merchant: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: str
    timeout_ms: int


class _Forwarded(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: str


class _Fault(msgspec.Struct):
    code: str = ""


class CardLine:
    """The line through the vault."""

    def __init__(self, line: Line, url: str | None, key: str | None, timeout_ms: int) -> None:
        self._line = line
        self._url = url
        self._authorization = f"Bearer {key}"
        self._timeout_ms = int(timeout_ms * _DECIDES_WITHIN)
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(_Forwarded).decode

    async def send(
        self,
        card: Card,
        merchant: str,
        url: str,
        headers: Mapping[str, str],
        body: str,
        *,
        correlation_id: str,
    ) -> Answer | Verdict:
        """The processor's own answer to a POST of `body` to `url`, or what is known without one."""
        if self._url is None:
            return not_executed("vault_not_configured")
        forward = _Forward(card.token, merchant, "POST", url, headers, body, self._timeout_ms)
        said = await self._line.send(
            "POST",
            f"{self._url}/forward",
            {
                "Authorization": self._authorization,
                "Content-Type": "application/json",
                "X-Request-Id": correlation_id,
            },
            self._encode(forward),
        )
        if isinstance(said, Verdict):
            # The code says whose outage it is: the processor's own may be well.
            return msgspec.structs.replace(said, code=f"vault_{said.code}")
        return self._understand(said)

    def _understand(self, said: Answer) -> Answer | Verdict:
        if said.status == HTTPStatus.OK:
            try:
                forwarded = self._decode(said.body)
            except ValueError:
                return unknown("vault_answer_unreadable")
            return Answer(forwarded.status, forwarded.headers, forwarded.body.encode())
        code = read_code(said.body)
        if said.status == HTTPStatus.BAD_GATEWAY and code == "not_executed":
            return not_executed("unreachable")
        if said.status == HTTPStatus.SERVICE_UNAVAILABLE and code:
            return not_executed("vault_unavailable")  # it does not even know its cards just then
        if said.status == HTTPStatus.GATEWAY_TIMEOUT:
            return unknown("timeout")
        if HTTPStatus.BAD_REQUEST <= said.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return not_executed(f"vault_{code or said.status}")
        return unknown(f"vault_{said.status}")


def read_code(body: bytes) -> str:
    """The field `code` of a fault's body; nothing if it has none."""
    try:
        return msgspec.json.decode(body, type=_Fault).code
    except ValueError:
        return ""
