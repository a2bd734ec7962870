"""The line to the outside: one request, and its answer or what is known without one.

What matters is where a request broke off. Before it was sent it surely had no effect; after that
nobody knows. What acts is sent once; only a GET is repeated, by aiohttp, on a connection that was
kept and turned out to be closed.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from app.processors.model import Verdict

BODY_BYTES_MAX = 1_048_576  # a processor's answers are a few hundred bytes; more is no answer
# Shorter than servers keep idle connections (aiohttp 75 s, nginx 60 s): a request on a connection
# that its server closes at that moment would end as unknown.
KEEPALIVE_S = 15

_NOT_SENT = (
    aiohttp.ClientConnectorError,  # refused, no such host, no route, TLS not agreed
    aiohttp.ConnectionTimeoutError,  # not connected in time
    aiohttp.InvalidURL,
)


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever it says."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def not_executed(code: str) -> Verdict:
    """It surely had no effect, for this reason."""
    return Verdict("not_executed", code=code)


def unknown(code: str) -> Verdict:
    """It may have had an effect; this is why nobody knows."""
    return Verdict("unknown", code=code)


class Line:
    """Requests over pooled connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, *, timeout_ms: int, connect_timeout_ms: int) -> AsyncIterator["Line"]:
        """A line whose connections are closed at the end; its times are for every request."""
        # The guard limits how many requests there are; a second limit would only hide the wait.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S)
        timeout = aiohttp.ClientTimeout(
            total=timeout_ms / 1000,
            connect=connect_timeout_ms / 1000,  # with the look-up of the host's name
        )
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "suya", "Accept-Encoding": "identity"},
        ) as session:
            yield cls(session)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer | Verdict:
        """The answer, or `not_executed` or `unknown` where there is none."""
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                text = await _read(response)
                if text is None:
                    return unknown("answer_unreadable")
                return Answer(response.status, response.headers, text)
        except _NOT_SENT:
            return not_executed("unreachable")
        except TimeoutError:
            return unknown("timeout")
        except (aiohttp.ClientError, OSError):
            return unknown("connection_lost")


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None if it is longer than any answer is."""
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
