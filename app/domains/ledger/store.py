"""Writing side: one typed function per statement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.domains.ledger.decisions import Book
from app.domains.ledger.model import Account, AccountRow, Block, Hold, Transfer
from app.engine.database import KeysTaken, Moving, Queries, TableOf, Tx, arrays, pull

ACCOUNTS = TableOf(Account, "accounts")
TRANSFERS = TableOf(Transfer, "transfers", words=("kind", "purpose"))
HOLDS = TableOf(Hold, "holds")
queries = Queries(__package__, tables=[ACCOUNTS, TRANSFERS, HOLDS])


def account_row(row: tuple[Any, ...]) -> AccountRow:
    """The struct of a row that ends in description, metadata, created_at."""
    metadata = msgspec.json.decode(row[16], type=dict[str, str])
    return AccountRow(ACCOUNTS.struct_of(row[:15]), row[15], metadata, row[17])


class WalletRow(msgspec.Struct, frozen=True):
    """A wallet to be opened."""

    merchant_id: UUID
    id: UUID
    currency: str
    customer: str | None
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str


async def pull_accounts(
    tx: Tx, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> None:
    """Bring some (merchant, id) home, of merchants that move."""
    await pull(tx, queries.pull_accounts, region, moving, keys)


async def lock_accounts(
    tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, Account]:
    """The accounts of some (merchant, id), locked in id order; missing ones are left out."""
    rows = await tx.rows(queries.lock_accounts, arrays.by_keys(region, keys))
    return {row[1]: ACCOUNTS.struct_of(row) for row in rows}


async def lock_account_rows(
    tx: Tx, region: str, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, AccountRow]:
    """The accounts of some (merchant, id) with what their pages show, locked in id order."""
    if not keys:
        return {}
    rows = await tx.rows(queries.lock_account_rows, arrays.by_keys(region, keys))
    locked = {row[1]: account_row(row) for row in rows}
    tx.see(each.account.booked_at for each in locked.values())
    return locked


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
            "metadatas": arrays.jsons([w.metadata for w in wallets]),
            "correlation_ids": arrays.texts([w.correlation_id for w in wallets]),
        },
        rows=len(wallets),
    )


def close_accounts(tx: Tx, region: str, accounts: Sequence[Account]) -> None:
    if accounts:
        tx.write(
            queries.close_accounts,
            lambda: arrays.by_keys(region, [(a.merchant_id, a.id) for a in accounts]),
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


def update_overdrafts(tx: Tx, region: str, accounts: Collection[Account]) -> None:
    """Write how often some accounts were overdrawn."""
    keys = [(a.merchant_id, a.id) for a in accounts]
    tx.write(
        queries.update_overdrafts,
        lambda: (
            arrays.by_keys(region, keys)
            | {"overdrafts": arrays.ints([account.overdrafts for account in accounts])}
        ),
        rows=len(keys),
    )


def insert_transfers(tx: Tx, region: str, transfers: Sequence[Transfer], block: Block) -> None:
    """Book the transfers of a block."""
    query = queries.insert_transfers
    tx.write(
        query,
        lambda: (
            TRANSFERS.arrays_of(query, transfers)
            | {
                "region": region,
                "block_writer": block.writer,
                "block_sequence": block.sequence,
                "booked_at": transfers[0].booked_at,
            }
        ),
        rows=len(transfers),
    )


def insert_entries(tx: Tx, region: str, book: Book) -> None:
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
    rows = await tx.rows(queries.lock_holds, arrays.by_keys(region, keys))
    return {row[1]: HOLDS.struct_of(row) for row in rows}


def insert_holds(tx: Tx, region: str, holds: Sequence[Hold]) -> None:
    if not holds:
        return
    query = queries.insert_holds
    tx.write(
        query,
        lambda: HOLDS.arrays_of(query, holds) | {"region": region},
        rows=len(holds),
    )


def update_holds(tx: Tx, region: str, holds: Sequence[Hold]) -> None:
    if not holds:
        return
    query = queries.update_holds
    tx.write(
        query,
        lambda: HOLDS.arrays_of(query, holds) | {"region": arrays.same(region, len(holds))},
        rows=len(holds),
    )
