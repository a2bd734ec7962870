"""Opening the book of a batch, and writing what was booked in one statement a table."""

from collections.abc import Collection
from uuid import UUID

from app.domains.ledger import store
from app.domains.ledger.decisions import GENESIS, Book, make_block
from app.domains.ledger.model import ChartAccount, new_account
from app.engine.database import NOBODY_MOVES, Moving, Tx


async def open_book(
    tx: Tx,
    region: str,
    accounts: Collection[tuple[UUID, UUID]],
    chart_accounts: Collection[ChartAccount] = (),
    moving: Moving = NOBODY_MOVES,
) -> Book:
    """Lock and load what a batch touches: accounts by (merchant, id), and accounts of the chart.

    Accounts of the chart that are not there yet are in the book as new ones, and come into being if
    something is booked on them; other missing ones are not in the book and refuse what needs them.
    Those of merchants that move come home first; the platform's own never move.
    """
    wanted = {(a.merchant_id, a.id) for a in chart_accounts}
    wanted.update(accounts)
    await store.pull_accounts(tx, region, moving, wanted)
    loaded = await store.lock_accounts(tx, region, wanted) if wanted else {}
    tx.see(account.booked_at for account in loaded.values())
    now = tx.now
    new = {a.id: new_account(a, now) for a in chart_accounts if a.id not in loaded}
    return Book(loaded | new, now, new=new)


def write_book(tx: Tx, region: str, book: Book) -> None:
    """Write what was booked: sums, transfers, entries, and the journal block of this commit."""
    if not book.transfers:
        return
    writer = tx.writer
    block = make_block(
        writer.id,
        writer.sequence + 1,
        writer.head or GENESIS,
        book.transfers,
        book.booked_at,
    )
    writer.propose(block.sequence, block.hash)
    store.insert_chart_accounts(tx, region, [book.new[i] for i in book.touched if i in book.new])
    store.update_accounts(tx, region, book)
    store.insert_transfers(tx, region, book.transfers, block)
    store.insert_entries(tx, region, book)
    store.insert_block(tx, region, block)
