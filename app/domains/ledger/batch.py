"""Opening the book of a batch, and writing what was booked in one statement a table."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from app.base import ids
from app.domains import merchants
from app.domains.ledger import store
from app.domains.ledger.decisions import GENESIS, Book, make_block
from app.domains.ledger.model import Account, ChartAccount, new_account, next_of, twin_of
from app.domains.ledger.views import overdraft_fact
from app.engine import events
from app.engine.database import NOBODY_MOVES, Moving, Tx

_NEXT_MAX = 64  # accounts in a row that are full: more than all money there is


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
    Those of merchants that move come home first; the platform's own never move. Test merchants have
    a chart of the platform of their own, and accounts of the platform that are full are followed by
    others: the book knows which stand for those that decisions name.
    """
    owners = {merchant_id for merchant_id, _ in accounts}
    owners.update(a.merchant_id for a in chart_accounts if a.merchant_id != ids.NIL)
    shared = [a for a in chart_accounts if a.merchant_id == ids.NIL]
    test = await merchants.list_test_merchants(tx, owners) if shared else frozenset()
    chart = set(chart_accounts)
    if test:
        chart.update(_twin(a) for a in shared)
        if test == owners:
            chart.difference_update(shared)
    wanted = {(a.merchant_id, a.id) for a in chart}
    wanted.update(accounts)
    await store.pull_accounts(tx, region, moving, wanted)
    loaded = await store.lock_accounts(tx, region, wanted) if wanted else {}
    followed = await _lock_next(tx, region, chart, loaded)
    tx.see(account.booked_at for account in loaded.values())
    now = tx.now
    new = {a.id: new_account(a, now) for a in chart if a.id not in loaded}
    return Book(loaded | new, now, new=new, test_merchants=test, followed=followed)


async def _lock_next(
    tx: Tx, region: str, chart: set[ChartAccount], loaded: dict[UUID, Account]
) -> dict[UUID, UUID]:
    """Lock and add what follows accounts of the platform that are full: full one -> next one."""
    followed: dict[UUID, UUID] = {}
    full = [a for a in chart if a.id in loaded and loaded[a.id].is_full]
    for _ in range(_NEXT_MAX):
        if not full:
            break
        following = [msgspec.structs.replace(a, id=next_of(a.id)) for a in full]
        followed.update({a.id: b.id for a, b in zip(full, following, strict=True)})
        keys = {(a.merchant_id, a.id) for a in following}
        loaded.update(await store.lock_accounts(tx, region, keys))
        chart.update(following)
        full = [a for a in following if a.id in loaded and loaded[a.id].is_full]
    return followed


def _twin(account: ChartAccount) -> ChartAccount:
    return msgspec.structs.replace(account, merchant_id=ids.TEST, id=twin_of(account.id))


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
    if book.overdrawn:
        latest = {account.id: account for account, _ in book.overdrawn}
        store.update_overdrafts(tx, region, latest.values())
        events.append(
            tx, region, [overdraft_fact(*each, book.booked_at) for each in book.overdrawn]
        )
