"""The ledger: accounts, transfers, entries, holds, and the journal over them.

Guarantees: every transfer balances; every balance equals the sum of its entries; an account's
entries are numbered without gaps; no account with a floor goes below it; a hold ends once.

Owns `accounts`, `transfers`, `entries`, `holds` and `journal_blocks`.

Never knows why money moves: payments and their like say so by a transfer's purpose.
"""

from app.domains.ledger.batch import open_book, write_book
from app.domains.ledger.commands import (
    CloseAccount,
    EntrySpec,
    MakeDeposit,
    MakeTransfer,
    OpenAccount,
)
from app.domains.ledger.decisions import (
    Book,
    begin_hold,
    post_hold,
    refuse_below,
    refuse_ended,
    refuse_wallet,
    release_hold,
)
from app.domains.ledger.model import Account, Change, Draft, Hold, Transfer
from app.domains.ledger.store import (
    insert_holds,
    lock_holds,
    pull_holds,
    update_holds,
)
from app.domains.ledger.views import transfer_fact

__all__ = [
    "Account",
    "Book",
    "Change",
    "CloseAccount",
    "Draft",
    "EntrySpec",
    "Hold",
    "MakeDeposit",
    "MakeTransfer",
    "OpenAccount",
    "Transfer",
    "begin_hold",
    "insert_holds",
    "lock_holds",
    "open_book",
    "post_hold",
    "pull_holds",
    "refuse_below",
    "refuse_ended",
    "refuse_wallet",
    "release_hold",
    "transfer_fact",
    "update_holds",
    "write_book",
]
