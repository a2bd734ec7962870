"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.domains.ledger import metadata_texts
from app.domains.payouts.model import BankAccount, Payout, PayoutPlan
from app.engine.database import Moving, Queries, Query, Tx, arrays, pull
from app.engine.database.engine import Rows

queries = Queries(__package__)

_METADATA = msgspec.json.Decoder(dict[str, str])

Key = tuple[UUID, UUID]
"""(merchant, id)"""


def payout_of(row: tuple[Any, ...]) -> Payout:
    """The struct of a payout's row."""
    return Payout(*(*row[:10], _METADATA.decode(row[10]), *row[11:]))


def bank_account_of(row: tuple[Any, ...]) -> BankAccount:
    """The struct of a bank account's row."""
    return BankAccount(*(*row[:4], _METADATA.decode(row[4]), *row[5:]))


async def load_bank_accounts(
    tx: Tx, region: str, moving: Moving, keys: Collection[Key]
) -> dict[Key, BankAccount]:
    """The bank accounts of some (merchant, id)."""
    await pull(tx, queries.pull_bank_accounts, region, moving, keys)
    rows = await _by_keys(tx, queries.load_bank_accounts, region, keys)
    return {(row[0], row[1]): bank_account_of(row) for row in rows}


async def lock_payouts(
    tx: Tx, region: str, moving: Moving, keys: Collection[Key]
) -> dict[Key, Payout]:
    """The payouts of some (merchant, id), locked in id order."""
    await pull(tx, queries.pull_payouts, region, moving, keys)
    rows = await _by_keys(tx, queries.lock_payouts, region, keys)
    return {(row[0], row[1]): payout_of(row) for row in rows}


async def _by_keys(tx: Tx, query: Query, region: str, keys: Collection[Key]) -> Rows:
    if not keys:
        return ()
    merchants, names = zip(*sorted(keys), strict=True)
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids(merchants),
        "ids": arrays.uuids(names),
    }
    return await tx.rows(query, params)


async def load_plans(
    tx: Tx, pairs: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], PayoutPlan]:
    """The plans of some (merchant, currency); most have none."""
    if not pairs:
        return {}
    merchants, currencies = zip(*sorted(pairs), strict=True)
    params = {"merchant_ids": arrays.uuids(merchants), "currencies": arrays.words(currencies)}
    return {(row[0], row[1]): PayoutPlan(*row) for row in await tx.rows(queries.load_plans, params)}


def insert_bank_accounts(tx: Tx, region: str, accounts: Sequence[BankAccount]) -> None:
    """Record bank accounts."""
    if not accounts:
        return
    tx.write(
        queries.insert_bank_accounts,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([a.merchant_id for a in accounts]),
            "ids": arrays.uuids([a.id for a in accounts]),
            "ibans": arrays.words([a.iban for a in accounts]),
            "names": arrays.texts([a.name for a in accounts]),
            "metadatas": metadata_texts([a.metadata for a in accounts]),
            "correlation_ids": arrays.texts([a.correlation_id for a in accounts]),
            "created_ats": arrays.times([a.created_at for a in accounts]),
        },
        rows=len(accounts),
    )


def insert_payouts(tx: Tx, region: str, payouts: Sequence[Payout]) -> None:
    """Record new payouts."""
    if not payouts:
        return
    tx.write(
        queries.insert_payouts,
        lambda: {
            "region": region,
            "merchant_ids": arrays.uuids([p.merchant_id for p in payouts]),
            "ids": arrays.uuids([p.id for p in payouts]),
            "statuses": arrays.words([p.status for p in payouts]),
            "currencies": arrays.words([p.currency for p in payouts]),
            "amounts_minor": arrays.ints([p.amount_minor for p in payouts]),
            "bank_account_ids": arrays.uuids([p.bank_account_id for p in payouts]),
            "channels": arrays.words([p.channel for p in payouts]),
            "descriptions": arrays.texts([p.description for p in payouts]),
            "metadatas": metadata_texts([p.metadata for p in payouts]),
            "created_bys": arrays.uuids([p.created_by for p in payouts]),
            "transfer_ids": arrays.uuids([p.transfer_id for p in payouts]),
            "correlation_ids": arrays.texts([p.correlation_id for p in payouts]),
            "created_ats": arrays.times([p.created_at for p in payouts]),
        },
        rows=len(payouts),
    )


def update_payouts(tx: Tx, region: str, payouts: Sequence[Payout]) -> None:
    """Write how far payouts have come."""
    if not payouts:
        return
    tx.write(
        queries.update_payouts,
        lambda: {
            "regions": arrays.same(region, len(payouts)),
            "merchant_ids": arrays.uuids([p.merchant_id for p in payouts]),
            "ids": arrays.uuids([p.id for p in payouts]),
            "statuses": arrays.words([p.status for p in payouts]),
            "failure_codes": arrays.texts([p.failure_code for p in payouts]),
            "approved_bys": arrays.uuids([p.approved_by for p in payouts]),
            "paid_transfer_ids": arrays.uuids([p.paid_transfer_id for p in payouts]),
            "returned_transfer_ids": arrays.uuids([p.returned_transfer_id for p in payouts]),
            "versions": arrays.ints([p.version for p in payouts]),
            "updated_ats": arrays.times([p.updated_at for p in payouts]),
        },
        rows=len(payouts),
    )
