"""The final reading: everything that the database has of the run's merchants.

It does not go through the api, whose mistakes it is to find. One consistent snapshot, in pages.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from app.base import ids
from app.base.settings import Settings
from app.devkit.chaos.model import (
    Books,
    FinalAccount,
    FinalEntry,
    FinalFlow,
    FinalPayment,
    FinalRefund,
    FinalTransfer,
    Kept,
    Shop,
)
from app.engine.database import Database, Queries, Query

queries = Queries(__package__)

_PAGE_ROWS = 4_000  # a few MB
_EARLIEST = "0001-01-01 00:00:00+00"
"""Before everything that is booked."""

Connection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"
Row: TypeAlias = tuple[Any, ...]


async def read_books(url: str, shops: Sequence[Shop]) -> Books:
    """Read the merchants' rows in the database at `url`, as of one moment.

    Raises:
        psycopg.OperationalError: it is not reachable.
    """
    books = _empty_books()
    async with Database.open(Settings.load({}), url) as database, database.snapshot() as connection:
        for shop in shops:
            await _Shelf(connection, shop).read(books)
    return books


async def list_open_flows(url: str, shops: Sequence[Shop]) -> list[FinalFlow]:
    """The merchants' flows that have not ended.

    Raises:
        psycopg.OperationalError: the database is not reachable.
    """
    books = _empty_books()
    async with Database.open(Settings.load({}), url) as database, database.snapshot() as connection:
        for shop in shops:
            await _Shelf(connection, shop).read_flows(books)
    return books.flows


def _empty_books() -> Books:
    return Books(accounts=[], transfers=[], entries=[], payments=[], refunds=[], kept={}, flows=[])


class _Shelf:
    """One merchant's rows."""

    def __init__(self, connection: Connection, shop: Shop) -> None:
        self._connection = connection
        self._merchant = shop.merchant
        self._owner = {
            "region": shop.region,
            "merchant_id": ids.decode("merchant", shop.merchant),
            "page_size": _PAGE_ROWS,
        }

    async def read(self, books: Books) -> None:
        """Add everything to the books."""
        merchant = self._merchant
        async for id_, kind, version, *sums in self._rows(queries.list_accounts):
            books.accounts.append(FinalAccount(merchant, _account(id_), kind, version, _sums(sums)))
        async for id_, cause, payment_id, purpose in self._rows(queries.list_transfers):
            payment = None if payment_id is None else ids.encode("payment", payment_id)
            books.transfers.append(
                FinalTransfer(merchant, ids.encode("transfer", id_), cause, payment, purpose)
            )
        async for row in self._rows(
            queries.list_entries, after_booked_at=_EARLIEST, after_version=0
        ):
            books.entries.append(_entry(row))
        async for row in self._rows(queries.list_payments):
            books.payments.append(_payment(row))
        async for id_, cause, payment_id, amount, status in self._rows(queries.list_refunds):
            payment = ids.encode("payment", payment_id)
            refund = FinalRefund(ids.encode("refund", id_), cause, payment, amount, status)
            books.refunds.append(refund)
        await self.read_flows(books)
        async for _, key, status, body in self._rows(queries.list_answers):
            books.kept[merchant, key] = Kept(key, status, body)

    async def read_flows(self, books: Books) -> None:
        """Add the flows that have not ended."""
        async for _, cause, name, status, attempts, note in self._rows(queries.list_open_flows):
            books.flows.append(FinalFlow(cause, name, status, attempts, note))

    async def _rows(self, query: Query, **more: Any) -> AsyncIterator[Row]:
        """All rows of a paged statement; each begins with its position: the id, then `more`."""
        position = {"after_id": ids.NIL, **more}
        while True:
            cursor = await self._connection.execute(query.text, self._owner | position)
            rows = await cursor.fetchall()
            for row in rows:
                yield row
            if len(rows) < _PAGE_ROWS:
                return
            position = dict(zip(position, rows[-1], strict=False))


def _payment(row: Row) -> FinalPayment:
    id_, cause, account_id, amount, captured, refunded, fee, status, method = row
    return FinalPayment(
        id=ids.encode("payment", id_),
        correlation_id=cause,
        account=_account(account_id),
        amount=amount,
        captured=captured,
        refunded=refunded,
        fee=fee,
        status=status,
        method=method,
    )


def _entry(row: Row) -> FinalEntry:
    account_id, _, version, transfer_id, direction, posted, pending, *sums = row
    return FinalEntry(
        account=_account(account_id),
        version=version,
        transfer=ids.encode("transfer", transfer_id),
        direction=direction,
        posted=posted,
        pending=pending,
        sums=_sums(sums),
    )


def _account(id_: UUID) -> str:
    return ids.encode("account", id_)


def _sums(sums: Sequence[int]) -> tuple[int, int, int, int]:
    posted_debits, posted_credits, pending_debits, pending_credits = sums
    return posted_debits, posted_credits, pending_debits, pending_credits
