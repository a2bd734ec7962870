"""The peer's tables, statements and request bodies; what it does with them is in naive.py."""

from typing import Annotated, Literal

import msgspec
from sqlalchemy import TextClause, text

TABLES = """
CREATE TABLE IF NOT EXISTS merchants (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    fee_bps INT8 NOT NULL,
    fee_fixed INT8 NOT NULL,
    available_account_id UUID NOT NULL,
    fee_account_id UUID NOT NULL
);
CREATE TABLE IF NOT EXISTS api_keys (
    secret_hash BYTEA PRIMARY KEY,
    merchant_id UUID NOT NULL
);
CREATE TABLE IF NOT EXISTS accounts (
    id UUID PRIMARY KEY,
    merchant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance INT8 NOT NULL DEFAULT 0 CHECK (balance >= 0),
    version INT8 NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS payments (
    id UUID PRIMARY KEY,
    merchant_id UUID NOT NULL,
    account_id UUID NOT NULL,
    transfer_id UUID NOT NULL,
    amount INT8 NOT NULL,
    fee INT8 NOT NULL,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    description TEXT,
    metadata JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE IF NOT EXISTS transfers (
    id UUID PRIMARY KEY,
    merchant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
    id UUID PRIMARY KEY,
    transfer_id UUID NOT NULL,
    account_id UUID NOT NULL,
    direction TEXT NOT NULL,
    amount INT8 NOT NULL,
    balance_after INT8,
    version INT8
);
CREATE TABLE IF NOT EXISTS events (
    id UUID PRIMARY KEY,
    merchant_id UUID NOT NULL,
    type TEXT NOT NULL,
    data JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE IF NOT EXISTS idempotency_keys (
    merchant_id UUID NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    status INT8 NOT NULL,
    body BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (merchant_id, key)
);
"""

FIND_MERCHANT = text("""
    SELECT m.id, m.fee_bps, m.fee_fixed, m.available_account_id, m.fee_account_id
      FROM api_keys k
      JOIN merchants m ON m.id = k.merchant_id
     WHERE k.secret_hash = :secret_hash
""")

FIND_KEY = text("""
    SELECT fingerprint, status, body
      FROM idempotency_keys
     WHERE merchant_id = :merchant_id
       AND key = :key
""")

LOCK_ACCOUNTS = text("""
    SELECT id, kind, currency, balance, version
      FROM accounts
     WHERE id IN (:account_id, :other_account_id)
       AND merchant_id = :merchant_id
     ORDER BY id
       FOR UPDATE
""")

UPDATE_BALANCE = text("""
    UPDATE accounts
       SET balance = :balance,
           version = :version
     WHERE id = :id
""")


def insert(table: str, *columns: str) -> TextClause:
    """An INSERT of one row, its parameters named as its columns."""
    names, values = ", ".join(columns), ", :".join(columns)
    return text(f"INSERT INTO {table} ({names}) VALUES (:{values})")  # noqa: S608 - names below


INSERT_MERCHANT = insert(
    "merchants", "id", "name", "fee_bps", "fee_fixed", "available_account_id", "fee_account_id"
)
INSERT_API_KEY = insert("api_keys", "secret_hash", "merchant_id")
INSERT_ACCOUNT = insert("accounts", "id", "merchant_id", "kind", "currency")
INSERT_TRANSFER = insert("transfers", "id", "merchant_id", "kind", "created_at")
INSERT_ENTRY = insert(
    "entries", "id", "transfer_id", "account_id", "direction", "amount", "balance_after", "version"
)
INSERT_PAYMENT = insert(
    "payments",
    "id",
    "merchant_id",
    "account_id",
    "transfer_id",
    "amount",
    "fee",
    "currency",
    "status",
    "description",
    "metadata",
    "created_at",
)
INSERT_EVENT = insert("events", "id", "merchant_id", "type", "data", "created_at")
INSERT_KEY = insert(
    "idempotency_keys", "merchant_id", "key", "fingerprint", "status", "body", "created_at"
)


class WalletMethod(msgspec.Struct, forbid_unknown_fields=True):
    """Paid from a wallet."""

    type: Literal["wallet"]
    account: str


class CreatePayment(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/payments."""

    amount: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    currency: str
    payment_method: WalletMethod
    capture: Literal["automatic"] = "automatic"
    description: str | None = None
    metadata: dict[str, str] = {}


class CreateMerchant(msgspec.Struct):
    """Body of POST /v1/merchants."""

    name: str
    fee_bps: int = 0
    fee_fixed: int = 0


class CreateKey(msgspec.Struct):
    """Body of POST /v1/api_keys."""

    merchant: str


class CreateAccount(msgspec.Struct):
    """Body of POST /v1/accounts."""

    currency: str


class CreateDeposit(msgspec.Struct):
    """Body of POST /v1/deposits."""

    account: str
    amount: Annotated[int, msgspec.Meta(gt=0, le=2**53)]
    currency: str
