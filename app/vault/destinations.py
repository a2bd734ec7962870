"""The processors to which card numbers may be sent, and the sending."""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

import aiohttp
import msgspec
from pydantic import SecretStr
from yarl import URL

from app.base.modes import Mode, mode_of_stripe_key
from app.base.settings import Settings
from app.base.telemetry import log
from app.vault import echoes
from app.vault.errors import NotExecuted, OutcomeUnknown, ProcessorNotConfigured, VaultUnfit
from app.vault.templates import Outgoing

ANSWER_BYTES_MAX: Final = 128 * 1024
"""The limit of a processor's answer; a verdict on a card has a few thousand bytes."""
# A processor that does not accept a connection within this time is down.
_CONNECT_S_MAX: Final = 5.0
_KEEPALIVE_S: Final = (
    12.0  # shorter than any server's, so that a kept connection is seldom a dead one
)
_CONNECTIONS_MAX: Final = 512  # to all destinations; the adapters' own limits are lower
_HEADERS: Final = frozenset(
    "content-type idempotent-replayed request-id retry-after stripe-should-retry".split()
)
"""Headers of an answer that an adapter may need; the others stay here."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: str


class Destination(NamedTuple):
    """Where a processor gets cards."""

    processor: str
    url: str
    """Paths are appended to it."""
    key: str
    mode: Mode
    """Whose cards it gets: those left for test merchants, or for live ones."""

    def __repr__(self) -> str:
        return f"Destination({self.processor})"


class Destinations:
    """The processors that may get card numbers, with connections that are kept open."""

    def __init__(self, *destinations: Destination) -> None:
        self._by_name = {each.processor: each for each in destinations}
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Destinations":
        """Open the destinations of the settings: those of which address and key are given.

        Raises:
            VaultUnfit: in production a number would be sent unencrypted (PCI DSS 4.2.1).
        """
        configured: Mapping[str, tuple[str | None, SecretStr | None]] = {
            "acquirer": (settings.vault_acquirer_url, settings.vault_acquirer_key),
            "stripe": (settings.vault_stripe_url, settings.vault_stripe_key),
        }
        found = []
        for name, (url, key) in configured.items():
            if url is None or key is None:
                continue
            is_private = url.startswith("https://") or URL(url).host in _LOOPBACK
            if settings.environment == "production" and not is_private:
                raise VaultUnfit(fault=f"card numbers would be sent to {url} without TLS")
            secret = key.get_secret_value()
            mode = mode_of_stripe_key(secret) if name == "stripe" else settings.acquirer_mode
            found.append(Destination(name, url, secret, mode))
        return cls(*found)

    def get(self, processor: str) -> Destination:
        """A processor's destination.

        Raises:
            ProcessorNotConfigured
        """
        try:
            return self._by_name[processor]
        except KeyError:
            raise ProcessorNotConfigured from None

    async def send(
        self, destination: Destination, request: Outgoing, number: str, timeout_s: float
    ) -> Answer:
        """POST a request; returns the destination's answer, whatever it is, without the number.

        Raises:
            NotExecuted: nothing was sent.
            OutcomeUnknown: something was sent, and no whole answer came back in time, or one that
                hides the number.
        """
        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, _CONNECT_S_MAX))
        try:
            async with self._connected().post(
                f"{destination.url}{request.path}",
                data=request.body,
                headers=request.headers,
                timeout=limits,
                allow_redirects=False,  # a number goes to the configured address only
            ) as answer:
                text = await answer.content.read(ANSWER_BYTES_MAX + 1)
                while len(text) <= ANSWER_BYTES_MAX and (more := await answer.content.readany()):
                    text += more
                if len(text) > ANSWER_BYTES_MAX:
                    raise OutcomeUnknown(why="its answer is too long")
                return _answer(destination, answer, text, number)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotExecuted(why=f"no connection ({type(error).__name__})") from None
        except (TimeoutError, aiohttp.ClientError) as error:
            raise OutcomeUnknown(why=type(error).__name__) from None

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
            # TLS connections need a moment to close.
            await asyncio.sleep(0)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=_KEEPALIVE_S)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
            )
        return self._session


def _answer(
    destination: Destination, answer: aiohttp.ClientResponse, text: bytes, number: str
) -> Answer:
    """Build the answer without card numbers: some processors repeat what they were sent.

    Raises:
        OutcomeUnknown: the number is hidden in it.
    """
    body = text.decode("utf-8", "replace")
    headers = {
        name.lower(): value for name, value in answer.headers.items() if name.lower() in _HEADERS
    }
    told = Answer(
        answer.status,
        {name: echoes.redact(value, number) for name, value in headers.items()},
        echoes.redact(body, number),
    )
    if (told.body, told.headers) != (body, headers):
        log.warning("card_number_in_answer", processor=destination.processor, hidden=False)
    if echoes.spells("\n".join([told.body, *told.headers.values()]), number):
        log.error("card_number_in_answer", processor=destination.processor, hidden=True)
        raise OutcomeUnknown(why="its answer has the card's number in it")
    return told
