"""What clients see of the ledger."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from app.base import ids
from app.domains.ledger.model import Account, AccountRow, Transfer
from app.domains.ledger.reads import AccountSums, EntryRow
from app.engine.events import Fact


class AccountView(msgspec.Struct, frozen=True):
    """A ledger account: one merchant, one currency."""

    id: str
    kind: str
    """`customer_wallet`, or one of the merchant's own accounts such as `merchant_available`."""
    currency: str
    status: str
    """`open` or `closed`."""
    customer: str | None
    description: str | None
    metadata: Mapping[str, str]
    created_at: datetime
    object: str = "account"


class BalanceView(msgspec.Struct, frozen=True):
    """A balance at an instant, in minor units of the currency."""

    account: str
    currency: str
    posted: int
    """Posted inflow less posted outflow."""
    pending: int
    """Held inflow less held outflow."""
    available: int
    """Posted inflow less posted outflow less held outflow: what can be spent."""
    as_of: datetime
    version: int
    """How many entries the account had."""
    object: str = "balance"


class EntryView(msgspec.Struct, frozen=True):
    """One side of a transfer on one account, with the balance after it."""

    id: str
    account: str
    transfer: str
    direction: str
    """`debit` or `credit`."""
    amount: int
    """What was posted, in minor units."""
    pending_amount: int
    """What was held (> 0) or released (< 0), in minor units."""
    version: int
    balance: BalanceView
    created_at: datetime
    object: str = "entry"


class TransferEntryView(msgspec.Struct, frozen=True):
    """An entry as part of its transfer."""

    account: str
    direction: str
    amount: int
    pending_amount: int
    version: int
    """The account's version this entry made."""


class TransferView(msgspec.Struct, frozen=True):
    """An immutable, balanced movement of money."""

    id: str
    kind: str
    """`posted`, `pending` (a hold) or its end: `post`, `void`, `expire`."""
    purpose: str
    payment: str | None
    entries: list[TransferEntryView]
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    booked_at: datetime
    """When it was booked: what `as_of` balances go by."""
    object: str = "transfer"


def account_view(row: AccountRow) -> AccountView:
    account = row.account
    return AccountView(
        id=ids.encode("account", account.id),
        kind=account.kind,
        currency=account.currency,
        status=account.status,
        customer=account.customer,
        description=row.description,
        metadata=row.metadata,
        created_at=ids.instant(account.id),
    )


def balance_view(account: Account, as_of: datetime) -> BalanceView:
    """An account's balance on the wire."""
    return BalanceView(
        account=ids.encode("account", account.id),
        currency=account.currency,
        posted=account.posted_minor,
        pending=account.pending_minor,
        available=account.available_minor,
        as_of=as_of,
        version=account.version,
    )


def with_sums(account: Account, sums: AccountSums | EntryRow) -> Account:
    """The account as it was when its sums were these."""
    return msgspec.structs.replace(
        account,
        posted_debits_minor=sums.posted_debits_minor,
        posted_credits_minor=sums.posted_credits_minor,
        pending_debits_minor=sums.pending_debits_minor,
        pending_credits_minor=sums.pending_credits_minor,
        version=sums.version,
    )


def entry_view(account: Account, entry: EntryRow) -> EntryView:
    micros = int(entry.booked_at.timestamp()) * 1_000_000 + entry.booked_at.microsecond
    return EntryView(
        id=f"ent_{micros}_{entry.version}",
        account=ids.encode("account", account.id),
        transfer=ids.encode("transfer", entry.transfer_id),
        direction=entry.direction,
        amount=entry.posted_minor,
        pending_amount=entry.pending_minor,
        version=entry.version,
        balance=balance_view(with_sums(account, entry), entry.booked_at),
        created_at=entry.booked_at,
    )


def transfer_view(transfer: Transfer) -> TransferView:
    """A transfer on the wire; entries on the platform's own accounts are shown with theirs."""
    return TransferView(
        id=ids.encode("transfer", transfer.id),
        kind=transfer.kind,
        purpose=transfer.purpose,
        payment=ids.encode("payment", transfer.payment_id) if transfer.payment_id else None,
        entries=[
            TransferEntryView(
                account=ids.encode("account", UUID(line.account_id)),
                direction=line.direction,
                amount=line.posted_minor,
                pending_amount=line.pending_minor,
                version=line.version,
            )
            for line in transfer.lines()
        ],
        description=transfer.description,
        metadata=transfer.metadata,
        correlation_id=transfer.correlation_id,
        created_at=ids.instant(transfer.id),
        booked_at=transfer.booked_at,
    )


def overdraft_fact(account: Account, correlation_id: str, at: datetime) -> Fact:
    """The event of what is available of a merchant going below zero; its data is the balance."""
    return Fact(
        merchant_id=account.merchant_id,
        type="balance.overdrawn",
        object_id=account.id,
        sequence=account.overdrafts,
        data=msgspec.json.encode(balance_view(account, at)).decode(),
        correlation_id=correlation_id,
        created_at=at,
    )


def transfer_fact(transfer: Transfer, event_type: str) -> Fact:
    """The event of a transfer that a client asked for; its data is the answer."""
    return Fact(
        merchant_id=transfer.merchant_id,
        type=event_type,
        object_id=transfer.id,
        sequence=1,
        data=msgspec.json.encode(transfer_view(transfer)).decode(),
        correlation_id=transfer.correlation_id,
        created_at=transfer.booked_at,
    )
