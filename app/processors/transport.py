"""HTTP requests to processors: each ends with its response, or a verdict where there is none.

It matters where a request broke off. Before it was sent it certainly had no effect; after that it
may have had one. A request that acts is sent once; aiohttp repeats only a GET, on a kept connection
that turned out to be closed.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from app.processors.model import Verdict, not_executed, unknown

# A processor's responses are a few hundred bytes; a longer one is no answer.
BODY_BYTES_MAX = 1_048_576
# Shorter than servers keep idle connections (aiohttp 75 s, nginx 60 s): a request on a connection
# that its server closes at that moment would end as unknown.
KEEPALIVE_S = 15

_NOT_SENT = (
    aiohttp.ClientConnectorError,  # refused, no such host, no route, TLS not agreed
    aiohttp.ConnectionTimeoutError,  # not connected in time
    aiohttp.InvalidURL,
)


class HttpResponse(msgspec.Struct, frozen=True):
    """A response, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport:
    """Requests over pooled connections."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, timeout_ms: int, connect_timeout_ms: int
    ) -> AsyncIterator["HttpTransport"]:
        """Open a transport.

        Its connections close with the context. All requests have these timeouts.
        """
        # The guard limits the number of requests; a second limit would only hide the wait.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEPALIVE_S)
        timeout = aiohttp.ClientTimeout(
            total=timeout_ms / 1000,
            connect=connect_timeout_ms / 1000,  # including the look-up of the host's name
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
    ) -> HttpResponse | Verdict:
        """Send a request; returns its response, or `not_executed` or `unknown` without one."""
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                text = await _read(response)
                if text is None:
                    return unknown("answer_unreadable")
                return HttpResponse(response.status, response.headers, text)
        except _NOT_SENT:
            return not_executed("unreachable")
        except TimeoutError:
            return unknown("timeout")
        except (aiohttp.ClientError, OSError):
            return unknown("connection_lost")


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """Read the body; none if it is too long to be an answer."""
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
