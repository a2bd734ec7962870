"""Reading side: one typed function per statement, outside any transaction."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.domains.ledger.model import AccountRow, Transfer
from app.domains.ledger.store import ACCOUNTS, TRANSFERS, account_row
from app.engine.database import Listed, Page, Queries, Reader, TableOf, listed


class AccountSums(msgspec.Struct, frozen=True):
    """The four sums of an account and the version they belong to."""

    posted_debits_minor: int
    posted_credits_minor: int
    pending_debits_minor: int
    pending_credits_minor: int
    version: int


class EntryRow(msgspec.Struct, frozen=True):
    """An entry with the account's sums after it."""

    booked_at: datetime
    version: int
    transfer_id: UUID
    direction: str
    posted_minor: int
    pending_minor: int
    posted_debits_minor: int
    posted_credits_minor: int
    pending_debits_minor: int
    pending_credits_minor: int


class HoldDue(msgspec.Struct, frozen=True):
    """A hold whose time has come."""

    merchant_id: UUID
    hold_id: UUID
    payment_id: UUID


class EntryPosition(msgspec.Struct, frozen=True):
    """A place in an account's timeline."""

    booked_at: datetime
    version: int


ENTRIES = TableOf(EntryRow, "entries")
queries = Queries(__package__, "reads.sql", [ACCOUNTS, TRANSFERS, ENTRIES])

_FIRST = EntryPosition(datetime.fromisoformat("0001-01-02T00:00:00+00:00"), 0)
_LAST = EntryPosition(datetime.fromisoformat("9999-12-30T00:00:00+00:00"), 0)


async def find_account(
    reader: Reader, region: str, merchant_id: UUID, account_id: UUID
) -> AccountRow | None:
    params = {"region": region, "merchant_id": merchant_id, "id": account_id}
    rows = await reader.read(queries.find_account, params)
    return account_row(rows[0]) if rows else None


async def list_accounts(
    reader: Reader, region: str, merchant_id: UUID, page: Page
) -> Listed[AccountRow]:
    """A page of a merchant's accounts."""
    query = page.query(queries.list_accounts)
    rows = await reader.read(query, page.params(region, merchant_id))
    return listed(page, [account_row(row) for row in rows])


async def find_balance_as_of(
    reader: Reader, region: str, merchant_id: UUID, account_id: UUID, as_of: datetime
) -> AccountSums:
    """An account's sums after its last entry at or before `as_of`; zeros before its first one."""
    params = {
        "region": region,
        "merchant_id": merchant_id,
        "account_id": account_id,
        "as_of": as_of,
    }
    rows = await reader.read(queries.find_balance_as_of, params)
    return AccountSums(*rows[0]) if rows else AccountSums(0, 0, 0, 0, 0)


async def list_entries(
    reader: Reader,
    region: str,
    merchant_id: UUID,
    account_id: UUID,
    page: Page,
    *,
    before: EntryPosition | None,
    after: EntryPosition | None,
) -> Listed[EntryRow]:
    """A page of an account's entries: older than `before`, or newer than `after`, newest first."""
    before, after = before or _LAST, after or _FIRST
    params = {
        "region": region,
        "merchant_id": merchant_id,
        "account_id": account_id,
        "before_at": before.booked_at,
        "before_version": before.version,
        "after_at": after.booked_at,
        "after_version": after.version,
        "page_size": page.limit + 1,
    }
    rows = await reader.read(page.query(queries.list_entries), params)
    return listed(page, [ENTRIES.struct_of(row) for row in rows])


async def find_transfer(
    reader: Reader, region: str, merchant_id: UUID, transfer_id: UUID
) -> Transfer | None:
    params = {"region": region, "merchant_id": merchant_id, "id": transfer_id}
    rows = await reader.read(queries.find_transfer, params)
    return TRANSFERS.struct_of(rows[0]) if rows else None


async def list_transfers(
    reader: Reader, region: str, merchant_id: UUID, page: Page
) -> Listed[Transfer]:
    """A page of a merchant's transfers."""
    query = page.query(queries.list_transfers)
    rows = await reader.read(query, page.params(region, merchant_id))
    return listed(page, [TRANSFERS.struct_of(row) for row in rows])


async def list_holds_to_expire(
    reader: Reader, region: str, bucket: int, now: datetime, limit: int
) -> list[HoldDue]:
    """Open holds of a bucket whose time has come, the oldest first."""
    params = {"region": region, "bucket": bucket, "now": now, "page_size": limit}
    rows = await reader.read(queries.list_holds_to_expire, params)
    return [HoldDue(*row) for row in rows]
