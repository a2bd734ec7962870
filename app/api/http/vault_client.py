"""Asking the vault about a token: what may be shown of its card, and whose it is."""

from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID

import aiohttp
import msgspec

from app.base import ids
from app.base.errors import Unavailable
from app.base.settings import Settings
from app.base.telemetry import log
from app.domains.customers import CardFacts

T = TypeVar("T")

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=2)
"""In seconds: it is one look-up by key; who waits for longer waits for something that is down."""
_CONNECTIONS_MAX: Final = 32  # one question per new card; more at a time would only queue there


class VaultUnreachable(Unavailable):
    """The vault cannot be asked about a card now; nothing was done."""

    code = "vault_unreachable"


class _Told(msgspec.Struct, frozen=True):
    """What the vault says of a token."""

    id: str
    brand: str
    bin: str
    last4: str
    exp_month: int
    exp_year: int


class _Same(msgspec.Struct, frozen=True):
    """The tokens of one card."""

    tokens: list[str]


class VaultClient:
    """The api's side of the vault."""

    def __init__(self, settings: Settings) -> None:
        key = settings.vault_api_key
        self._url = settings.vault_url
        self._key = key.get_secret_value() if key is not None else ""
        self._session: aiohttp.ClientSession | None = None

    async def describe(self, merchant_id: UUID, token: UUID, request_id: str) -> CardFacts | None:
        """What may be shown of a merchant's card; none if the vault has no such token of it.

        Raises:
            VaultUnreachable
        """
        told = await self._get(_Told, "", merchant_id, token, request_id)
        if told is None:
            return None
        return CardFacts(
            id=token,
            brand=told.brand,
            bin=told.bin,
            last4=told.last4,
            exp_month=told.exp_month,
            exp_year=told.exp_year,
        )

    async def list_same(self, merchant_id: UUID, token: UUID, request_id: str) -> list[str] | None:
        """A merchant's other tokens of the same card; none if the vault has no such token of it.

        Raises:
            VaultUnreachable
        """
        same = await self._get(_Same, "/same", merchant_id, token, request_id)
        return None if same is None else same.tokens

    async def _get(
        self, model: type[T], path: str, merchant_id: UUID, token: UUID, request_id: str
    ) -> T | None:
        """What the vault answers about a merchant's token, which it may not have."""
        name = ids.encode("payment_method", token)
        try:
            async with self._connected().get(
                f"{self._url}/tokens/{name}{path}",
                params={"merchant": ids.encode("merchant", merchant_id)},
                headers={"authorization": f"Bearer {self._key}", "x-request-id": request_id},
            ) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    return None
                if answer.status != HTTPStatus.OK:
                    log.error("vault_refused", status=answer.status, request_id=request_id)
                    raise VaultUnreachable
                return msgspec.json.decode(await answer.read(), type=model)
        except (TimeoutError, aiohttp.ClientError, msgspec.DecodeError) as error:
            raise VaultUnreachable from error

    async def close(self) -> None:
        """Close what is kept."""
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> aiohttp.ClientSession:
        if self._url is None or not self._key:
            raise VaultUnreachable
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX), timeout=_TIMEOUT
            )
        return self._session
