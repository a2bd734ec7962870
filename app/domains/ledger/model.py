"""Accounts, transfers, entries and the book that decides: pure.

A `Book` holds the accounts a batch touches, as loaded and locked. Transfers are booked into it one
after the other, in arrival order, each against the balances the earlier ones left. What is refused
leaves no trace; what is booked becomes entries with the sums after them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import InvariantViolated, PlatformError
from app.base.money import BALANCE_MINOR_MAX
from app.domains.ledger.errors import (
    AccountClosed,
    AccountNotFound,
    BalanceLimit,
    InsufficientFunds,
)

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
    def is_empty(self) -> bool:
        """Whether nothing is in it and nothing is held."""
        pending = self.pending_debits_minor or self.pending_credits_minor
        return self.posted_debits_minor == self.posted_credits_minor and not pending


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

_encode = msgspec.json.Encoder().encode


class Book:
    """The accounts of a batch and what has been booked into them so far."""

    def __init__(
        self,
        accounts: Mapping[UUID, Account],
        now: datetime,
        *,
        new: Mapping[UUID, Account] | None = None,
    ) -> None:
        self.accounts = accounts
        self.new = new or {}
        """Those of the accounts that do not exist outside the book yet."""
        # One instant for the batch, never before an account's last entry: then versions and
        # instants ascend together, even where clocks of processes differ.
        self.booked_at = max([now, *[account.booked_at for account in accounts.values()]])
        self.transfers: list[Transfer] = []
        self.entries: list[Entry] = []
        self.touched: dict[UUID, int] = {}
        """Account id -> the version it was loaded with."""

    def book(self, draft: Draft) -> Transfer | PlatformError:
        """Book a transfer, or refuse it and change nothing.

        Refusals, the first that applies: AccountNotFound, AccountClosed, InsufficientFunds,
        BalanceLimit. A draft that does not balance in each currency is a bug of the caller.
        """
        for change in draft.changes:
            refusal = self._refuse(change)
            if refusal is not None:
                return refusal
        self._assert_balanced(draft)
        # After this line the transfer must succeed.
        lines = [self._apply(draft.id, change) for change in draft.changes]
        transfer = Transfer(
            merchant_id=draft.merchant_id,
            id=draft.id,
            kind=draft.kind,
            purpose=draft.purpose,
            payment_id=draft.payment_id,
            hold_id=draft.hold_id,
            entries=_encode(lines).decode(),
            description=draft.description,
            metadata=draft.metadata,
            correlation_id=draft.correlation_id,
            booked_at=self.booked_at,
        )
        self.transfers.append(transfer)
        return transfer

    def _assert_balanced(self, draft: Draft) -> None:
        """Fail where debits and credits differ, posted or pending, in any currency."""
        accounts, changes = self.accounts, draft.changes
        if len({change.account_id for change in changes}) != len(changes):
            raise InvariantViolated(f"transfer {draft.id} names an account twice")
        currency = accounts[changes[0].account_id].currency
        posted = pending = 0
        for change in changes:
            if accounts[change.account_id].currency != currency:
                # A conversion; all others are spared the sums by currency.
                self._assert_balanced_by_currency(draft)
                return
            if change.direction == "debit":
                posted += change.posted_minor
                pending += change.pending_minor
            else:
                posted -= change.posted_minor
                pending -= change.pending_minor
        if posted or pending:
            raise InvariantViolated(f"transfer {draft.id} does not balance: {posted}, {pending}")

    def _assert_balanced_by_currency(self, draft: Draft) -> None:
        sums: dict[str, tuple[int, int]] = {}
        for change in draft.changes:
            currency = self.accounts[change.account_id].currency
            posted, pending = sums.get(currency, (0, 0))
            sign = 1 if change.direction == "debit" else -1
            sums[currency] = (
                posted + sign * change.posted_minor,
                pending + sign * change.pending_minor,
            )
        off = {currency: left for currency, left in sums.items() if any(left)}
        if off:
            raise InvariantViolated(f"transfer {draft.id} does not balance: {off}")

    def _refuse(self, change: Change) -> PlatformError | None:
        account = self.accounts.get(change.account_id)
        if account is None or account.merchant_id != change.merchant_id:
            return AccountNotFound(account=ids.encode("account", change.account_id))
        # A closed account takes no new money and no new holds; it cannot have any to release.
        if account.status != "open":
            return AccountClosed(account=ids.encode("account", account.id))
        moved = change.posted_minor + change.pending_minor
        grows = change.direction == account.normal_side
        if account.floor_minor is not None and not grows and moved > 0:
            spendable = account.available_minor - account.floor_minor
            if moved > spendable:
                return InsufficientFunds(
                    account=ids.encode("account", account.id), available=spendable, asked=moved
                )
        debits = account.posted_debits_minor + account.pending_debits_minor
        credits_ = account.posted_credits_minor + account.pending_credits_minor
        largest = debits if debits > credits_ else credits_  # noqa: FURB136 - max() costs a call
        grown = change.posted_minor if change.pending_minor < 0 else moved
        if largest + grown > BALANCE_MINOR_MAX:
            return BalanceLimit(account=ids.encode("account", account.id))
        return None

    def _apply(self, transfer_id: UUID, change: Change) -> EntryLine:
        account = self.accounts[change.account_id]
        self.touched.setdefault(account.id, account.version)
        account.version += 1
        if change.direction == "debit":
            account.posted_debits_minor += change.posted_minor
            account.pending_debits_minor += change.pending_minor
        else:
            account.posted_credits_minor += change.posted_minor
            account.pending_credits_minor += change.pending_minor
        self.entries.append(
            (
                account.merchant_id,
                account.id,
                account.version,
                transfer_id,
                change.direction,
                change.posted_minor,
                change.pending_minor,
                account.posted_debits_minor,
                account.posted_credits_minor,
                account.pending_debits_minor,
                account.pending_credits_minor,
            )
        )
        return EntryLine(
            account.merchant_id.hex,
            account.id.hex,
            change.direction,
            change.posted_minor,
            change.pending_minor,
            account.version,
        )


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
    def left_minor(self) -> int:
        """What can still be posted."""
        return self.amount_minor - self.posted_minor if self.status == "open" else 0
