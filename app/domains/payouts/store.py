"""Writing side: one typed function per statement."""

from collections.abc import Collection, Sequence
from uuid import UUID

from app.domains.payouts.model import BankAccount, Payout, PayoutFile, PayoutPlan
from app.engine.database import Moving, Queries, Query, Rows, TableOf, Tx, arrays, pull

PAYOUTS = TableOf(Payout, "payouts", words=("currency",), renamed={"channel": "road"})
BANK_ACCOUNTS = TableOf(BankAccount, "bank_accounts", words=("iban",))
PLANS = TableOf(PayoutPlan, "payout_plans", words=("currency",))
FILES = TableOf(PayoutFile, "payout_files")
queries = Queries(__package__, tables=[PAYOUTS, BANK_ACCOUNTS, PLANS])

Key = tuple[UUID, UUID]
"""(merchant, id)"""


async def load_bank_accounts(
    tx: Tx, region: str, moving: Moving, keys: Collection[Key]
) -> dict[Key, BankAccount]:
    """The bank accounts of some (merchant, id)."""
    await pull(tx, queries.pull_bank_accounts, region, moving, keys)
    rows = await _by_keys(tx, queries.load_bank_accounts, region, keys)
    return {(row[0], row[1]): BANK_ACCOUNTS.struct_of(row) for row in rows}


async def lock_payouts(
    tx: Tx, region: str, moving: Moving, keys: Collection[Key]
) -> dict[Key, Payout]:
    """The payouts of some (merchant, id), locked in id order."""
    await pull(tx, queries.pull_payouts, region, moving, keys)
    rows = await _by_keys(tx, queries.lock_payouts, region, keys)
    locked = {(row[0], row[1]): PAYOUTS.struct_of(row) for row in rows}
    tx.see(each.updated_at for each in locked.values())
    return locked


async def _by_keys(tx: Tx, query: Query, region: str, keys: Collection[Key]) -> Rows:
    return await tx.rows(query, arrays.by_keys(region, sorted(keys))) if keys else ()


async def load_plans(
    tx: Tx, pairs: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], PayoutPlan]:
    """The plans of some (merchant, currency); most have none."""
    if not pairs:
        return {}
    merchants, currencies = zip(*sorted(pairs), strict=True)
    params = {"merchant_id": arrays.uuids(merchants), "currency": arrays.words(currencies)}
    rows = await tx.rows(queries.load_plans, params)
    return {(row[0], row[1]): PLANS.struct_of(row) for row in rows}


def insert_bank_accounts(tx: Tx, region: str, accounts: Sequence[BankAccount]) -> None:
    if not accounts:
        return
    query = queries.insert_bank_accounts
    tx.write(
        query,
        lambda: BANK_ACCOUNTS.arrays_of(query, accounts) | {"region": region},
        rows=len(accounts),
    )


def insert_payouts(tx: Tx, region: str, payouts: Sequence[Payout]) -> None:
    if not payouts:
        return
    query = queries.insert_payouts
    tx.write(
        query,
        lambda: PAYOUTS.arrays_of(query, payouts) | {"region": region},
        rows=len(payouts),
    )


def update_payouts(tx: Tx, region: str, payouts: Sequence[Payout]) -> None:
    """Write how far payouts have come."""
    if not payouts:
        return
    query = queries.update_payouts
    tx.write(
        query,
        lambda: PAYOUTS.arrays_of(query, payouts) | {"region": arrays.same(region, len(payouts))},
        rows=len(payouts),
    )
