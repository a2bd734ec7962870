"""Writing side: one typed function per statement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domains.ledger.decisions import Book
from app.domains.ledger.model import HOLD_BUCKETS, Account, AccountRow, Block, Hold, Transfer
from app.engine.database import KeysTaken, Moving, Queries, Tx, arrays, pull

queries = Queries(__package__)


def account_row(row: tuple[Any, ...]) -> AccountRow:
    """The struct of a row that ends in description, metadata, created_at."""
    metadata = msgspec.json.decode(row[15], type=dict[str, str])
    return AccountRow(Account(*row[:14]), row[14], metadata, row[16])


class WalletRow(msgspec.Struct, frozen=True):
    """A wallet to be opened."""

    merchant_id: UUID
    id: UUID
    currency: str
    customer: str | None
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str


def metadata_texts(items: Sequence[Mapping[str, str]]) -> str:
    """A column of metadata as JSON texts; most are empty."""
    return arrays.texts([msgspec.json.encode(m).decode() if m else "{}" for m in items])


async def pull_accounts(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> None:
    """Bring some (merchant, id) home, of merchants that move."""
    await pull(tx, queries.pull_accounts, region, moving, keys)


async def lock_accounts(
    tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, Account]:
    """The accounts of some (merchant, id), locked in id order; missing ones are left out."""
    merchants, accounts = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "account_ids": arrays.uuids(accounts),
    }
    return {row[1]: Account(*row) for row in await tx.rows(queries.lock_accounts, params)}


async def lock_account_rows(
    tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, AccountRow]:
    """The accounts of some (merchant, id) with what their pages show, locked in id order."""
    if not keys:
        return {}
    merchants, accounts = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "account_ids": arrays.uuids(accounts),
    }
    return {row[1]: account_row(row) for row in await tx.rows(queries.lock_account_rows, params)}


def insert_chart_accounts(tx: Tx, region: str, accounts: Sequence[Account]) -> None:
    """Bring accounts of the chart into being; where another transaction was first, run again."""
    if not accounts:
        return
    count = len(accounts)
    tx.write(
        queries.insert_accounts,
        lambda: {
            "region": region,
            "created_at": accounts[0].booked_at,
            "merchant_ids": arrays.uuids([a.merchant_id for a in accounts]),
            "account_ids": arrays.uuids([a.id for a in accounts]),
            "kinds": arrays.words([a.kind for a in accounts]),
            "currencies": arrays.words([a.currency for a in accounts]),
            "normal_sides": arrays.words([a.normal_side for a in accounts]),
            "floors_minor": arrays.ints([None] * count),
            "customers": arrays.texts([None] * count),
            "descriptions": arrays.texts([None] * count),
            "metadatas": arrays.texts(["{}"] * count),
            "correlation_ids": arrays.texts(["chart"] * count),
        },
        rows=count,
        otherwise=KeysTaken,
    )


def insert_wallets(tx: Tx, region: str, wallets: Sequence[WalletRow], now: datetime) -> None:
    """Open customers' wallets."""
    tx.write(
        queries.insert_accounts,
        lambda: {
            "region": region,
            "created_at": now,
            "merchant_ids": arrays.uuids([w.merchant_id for w in wallets]),
            "account_ids": arrays.uuids([w.id for w in wallets]),
            "kinds": arrays.words(["customer_wallet"] * len(wallets)),
            "currencies": arrays.words([w.currency for w in wallets]),
            "normal_sides": arrays.words(["credit"] * len(wallets)),
            "floors_minor": arrays.ints([0] * len(wallets)),
            "customers": arrays.texts([w.customer for w in wallets]),
            "descriptions": arrays.texts([w.description for w in wallets]),
            "metadatas": metadata_texts([w.metadata for w in wallets]),
            "correlation_ids": arrays.texts([w.correlation_id for w in wallets]),
        },
        rows=len(wallets),
    )


def close_accounts(tx: Tx, region: str, accounts: Sequence[Account]) -> None:
    """Close accounts."""
    if accounts:
        tx.write(
            queries.close_accounts,
            lambda: {
                "regions": arrays.same(region, len(accounts)),
                "merchant_ids": arrays.uuids([a.merchant_id for a in accounts]),
                "account_ids": arrays.uuids([a.id for a in accounts]),
            },
            rows=len(accounts),
        )


def update_accounts(tx: Tx, region: str, book: Book) -> None:
    """Write the sums of every account the book touched."""
    accounts = [book.accounts[account_id] for account_id in book.touched]
    tx.write(
        queries.update_accounts,
        lambda: {
            "regions": arrays.same(region, len(accounts)),
            "booked_at": book.booked_at,
            "merchant_ids": arrays.uuids([a.merchant_id for a in accounts]),
            "account_ids": arrays.uuids([a.id for a in accounts]),
            "versions_before": arrays.ints(book.touched.values()),
            "versions": arrays.ints([a.version for a in accounts]),
            "posted_debits_minor": arrays.ints([a.posted_debits_minor for a in accounts]),
            "posted_credits_minor": arrays.ints([a.posted_credits_minor for a in accounts]),
            "pending_debits_minor": arrays.ints([a.pending_debits_minor for a in accounts]),
            "pending_credits_minor": arrays.ints([a.pending_credits_minor for a in accounts]),
        },
        rows=len(accounts),
    )


