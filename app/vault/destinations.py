"""The processors to which card numbers may be sent, and the sending."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from app.base.pan import contains_pan, scrub
from app.base.settings import Settings
from app.vault.errors import (
    DestinationNotAllowed,
    InvalidCardRequest,
    NotExecuted,
    OutcomeUnknown,
    VaultUnfit,
)

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""The limit of a processor's answer; a verdict on a card has a few thousand bytes."""
# A processor that does not accept a connection within this time is down.
_CONNECT_S_MAX: Final = 5.0
_KEEPALIVE_S: Final = (
    12.0  # shorter than any server's, so that a kept connection is seldom a dead one
)
_CONNECTIONS_MAX: Final = 512  # to all destinations; the adapters' own limits are lower
_HOP_BY_HOP: Final = frozenset(
    (
        "connection content-encoding content-length host keep-alive te trailer "
        "transfer-encoding upgrade"
    ).split()
)
"""Headers that belong to a connection and not to the message (RFC 9110, 7.6.1)."""
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: str


class Destinations:
    """The processors that may get card numbers, with connections that are kept open."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = [URL(url) for url in allowed]
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Destinations":
        """Open the destinations of the settings.

        Raises:
            VaultUnfit: in production a number would be sent unencrypted (PCI DSS 4.2.1).
        """
        destinations = cls(settings.vault_allowed_urls)
        for url in destinations._allowed:
            if not url.absolute or url.host is None:
                raise VaultUnfit(fault=f"SUYA_VAULT_ALLOWED_URLS has '{url}', which is no address")
            is_private = url.scheme == "https" or url.host in _LOOPBACK
            if settings.environment == "production" and not is_private:
                raise VaultUnfit(fault=f"card numbers would be sent to {url} without TLS")
        return destinations

    def check(self, text: str) -> URL:
        """Parse the address, if card numbers may be sent to it.

        It is compared part by part, because a text with an allowed beginning may name another host.

        Raises:
            DestinationNotAllowed
        """
        try:
            url = URL(text)
            is_plain = url.user is None and url.password is None and ".." not in text
            # It is stored with the record of the use.
            is_plain = is_plain and not contains_pan(text)
            if is_plain and any(_is_under(url, allowed) for allowed in self._allowed):
                return url
        except ValueError:
            pass  # it is no address, or has no host
        raise DestinationNotAllowed

    async def send(
        self, method: str, url: URL, headers: Mapping[str, str], body: str, timeout_s: float
    ) -> Answer:
        """Send a request; returns the destination's answer, whatever it is.

        Raises:
            NotExecuted: nothing was sent.
            OutcomeUnknown: something was sent, and no whole answer came back in time.
        """
        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, _CONNECT_S_MAX))
        sent = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            async with self._connected().request(
                method,
                url,
                data=body.encode(),
                headers=sent,
                timeout=limits,
                allow_redirects=False,  # a number goes to the allowed address only
            ) as answer:
                text = await answer.content.read(ANSWER_BYTES_MAX + 1)
                while len(text) <= ANSWER_BYTES_MAX and (more := await answer.content.readany()):
                    text += more
                if len(text) > ANSWER_BYTES_MAX:
                    raise OutcomeUnknown(why="its answer is too long")
                return _answer(answer, text)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotExecuted(why=f"no connection ({type(error).__name__})") from None
        except ValueError:
            # Before anything was sent: a header contains a line break.
            raise InvalidCardRequest(reason="a header cannot be sent") from None
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


def _is_under(url: URL, allowed: URL) -> bool:
    folder = allowed.path.rstrip("/")
    is_inside = url.path == folder or url.path.startswith(f"{folder}/")
    return is_inside and url.origin() == allowed.origin()


def _answer(answer: aiohttp.ClientResponse, text: bytes) -> Answer:
    """Build the answer without card numbers: some processors repeat what they were sent."""
    headers = {
        name.lower(): scrub(value)
        for name, value in answer.headers.items()
        if name.lower() not in _HOP_BY_HOP
    }
    return Answer(answer.status, headers, scrub(text.decode("utf-8", "replace")))
