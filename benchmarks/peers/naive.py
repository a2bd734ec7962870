"""The peer: wallet payments as a competent team writes them first, with the same guarantees.

One request is one transaction. SELECT ... FOR UPDATE locks the two accounts in id order, a retry
loop answers serialization failures, and the answer is stored under the idempotency key in the same
transaction. It writes the rows that Suya writes: key with answer, payment, transfer, three entries,
balances, event; on the same server, with the same durability.

Where a choice was open it fell in the peer's favour: SQL as text, not the ORM with three times its
CPU, API keys from memory, ordered ids, no running balance on the fee account (one row of it would
queue all payments), neither foreign keys nor secondary indexes. With --isolation "READ COMMITTED"
it relies on the row locks and the keys alone, as many would.

It speaks as much of Suya's API as the load generator needs to prepare and drive it:

    python -m benchmarks.peers.naive --port 8100 --database-url postgresql+psycopg://...
"""

import argparse
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from litestar import Litestar, MediaType, Response, get, post
from litestar.exceptions import ClientException, NotFoundException
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from uuid_utils.compat import uuid7

from benchmarks.peers.naive_ledger import (
    Answer,
    AnyRequest,
    Peer,
    admin,
    book,
    entry,
    hashed,
    lock,
    open_account,
    parse_id,
    peer_of,
    post_transfer,
    wire_id,
)
from benchmarks.peers.naive_schema import (
    FIND_KEY,
    INSERT_API_KEY,
    INSERT_EVENT,
    INSERT_KEY,
    INSERT_MERCHANT,
    INSERT_PAYMENT,
    TABLES,
    CreateAccount,
    CreateDeposit,
    CreateKey,
    CreateMerchant,
    CreatePayment,
)

POOL_SIZE = 16


@post("/v1/payments")
async def create_payment(request: AnyRequest, data: CreatePayment) -> Response[bytes]:
    """Take a payment from a wallet, once per idempotency key."""
    peer = peer_of(request)
    merchant = await peer.merchant(request)
    key = request.headers.get("idempotency-key")
    if not key:
        raise ClientException("an Idempotency-Key is required")
    fingerprint = hashlib.sha256(await request.body()).digest()

    async def work(tx: AsyncConnection) -> Answer:
        asked = {"merchant_id": merchant.id, "key": key}
        known = (await tx.execute(FIND_KEY, asked)).one_or_none()
        if known is not None:
            return (known.status, known.body) if known.fingerprint == fingerprint else (422, b"{}")

        now = datetime.now(UTC)
        status, body = await _pay(tx, merchant, data, now)
        await tx.execute(
            INSERT_KEY,
            {
                **asked,
                "fingerprint": fingerprint,
                "status": status,
                "body": body,
                "created_at": now,
            },
        )
        return status, body

    return await peer.transact(work)


