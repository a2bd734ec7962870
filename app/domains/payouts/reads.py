"""Reading side: single objects, lists, plans and files, outside any transaction."""

from datetime import date
from uuid import UUID

import msgspec

from app.domains.payouts.model import BankAccount, Payout, PayoutFile, PayoutPlan, PayoutStatus
from app.domains.payouts.store import BANK_ACCOUNTS, FILES, PAYOUTS, PLANS
from app.engine.database import Listed, Page, Queries, Reader, listed

queries = Queries(__package__, "reads.sql", [PAYOUTS, BANK_ACCOUNTS, PLANS, FILES])


async def find_payout(
    reader: Reader, region: str, merchant_id: UUID, payout_id: UUID
) -> Payout | None:
    params = {"region": region, "merchant_id": merchant_id, "id": payout_id}
    rows = await reader.read(queries.find_payout, params)
    return PAYOUTS.struct_of(rows[0]) if rows else None


async def list_payouts(
    reader: Reader, region: str, merchant_id: UUID, page: Page, status: PayoutStatus | None
) -> Listed[Payout]:
    """A page of a merchant's payouts, or of those in one state, newest first."""
    params = page.params(region, merchant_id)
    if status is None:
        query = page.query(queries.list_payouts)
    elif status == "paid":
        query = page.query(queries.list_paid_payouts)
    else:
        params |= {"status": status}
        query = page.query(queries.list_payouts_by_status)
    return listed(page, [PAYOUTS.struct_of(row) for row in await reader.read(query, params)])


async def find_bank_account(
    reader: Reader, region: str, merchant_id: UUID, bank_account_id: UUID
) -> BankAccount | None:
    """One bank account of a merchant."""
    params = {"region": region, "merchant_id": merchant_id, "id": bank_account_id}
    rows = await reader.read(queries.find_bank_account, params)
    return BANK_ACCOUNTS.struct_of(rows[0]) if rows else None


async def list_bank_accounts(
    reader: Reader, region: str, merchant_id: UUID, page: Page
) -> Listed[BankAccount]:
    """A page of a merchant's bank accounts, newest first."""
    query = page.query(queries.list_bank_accounts)
    rows = await reader.read(query, page.params(region, merchant_id))
    return listed(page, [BANK_ACCOUNTS.struct_of(row) for row in rows])


async def find_plan(reader: Reader, merchant_id: UUID, currency: str) -> PayoutPlan | None:
    """How a merchant is paid out in a currency, where that was said."""
    params = {"merchant_id": merchant_id, "currency": currency}
    rows = await reader.read(queries.find_plan, params)
    return PLANS.struct_of(rows[0]) if rows else None


async def list_daily_plans(reader: Reader, after: tuple[UUID, str], limit: int) -> list[PayoutPlan]:
    """The next plans that are due every day, after a (merchant, currency)."""
    params = {"after_merchant_id": after[0], "after_currency": after[1], "page_size": limit}
    return [PLANS.struct_of(row) for row in await reader.read(queries.list_daily_plans, params)]


class WaitingPayout(msgspec.Struct, frozen=True):
    """A payout that waits for a file, and where it goes."""

    merchant_id: UUID
    payout_id: UUID
    amount_minor: int
    iban: str
    name: str


async def list_unfiled(
    reader: Reader, region: str, currency: str, after: tuple[UUID, UUID], limit: int
) -> list[WaitingPayout]:
    """Payouts that wait for a file, after a position (merchant, payout)."""
    params = {
        "region": region,
        "currency": currency,
        "after_merchant_id": after[0],
        "after_id": after[1],
        "page_size": limit,
    }
    return [WaitingPayout(*row) for row in await reader.read(queries.list_unfiled, params)]


async def list_payouts_of_file(
    reader: Reader, region: str, file_id: UUID, after: tuple[UUID, UUID], limit: int
) -> list[tuple[UUID, UUID]]:
    """(merchant, payout) of what the bank has not decided about, in a region, after a position.

    Payouts move with their merchants, and their file stays where it was made.
    """
    params = {
        "region": region,
        "file_id": file_id,
        "after_merchant_id": after[0],
        "after_id": after[1],
        "page_size": limit,
    }
    rows = await reader.read(queries.list_payouts_of_file, params)
    return [(merchant_id, payout_id) for merchant_id, payout_id in rows]


async def list_files_to_send(
    reader: Reader, region: str, after: UUID, limit: int
) -> list[PayoutFile]:
    """The next files that are not decided about, the oldest first."""
    params = {"region": region, "after_id": after, "page_size": limit}
    return [FILES.struct_of(row) for row in await reader.read(queries.list_files_to_send, params)]


async def list_files_of_day(
    reader: Reader, region: str, currency: str, day: date
) -> list[PayoutFile]:
    """The files of one day, of one region."""
    params = {"region": region, "currency": currency, "day": day}
    return [FILES.struct_of(row) for row in await reader.read(queries.list_files_of_day, params)]


async def find_file(reader: Reader, file_id: UUID) -> PayoutFile | None:
    """One file, wherever the payouts in it are by now."""
    rows = await reader.read(queries.find_file, {"id": file_id})
    return FILES.struct_of(rows[0]) if rows else None
