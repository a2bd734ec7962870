"""Accounts, transfers, entries, holds, and the chart of accounts.

The chart says which accounts exist beside the customers' wallets, and their ids: one set per
merchant and currency; the platform's own per region and currency. Their ids derive from their
names, so none is ever looked up, and they come into being when first used.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

import msgspec

from app.base import ids

Direction = Literal["debit", "credit"]

AccountStatus = Literal["open", "closed"]

HoldStatus = Literal["open", "posted", "voided", "expired"]

NO_METADATA: dict[str, str] = {}


class Account(msgspec.Struct):
    """A ledger account with its four sums, in minor units, each counted on its own side."""

    merchant_id: UUID
    id: UUID
    kind: str
    currency: str
    normal_side: str
    floor_minor: int | None
    """The available balance never goes below; none: it may go anywhere."""
    posted_debits_minor: int
    posted_credits_minor: int
    pending_debits_minor: int
    """Held outflow (of a credit-normal account)."""
    pending_credits_minor: int
    version: int
    """Counts the account's entries; the last entry has this version."""
    status: AccountStatus
    customer: str | None
    booked_at: datetime
    """When the last entry was booked; the next one is not booked before it."""
    overdrafts: int = 0
    """How often what is available of a merchant went below zero."""

    @property
    def posted_minor(self) -> int:
        """Posted inflow less posted outflow."""
        net = self.posted_credits_minor - self.posted_debits_minor
        return net if self.normal_side == "credit" else -net

    @property
    def pending_minor(self) -> int:
        """Held inflow less held outflow."""
        net = self.pending_credits_minor - self.pending_debits_minor
        return net if self.normal_side == "credit" else -net

    @property
    def available_minor(self) -> int:
        """Posted inflow less posted outflow less held outflow: what can be spent now."""
        if self.normal_side == "credit":
            return self.posted_credits_minor - self.posted_debits_minor - self.pending_debits_minor
        return self.posted_debits_minor - self.posted_credits_minor - self.pending_credits_minor

    @property
    def is_full(self) -> bool:
        """Whether it is an account of the platform's that the next one has to follow."""
        if self.merchant_id not in PLATFORM:
            return False
        debits = self.posted_debits_minor + self.pending_debits_minor
        return max(debits, self.posted_credits_minor + self.pending_credits_minor) > FULL_MINOR

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it and nothing is held."""
        pending = self.pending_debits_minor or self.pending_credits_minor
        return self.posted_debits_minor == self.posted_credits_minor and not pending


class AccountRow(msgspec.Struct, frozen=True):
    """An account with what its page shows."""

    account: Account
    description: str | None
    metadata: Mapping[str, str]
    created_at: datetime


class Change(msgspec.Struct, frozen=True):
    """What a transfer does to one account, before it is booked."""

    merchant_id: UUID
    account_id: UUID
    direction: Direction
    posted_minor: int
    """>= 0"""
    pending_minor: int = 0
    """Change of what is held on that side: > 0 holds, < 0 releases."""


class Draft(msgspec.Struct, frozen=True):
    """A transfer that asks to be booked."""

    merchant_id: UUID
    id: UUID
    kind: str
    """posted, pending, post, void or expire."""
    purpose: str
    """Why money moved: `payment`, `refund`, `deposit`, `transfer` ..."""
    changes: Sequence[Change]
    correlation_id: str
    payment_id: UUID | None = None
    hold_id: UUID | None = None
    description: str | None = None
    metadata: Mapping[str, str] = NO_METADATA


class EntryLine(msgspec.Struct, frozen=True, array_like=True):
    """An entry inside its transfer's own text; the journal hashes it, so its form never changes."""

    merchant_id: str
    account_id: str
    direction: Direction
    posted_minor: int
    pending_minor: int
    version: int


class Transfer(msgspec.Struct, frozen=True):
    """A booked transfer; immutable."""

    merchant_id: UUID
    id: UUID
    kind: str
    purpose: str
    payment_id: UUID | None
    hold_id: UUID | None
    entries: str
    """JSON array of `EntryLine`s: the text that the journal block hashed."""
    description: str | None
    metadata: Mapping[str, str]
    correlation_id: str
    booked_at: datetime

    def lines(self) -> list[EntryLine]:
        """The entries, read back from the text."""
        return msgspec.json.decode(self.entries, type=list[EntryLine])