def insert_transfers(tx: Tx, region: str, transfers: Sequence[Transfer], block: Block) -> None:
    """Book the transfers of a block."""
    tx.write(
        queries.insert_transfers,
        lambda: {
            "region": region,
            "block_writer": block.writer,
            "block_sequence": block.sequence,
            "booked_at": transfers[0].booked_at,
            "merchant_ids": arrays.uuids([t.merchant_id for t in transfers]),
            "ids": arrays.uuids([t.id for t in transfers]),
            "kinds": arrays.words([t.kind for t in transfers]),
            "purposes": arrays.words([t.purpose for t in transfers]),
            "payment_ids": arrays.uuids([t.payment_id for t in transfers]),
            "hold_ids": arrays.uuids([t.hold_id for t in transfers]),
            "entries": arrays.texts([t.entries for t in transfers]),
            "descriptions": arrays.texts([t.description for t in transfers]),
            "metadatas": metadata_texts([t.metadata for t in transfers]),
            "correlation_ids": arrays.texts([t.correlation_id for t in transfers]),
        },
        rows=len(transfers),
    )


def insert_entries(tx: Tx, region: str, book: Book) -> None:
    """Append the book's entries."""
    columns = list(zip(*book.entries, strict=True))
    uuids, ints = arrays.uuids, arrays.ints
    tx.write(
        queries.insert_entries,
        lambda: {
            "region": region,
            "booked_at": book.booked_at,
            "merchant_ids": uuids(columns[0]),
            "account_ids": uuids(columns[1]),
            "versions": ints(columns[2]),
            "transfer_ids": uuids(columns[3]),
            "directions": arrays.words(columns[4]),
            "posted_minor": ints(columns[5]),
            "pending_minor": ints(columns[6]),
            "posted_debits_minor": ints(columns[7]),
            "posted_credits_minor": ints(columns[8]),
            "pending_debits_minor": ints(columns[9]),
            "pending_credits_minor": ints(columns[10]),
        },
        rows=len(book.entries),
    )


def insert_block(tx: Tx, region: str, block: Block) -> None:
    """Append a block to its writer's chain."""
    tx.write(
        queries.insert_block,
        lambda: {
            "region": region,
            "writer": block.writer,
            "sequence": block.sequence,
            "previous_hash": block.previous_hash,
            "root": block.root,
            "hash": block.hash,
            "merchant_ids": arrays.uuids(block.merchant_ids),
            "transfer_ids": arrays.uuids(block.transfer_ids),
            "created_at": block.created_at,
        },
        rows=1,
    )


async def pull_holds(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> int:
    """Bring some (merchant, id) home, of merchants that move; returns how many came."""
    return len(await pull(tx, queries.pull_holds, region, moving, keys))


async def lock_holds(tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]) -> dict[UUID, Hold]:
    """The holds of some (merchant, id), locked in id order."""
    if not keys:
        return {}
    merchants, holds = zip(*keys, strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "hold_ids": arrays.uuids(holds),
    }
    return {row[1]: Hold(*row) for row in await tx.rows(queries.lock_holds, params)}


def insert_holds(tx: Tx, region: str, holds: Sequence[Hold]) -> None:
    """Begin holds."""
    if not holds:
        return
    tx.write(
        queries.insert_holds,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([h.merchant_id for h in holds]),
            "hold_ids": arrays.uuids([h.id for h in holds]),
            "payment_ids": arrays.uuids([h.payment_id for h in holds]),
            "debit_account_ids": arrays.uuids([h.debit_account_id for h in holds]),
            "credit_account_ids": arrays.uuids([h.credit_account_id for h in holds]),
            "amounts_minor": arrays.ints([h.amount_minor for h in holds]),
            "expires_ats": arrays.times([h.expires_at for h in holds]),
            "buckets": arrays.ints([h.id.int % HOLD_BUCKETS for h in holds]),
        },
        rows=len(holds),
    )


def update_holds(tx: Tx, region: str, holds: Sequence[Hold]) -> None:
    """Write what became of holds."""
    if not holds:
        return
    tx.write(
        queries.update_holds,
        lambda: {
            "regions": arrays.same(region, len(holds)),
            "merchant_ids": arrays.uuids([h.merchant_id for h in holds]),
            "hold_ids": arrays.uuids([h.id for h in holds]),
            "posted_minor": arrays.ints([h.posted_minor for h in holds]),
            "statuses": arrays.words([h.status for h in holds]),
            "expires_ats": arrays.times([h.expires_at for h in holds]),
        },
        rows=len(holds),
    )
