"""Reads all of the acquirer's records, page by page, in the order in which they were made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, Self

import msgspec

from app.base.settings import Settings
from app.operate.verify.agreement import ProcessorRecord
from app.processors.transport import HttpResponse, HttpTransport

PAGE_RECORDS: Final = 500  # some 200 kB, a fifth of what a response may have
_ATTEMPTS: Final = 10  # reads may be repeated; injected faults hit at most every second one
_PAUSE_S: Final = 0.2


class AcquirerSilent(ConnectionError):
    """The acquirer does not answer."""


class _Page(msgspec.Struct):
    data: list[ProcessorRecord]
    has_more: bool


_page = msgspec.json.Decoder(_Page)
_record = msgspec.json.Decoder(ProcessorRecord)


class Records:
    def __init__(self, transport: HttpTransport, url: str, key: str) -> None:
        self._transport = transport
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Connect to the acquirer that the settings must name."""
        assert settings.acquirer_url is not None
        assert settings.acquirer_key is not None
        async with HttpTransport.open(
            timeout_ms=settings.processor_timeout_ms,
            connect_timeout_ms=settings.processor_connect_timeout_ms,
        ) as transport:
            yield cls(transport, settings.acquirer_url, settings.acquirer_key.get_secret_value())

    async def pages(self, kind: str) -> AsyncIterator[list[ProcessorRecord]]:
        """All records of a kind.

        Raises:
            AcquirerSilent: the acquirer does not answer.
        """
        after = ""
        while True:
            answer = await self._get(f"records?kind={kind}&limit={PAGE_RECORDS}&after={after}")
            page = _page.decode(answer.body)
            if page.data:
                yield page.data
                after = page.data[-1].id
            if not page.has_more:
                return

    async def find(self, kind: str, reference: str) -> ProcessorRecord | None:
        """Find one record by Suya's reference.

        Raises:
            AcquirerSilent: the acquirer does not answer.
        """
        answer = await self._get(f"{kind}/{reference}")
        return _record.decode(answer.body) if answer.status == HTTPStatus.OK else None

    async def _get(self, path: str) -> HttpResponse:
        why: object = None
        for _ in range(_ATTEMPTS):
            response = await self._transport.send("GET", f"{self._url}/v1/{path}", self._headers)
            if isinstance(response, HttpResponse) and response.status in {
                HTTPStatus.OK,
                HTTPStatus.NOT_FOUND,
            }:
                return response
            why = response.status if isinstance(response, HttpResponse) else response.code
            await asyncio.sleep(_PAUSE_S)
        raise AcquirerSilent(f"the acquirer does not say what it has: {why}")
