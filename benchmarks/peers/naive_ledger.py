"""What the peer's handlers share: transactions with retries, locked accounts, transfers."""

import asyncio
import hashlib
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from litestar import MediaType, Request, Response
from litestar.exceptions import (
    NotAuthorizedException,
    NotFoundException,
    ServiceUnavailableException,
)
from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from uuid_utils.compat import uuid7

from benchmarks.peers.naive_schema import (
    FIND_MERCHANT,
    INSERT_ACCOUNT,
    INSERT_ENTRY,
    INSERT_TRANSFER,
    LOCK_ACCOUNTS,
    UPDATE_BALANCE,
)

ATTEMPTS_MAX = 30  # with the backoff below a second or two: what a client would wait
BACKOFF_S, BACKOFF_S_MAX = 0.002, 0.1
RETRYABLE = frozenset({"40001", "40P01", "23505"})  # 23505: a racing request took the same key

Answer: TypeAlias = tuple[int, bytes]
Work: TypeAlias = Callable[[AsyncConnection], Awaitable[Answer]]
AnyRequest: TypeAlias = Request[Any, Any, Any]


class Peer:
    """What the handlers share: the engine, the merchants it has seen, the count of retries."""

    def __init__(self, engine: AsyncEngine, admin_key: str) -> None:
        self.engine = engine
        self.admin_key = admin_key
        self.retries: Counter[str] = Counter()
        self._merchants: dict[str, Row[Any]] = {}

    async def merchant(self, request: AnyRequest) -> Row[Any]:
        """The merchant behind the bearer key; read once, then from memory."""
        secret = bearer(request)
        if secret not in self._merchants:
            async with self.engine.connect() as connection:
                merchant = (
                    await connection.execute(FIND_MERCHANT, {"secret_hash": hashed(secret)})
                ).one_or_none()
            if merchant is None:
                raise NotAuthorizedException
            self._merchants[secret] = merchant
        return self._merchants[secret]

    async def transact(self, work: Work) -> Response[bytes]:
        """Run `work` in one transaction; again if the database says that it may succeed then."""
        for attempt in range(ATTEMPTS_MAX):
            try:
                async with self.engine.begin() as tx:
                    status, body = await work(tx)
                return Response(body, status_code=status, media_type=MediaType.JSON)
            except DBAPIError as error:
                sqlstate = getattr(error.orig, "sqlstate", None)
                if sqlstate not in RETRYABLE:
                    raise
                self.retries[sqlstate] += 1
            ceiling = min(BACKOFF_S_MAX, BACKOFF_S * 2**attempt)
            await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter
        raise ServiceUnavailableException


async def lock(
    tx: AsyncConnection, merchant_id: UUID, account_id: UUID, other_account_id: UUID
) -> dict[UUID, Row[Any]]:
    """Lock one or two of the merchant's accounts, in id order, so that nobody deadlocks."""
    asked = {
        "merchant_id": merchant_id,
        "account_id": account_id,
        "other_account_id": other_account_id,
    }
    return {account.id: account for account in await tx.execute(LOCK_ACCOUNTS, asked)}


async def book(
    tx: AsyncConnection, account: Row[Any], direction: str, amount: int
) -> dict[str, Any]:
    """Change the balance of a locked account; returns the entry to write."""
    balance = account.balance + (amount if direction == "credit" else -amount)
    version = account.version + 1
    await tx.execute(UPDATE_BALANCE, {"id": account.id, "balance": balance, "version": version})
    return entry(account.id, direction, amount, balance_after=balance, version=version)


def entry(
    account_id: UUID,
    direction: str,
    amount: int,
    *,
    balance_after: int | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """One side of a transfer; without balance and version on an account that keeps none."""
    return {
        "id": uuid7(),
        "account_id": account_id,
        "direction": direction,
        "amount": amount,
        "balance_after": balance_after,
        "version": version,
    }


async def post_transfer(
    tx: AsyncConnection, merchant_id: UUID, now: datetime, booked: list[dict[str, Any]]
) -> UUID:
    """Write a transfer with its entries."""
    transfer_id = uuid7()
    await tx.execute(
        INSERT_TRANSFER,
        {"id": transfer_id, "merchant_id": merchant_id, "kind": "posted", "created_at": now},
    )
    await tx.execute(INSERT_ENTRY, [entry | {"transfer_id": transfer_id} for entry in booked])
    return transfer_id


async def open_account(
    tx: AsyncConnection, account_id: UUID, merchant_id: UUID, kind: str, currency: str
) -> None:
    """Write an empty account."""
    await tx.execute(
        INSERT_ACCOUNT,
        {
            "id": account_id,
            "merchant_id": merchant_id,
            "kind": kind,
            "currency": currency,
        },
    )


def peer_of(request: AnyRequest) -> Peer:
    """What the application's start put there."""
    peer: Peer = request.app.state.peer
    return peer


def admin(request: AnyRequest) -> Peer:
    """The same, for the holder of the admin key only."""
    peer = peer_of(request)
    if not secrets.compare_digest(bearer(request), peer.admin_key):
        raise NotAuthorizedException
    return peer


def bearer(request: AnyRequest) -> str:
    """The key of a request."""
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def hashed(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def wire_id(prefix: str, number: UUID) -> str:
    """An id as clients see it."""
    return f"{prefix}_{number.hex}"


def parse_id(wire_id: str) -> UUID:
    """The id behind what a client sent."""
    try:
        return UUID(wire_id.rpartition("_")[2])
    except ValueError:
        raise NotFoundException from None