async def _pay(
    tx: AsyncConnection, merchant: Row[Any], data: CreatePayment, now: datetime
) -> Answer:
    """Lock, check, move the money, write the rows."""
    wallet_id = parse_id(data.payment_method.account)
    locked = await lock(tx, merchant.id, wallet_id, merchant.available_account_id)
    wallet = locked.get(wallet_id)
    if wallet is None or wallet.kind != "customer_wallet":
        raise NotFoundException
    if wallet.currency != data.currency:
        raise ClientException("the wallet is in another currency")
    if wallet.balance < data.amount:
        return 402, msgspec.json.encode({"code": "insufficient_funds", "status": 402})

    fee = min(data.amount, merchant.fee_fixed + data.amount * merchant.fee_bps // 10_000)
    available = locked[merchant.available_account_id]
    transfer_id = await post_transfer(
        tx,
        merchant.id,
        now,
        [
            await book(tx, wallet, "debit", data.amount),
            await book(tx, available, "credit", data.amount - fee),
            entry(merchant.fee_account_id, "credit", fee),
        ],
    )
    payment = {
        "id": uuid7(),
        "merchant_id": merchant.id,
        "account_id": wallet_id,
        "transfer_id": transfer_id,
        "amount": data.amount,
        "fee": fee,
        "currency": data.currency,
        "status": "captured",
        "description": data.description,
        "metadata": msgspec.json.encode(data.metadata).decode(),
        "created_at": now,
    }
    await tx.execute(INSERT_PAYMENT, payment)
    answer = msgspec.json.encode(_payment_answer(payment, data))
    await tx.execute(
        INSERT_EVENT,
        {
            "id": uuid7(),
            "merchant_id": merchant.id,
            "type": "payment.captured",
            "data": answer.decode(),
            "created_at": now,
        },
    )
    return 201, answer


def _payment_answer(payment: dict[str, Any], data: CreatePayment) -> dict[str, Any]:
    return {
        "id": wire_id("pay", payment["id"]),
        "status": payment["status"],
        "amount": payment["amount"],
        "amount_captured": payment["amount"],
        "amount_refunded": 0,
        "fee": payment["fee"],
        "currency": payment["currency"],
        "payment_method": msgspec.to_builtins(data.payment_method),
        "description": payment["description"],
        "metadata": data.metadata,
        "created_at": payment["created_at"].isoformat(),
    }


@post("/v1/merchants")
async def create_merchant(request: AnyRequest, data: CreateMerchant) -> dict[str, str]:
    """Open a merchant with its account."""
    merchant_id, account_id = uuid7(), uuid7()
    merchant = {
        "id": merchant_id,
        "name": data.name,
        "fee_bps": data.fee_bps,
        "fee_fixed": data.fee_fixed,
        "available_account_id": account_id,
        "fee_account_id": uuid7(),
    }
    async with admin(request).engine.begin() as tx:
        await tx.execute(INSERT_MERCHANT, merchant)
        await open_account(tx, account_id, merchant_id, "merchant_available", "USD")
    return {"id": wire_id("mer", merchant_id)}


@post("/v1/api_keys")
async def create_key(request: AnyRequest, data: CreateKey) -> dict[str, str]:
    """Make a key of a merchant."""
    secret = "sk_test_" + secrets.token_hex(16)
    key = {"secret_hash": hashed(secret), "merchant_id": parse_id(data.merchant)}
    async with admin(request).engine.begin() as tx:
        await tx.execute(INSERT_API_KEY, key)
    return {"secret": secret}


@post("/v1/accounts")
async def create_account(request: AnyRequest, data: CreateAccount) -> Response[bytes]:
    """Open a customer's wallet."""
    peer = peer_of(request)
    merchant = await peer.merchant(request)

    async def work(tx: AsyncConnection) -> Answer:
        account_id = uuid7()
        await open_account(tx, account_id, merchant.id, "customer_wallet", data.currency)
        return 201, msgspec.json.encode({"id": wire_id("acct", account_id)})

    return await peer.transact(work)


@post("/v1/deposits")
async def create_deposit(request: AnyRequest, data: CreateDeposit) -> Response[bytes]:
    """Put money into a wallet."""
    peer = peer_of(request)
    merchant = await peer.merchant(request)

    async def work(tx: AsyncConnection) -> Answer:
        wallet_id = parse_id(data.account)
        account = (await lock(tx, merchant.id, wallet_id, wallet_id)).get(wallet_id)
        if account is None:
            raise NotFoundException
        booked = await book(tx, account, "credit", data.amount)
        transfer_id = await post_transfer(tx, merchant.id, datetime.now(UTC), [booked])
        return 201, msgspec.json.encode({"id": wire_id("trf", transfer_id)})

    return await peer.transact(work)


@get("/metrics", media_type=MediaType.TEXT)
async def metrics(request: AnyRequest) -> str:
    """How often a transaction ran again, under the name the load generator looks for."""
    retries = sum(peer_of(request).retries.values())
    name = "suya_commit_retries_total"
    return f'# TYPE {name} counter\n{name}{{reason="40001"}} {retries}\n'


def create_app() -> Litestar:
    """The application, as a granian worker makes it from the variables that `main` sets."""
    engine = create_async_engine(
        os.environ["NAIVE_DATABASE_URL"],
        isolation_level=os.environ["NAIVE_ISOLATION"],
        pool_size=POOL_SIZE,
        max_overflow=0,
    )

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(TABLES)
        app.state.peer = Peer(engine, os.environ["NAIVE_ADMIN_KEY"])
        yield
        await engine.dispose()

    return Litestar(
        [create_payment, create_merchant, create_key, create_account, create_deposit, metrics],
        lifespan=[lifespan],
        openapi_config=None,
    )


def main() -> None:
    """Serve the peer in one process until it is told to stop."""
    parser = argparse.ArgumentParser(description="The textbook peer of the benchmarks.")
    parser.add_argument("--database-url", required=True, help="postgresql+psycopg://...")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--admin-key", default="naive-admin-key-of-the-benchmarks")
    parser.add_argument("--isolation", default="SERIALIZABLE", help="or READ COMMITTED")
    arguments = parser.parse_args()
    os.environ["NAIVE_DATABASE_URL"] = arguments.database_url
    os.environ["NAIVE_ADMIN_KEY"] = arguments.admin_key
    os.environ["NAIVE_ISOLATION"] = arguments.isolation
    Granian(
        "benchmarks.peers.naive:create_app",
        factory=True,
        port=arguments.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=1,
        working_dir=Path(__file__).parents[2],
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main()
