"""Asking the vault about a token: what may be shown of its card, and whose it is."""

from http import HTTPStatus
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import aiohttp
import msgspec

from app.base import ids
from app.base.errors import Unavailable
from app.base.settings import Settings
from app.base.telemetry import log
from app.domains.customers import CardFacts
from app.vault import TooManyCards

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


class _Limit(msgspec.Struct, frozen=True):
    """Which limit of the vault was reached, and how long it takes to be below it again."""

    limit: str
    retry_after_s: int


class _LimitProblem(msgspec.Struct, frozen=True):
    facts: _Limit


class Asker(NamedTuple):
    """The merchant that asks about a card, by which of its keys, and in which request."""

    merchant_id: UUID
    key_id: UUID
    request_id: str


class VaultClient:
    """The api's side of the vault."""

    def __init__(self, settings: Settings) -> None:
        key = settings.vault_api_key
        self._url = settings.vault_url
        self._key = key.get_secret_value() if key is not None else ""
        self._session: aiohttp.ClientSession | None = None

    async def describe(self, asker: Asker, token: UUID) -> CardFacts | None:
        """What may be shown of a merchant's card; none if the vault has no such token of it.

        Raises:
            TooManyCards, VaultUnreachable
        """
        told = await self._get(_Told, "", asker, token)
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

    async def list_same(self, asker: Asker, token: UUID) -> list[str] | None:
        """A merchant's other tokens of the same card; none if the vault has no such token of it.

        Raises:
            TooManyCards, VaultUnreachable
        """
        same = await self._get(_Same, "/same", asker, token)
        return None if same is None else same.tokens

    async def raise_generation(self, merchant_id: UUID, lowest: int, request_id: str) -> None:
        """End a merchant's publishable keys of generations below `lowest`.

        Raises:
            VaultUnreachable: whether they ended is not known; asked again they do.
        """
        try:
            async with self._connected().post(
                f"{self._url}/generations",
                json={"merchant": ids.encode("merchant", merchant_id), "lowest": lowest},
                headers={"authorization": f"Bearer {self._key}", "x-request-id": request_id},
            ) as answer:
                if answer.status != HTTPStatus.OK:
                    log.error("vault_refused", status=answer.status, request_id=request_id)
                    raise VaultUnreachable
        except (TimeoutError, aiohttp.ClientError) as error:
            raise VaultUnreachable from error

    async def _get(self, model: type[T], path: str, asker: Asker, token: UUID) -> T | None:
        """What the vault answers about a merchant's token, which it may not have."""
        name = ids.encode("payment_method", token)
        try:
            async with self._connected().get(
                f"{self._url}/tokens/{name}{path}",
                params={
                    "merchant": ids.encode("merchant", asker.merchant_id),
                    "key": ids.encode("api_key", asker.key_id),
                },
                headers={"authorization": f"Bearer {self._key}", "x-request-id": asker.request_id},
            ) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    return None
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                    raise _too_many(await answer.read())
                if answer.status != HTTPStatus.OK:
                    log.error("vault_refused", status=answer.status, request_id=asker.request_id)
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


def _too_many(body: bytes) -> TooManyCards:
    """The vault's refusal, for the caller who reached the limit."""
    facts = msgspec.json.decode(body, type=_LimitProblem).facts
    return TooManyCards(limit=facts.limit, retry_after_s=facts.retry_after_s)