Entry = tuple[UUID, UUID, int, UUID, str, int, int, int, int, int, int]
"""merchant_id, account_id, version, transfer_id, direction, posted_minor, pending_minor, and the
account's posted debits, posted credits, pending debits, pending credits after it. A plain tuple,
because a batch makes thousands and only turns them into columns."""


HOLD_BUCKETS: Final = 16
"""Buckets of the index of holds by when they expire."""


class Hold(msgspec.Struct):
    """A pending transfer that has not ended, or how it ended."""

    merchant_id: UUID
    id: UUID
    payment_id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    amount_minor: int
    posted_minor: int
    status: HoldStatus
    expires_at: datetime

    @property
    def bucket(self) -> int:
        """In which bucket of the index of holds by when they expire it is."""
        return self.id.int % HOLD_BUCKETS

    @property
    def left_minor(self) -> int:
        """What can still be posted."""
        return self.amount_minor - self.posted_minor if self.status == "open" else 0


STRIPES: Final = 8  # as many writers use a hot platform account without meeting on one row

CREDIT_NORMAL: Final = frozenset(
    "customer_wallet merchant_pending merchant_available platform_fees payouts_in_transit "
    "disputes_held fx_spread rounding".split()
)

DEBIT_NORMAL: Final = frozenset(
    "processor_receivable bank_cash processor_costs dispute_losses fx_position".split()
)


class ChartAccount(msgspec.Struct, frozen=True):
    """An account of the chart, by what it is."""

    merchant_id: UUID
    id: UUID
    kind: str
    currency: str


def normal_side(kind: str) -> str:
    """`debit` or `credit`: the side on which an account of this kind grows."""
    return "credit" if kind in CREDIT_NORMAL else "debit"


def new_account(account: ChartAccount, now: datetime) -> Account:
    """An account of the chart before its first entry; none of them has a floor."""
    return Account(
        merchant_id=account.merchant_id,
        id=account.id,
        kind=account.kind,
        currency=account.currency,
        normal_side=normal_side(account.kind),
        floor_minor=None,
        posted_debits_minor=0,
        posted_credits_minor=0,
        pending_debits_minor=0,
        pending_credits_minor=0,
        version=0,
        status="open",
        customer=None,
        booked_at=now,
    )


@lru_cache(maxsize=100_000)  # a few accounts per merchant and currency
def merchant_account(merchant_id: UUID, currency: str, kind: str) -> ChartAccount:
    """A merchant's own account of `kind`; its id sorts as if made with the merchant."""
    account_id = ids.derived(merchant_id, currency, kind, at=merchant_id)
    return ChartAccount(merchant_id, account_id, kind, currency)


@lru_cache(maxsize=10_000)
def platform_account(region: str, currency: str, kind: str, stripe: int = 0) -> ChartAccount:
    """The platform's account of `kind` in a region; hot ones exist in stripes."""
    account_id = ids.derived(region, currency, kind, stripe)
    return ChartAccount(ids.NIL, account_id, kind, currency)


PLATFORM: Final = frozenset({ids.NIL, ids.TEST})
"""Who owns accounts that merchants share."""

FULL_MINOR: Final = 2**60
"""The gross sum with which an account of the platform is followed by the next one. Sums are INT8:
7/8 of that are left for batches that still use it, 896 of the largest amounts."""


@lru_cache(maxsize=10_000)
def twin_of(account_id: UUID) -> UUID:
    """The account that stands for this one of the platform where a test merchant books."""
    return ids.derived(account_id, "test")


@lru_cache(maxsize=10_000)
def next_of(account_id: UUID) -> UUID:
    """The account that follows one of the platform's whose sums are full."""
    return ids.derived(account_id, "next")


class Block(msgspec.Struct, frozen=True):
    """One commit's page of the journal."""

    writer: UUID
    sequence: int
    """1, 2, 3 ... within the writer's chain."""
    previous_hash: bytes
    root: bytes
    hash: bytes
    merchant_ids: Sequence[UUID]
    transfer_ids: Sequence[UUID]
    created_at: datetime
