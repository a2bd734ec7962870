"""The book that decides, what becomes of holds, and the blocks of the journal: pure.

A `Book` holds the accounts a batch touches, as loaded and locked. Transfers are booked into it one
after the other, in arrival order, each against the balances the earlier ones left. What is refused
leaves no trace; what is booked becomes entries with the sums after them.

A hold is money set aside by a pending transfer, posted in parts or given back. It ends once: posted
in full or for good, voided, or expired. Each function about it books one transfer and moves the
hold on, or refuses and changes nothing.

The journal is what each commit added, hashed so that an edit is noticed. A block holds
the Merkle root over its transfers and the hash of the previous block of its writer. Writers chain
for themselves, so there is no lock and no global order to wait for.
Source of the tree's form: RFC 6962, section 2.1 (leaves and nodes are hashed apart).
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.base import ids, money
from app.base.errors import InvariantViolated, PlatformError
from app.base.money import BALANCE_MINOR_MAX
from app.domains.ledger.errors import (
    AccountClosed,
    AccountNotFound,
    AccountNotUsable,
    BalanceLimit,
    CurrencyEnded,
    CurrencyMismatch,
    HoldExceeded,
    HoldNotOpen,
    InsufficientFunds,
    NegativeLimitExceeded,
)
from app.domains.ledger.model import (
    PLATFORM,
    Account,
    Block,
    Change,
    Draft,
    Entry,
    EntryLine,
    Hold,
    Transfer,
    twin_of,
)

_encode = msgspec.json.Encoder().encode


class Book:
    """The accounts of a batch and what has been booked into them so far."""

    def __init__(
        self,
        accounts: Mapping[UUID, Account],
        now: datetime,
        *,
        new: Mapping[UUID, Account] | None = None,
        test_merchants: Collection[UUID] = (),
        followed: Mapping[UUID, UUID] | None = None,
    ) -> None:
        self.accounts = accounts
        self.new = new or {}
        """Those of the accounts that do not exist outside the book yet."""
        self._test_merchants = test_merchants
        self._followed = followed or {}
        """Accounts of the platform that are full -> those that follow them."""
        # One instant for the batch, never before an account's last entry: then versions and
        # instants ascend together, even where clocks of processes differ.
        self.booked_at = max([now, *[account.booked_at for account in accounts.values()]])
        self.transfers: list[Transfer] = []
        self.entries: list[Entry] = []
        self.touched: dict[UUID, int] = {}
        """Account id -> the version it was loaded with."""
        self.overdrawn: list[tuple[Account, str]] = []
        """What is available of merchants and went below zero, as it was then, and the request."""

    def book(self, draft: Draft) -> Transfer | PlatformError:
        """Book a transfer, or refuse it and change nothing.

        Refusals, the first that applies: AccountNotFound, AccountClosed, InsufficientFunds,
        BalanceLimit. A draft that does not balance in each currency is a bug of the caller.
        """
        changes = self._place(draft)
        for change in changes:
            refusal = self._refuse(change)
            if refusal is not None:
                return refusal
        self._assert_balanced(draft.id, changes)
        # After this line the transfer must succeed.
        lines = [self._apply(draft, change) for change in changes]
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

    def _place(self, draft: Draft) -> Sequence[Change]:
        """The changes on the accounts that stand for those of the platform that they name."""
        owner = ids.TEST if draft.merchant_id in self._test_merchants else ids.NIL
        if owner == ids.NIL and not self._followed:
            return draft.changes
        return [
            change if change.merchant_id != ids.NIL else self._stand_in(change, owner)
            for change in draft.changes
        ]

    def _stand_in(self, change: Change, owner: UUID) -> Change:
        """The change on the account that stands for one of the platform."""
        at = change.account_id if owner == ids.NIL else twin_of(change.account_id)
        while at in self._followed:
            at = self._followed[at]
        return Change(owner, at, change.direction, change.posted_minor, change.pending_minor)

    def _assert_balanced(self, transfer_id: UUID, changes: Sequence[Change]) -> None:
        """Fail where debits and credits differ, posted or pending, in any currency."""
        accounts = self.accounts
        if len({change.account_id for change in changes}) != len(changes):
            raise InvariantViolated(f"transfer {transfer_id} names an account twice")
        currency = accounts[changes[0].account_id].currency
        posted = pending = 0
        for change in changes:
            if accounts[change.account_id].currency != currency:
                # A conversion; all others are spared the sums by currency.
                self._assert_balanced_by_currency(transfer_id, changes)
                return
            if change.direction == "debit":
                posted += change.posted_minor
                pending += change.pending_minor
            else:
                posted -= change.posted_minor
                pending -= change.pending_minor
        if posted or pending:
            raise InvariantViolated(f"transfer {transfer_id} does not balance: {posted}, {pending}")

    def _assert_balanced_by_currency(self, transfer_id: UUID, changes: Sequence[Change]) -> None:
        sums: dict[str, tuple[int, int]] = {}
        for change in changes:
            currency = self.accounts[change.account_id].currency
            posted, pending = sums.get(currency, (0, 0))
            sign = 1 if change.direction == "debit" else -1
            sums[currency] = (
                posted + sign * change.posted_minor,
                pending + sign * change.pending_minor,
            )
        off = {currency: left for currency, left in sums.items() if any(left)}
        if off:
            raise InvariantViolated(f"transfer {transfer_id} does not balance: {off}")

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
            if account.merchant_id in PLATFORM:
                # Half of the batch fits; then this one is full, and the next one follows it.
                raise InvariantViolated(f"the platform's account {account.id} is full")
            return BalanceLimit(account=ids.encode("account", account.id))
        return None

    def _apply(self, draft: Draft, change: Change) -> EntryLine:
        account = self.accounts[change.account_id]
        may_overdraw = change.direction == "debit" and account.kind == "merchant_available"
        was_below = may_overdraw and account.available_minor < 0
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
                draft.id,
                change.direction,
                change.posted_minor,
                change.pending_minor,
                account.posted_debits_minor,
                account.posted_credits_minor,
                account.pending_debits_minor,
                account.pending_credits_minor,
            )
        )
        if may_overdraw and not was_below and account.available_minor < 0:
            account.overdrafts += 1
            self.overdrawn.append((msgspec.structs.replace(account), draft.correlation_id))
        return EntryLine(
            account.merchant_id.hex,
            account.id.hex,
            change.direction,
            change.posted_minor,
            change.pending_minor,
            account.version,
        )


def refuse_below(
    book: Book, account_id: UUID, taken_minor: int, limit_minor: int | None
) -> PlatformError | None:
    """Refuse what would take an account further below zero than a limit; without one, nothing."""
    left = book.accounts[account_id].available_minor - taken_minor
    if limit_minor is None or left >= -limit_minor:
        return None
    return NegativeLimitExceeded(available=left, limit=limit_minor)


def begin_hold(
    book: Book, draft: Draft, *, amount_minor: int, expires_at: datetime, payment_id: UUID
) -> Hold | PlatformError:
    """Hold `amount_minor` from the account of the draft's debit for that of its credit."""
    booked = book.book(draft)
    if isinstance(booked, PlatformError):
        return booked
    debit, credit = draft.changes
    return Hold(
        merchant_id=draft.merchant_id,
        id=draft.id,
        payment_id=payment_id,
        debit_account_id=debit.account_id,
        credit_account_id=credit.account_id,
        amount_minor=amount_minor,
        posted_minor=0,
        status="open",
        expires_at=expires_at,
    )


def post_hold(
    book: Book,
    hold: Hold,
    *,
    transfer_id: UUID,
    amount_minor: int,
    final: bool,
    away_minor: int,
    away: Sequence[Change],
    correlation_id: str,
) -> Transfer | PlatformError:
    """Post `amount_minor` of a hold, less what goes elsewhere; `final` gives back the rest.

    `away` is what becomes of `away_minor`, such as a fee, or all of it in another currency.

    Refusals, the first that applies: HoldNotOpen, HoldExceeded, those of `Book.book`.
    """
    if hold.status != "open":
        return HoldNotOpen(status=hold.status)
    if amount_minor > hold.left_minor:
        return HoldExceeded(left=hold.left_minor, asked=amount_minor)
    released = hold.left_minor if final else amount_minor
    changes = [
        Change(hold.merchant_id, hold.debit_account_id, "debit", amount_minor, -released),
        Change(
            hold.merchant_id, hold.credit_account_id, "credit", amount_minor - away_minor, -released
        ),
        *away,
    ]
    booked = book.book(_end(hold, ("post", "capture"), transfer_id, changes, correlation_id))
    if isinstance(booked, Transfer):
        ends = final or amount_minor == hold.left_minor
        hold.posted_minor += amount_minor
        hold.status = "posted" if ends else "open"
    return booked


def release_hold(
    book: Book, hold: Hold, *, transfer_id: UUID, expired: bool, correlation_id: str
) -> Transfer | PlatformError:
    """Give back what is left of a hold: void it, or expire it.

    Refusals, the first that applies: HoldNotOpen, those of `Book.book`.
    """
    if hold.status != "open":
        return HoldNotOpen(status=hold.status)
    left = hold.left_minor
    changes = [
        Change(hold.merchant_id, hold.debit_account_id, "debit", 0, -left),
        Change(hold.merchant_id, hold.credit_account_id, "credit", 0, -left),
    ]
    how = ("expire", "expiry") if expired else ("void", "cancellation")
    booked = book.book(_end(hold, how, transfer_id, changes, correlation_id))
    if isinstance(booked, Transfer):
        hold.status = "expired" if expired else "voided"
    return booked


def _end(
    hold: Hold,
    how: tuple[str, str],
    transfer_id: UUID,
    changes: Sequence[Change],
    correlation_id: str,
) -> Draft:
    return Draft(
        merchant_id=hold.merchant_id,
        id=transfer_id,
        kind=how[0],
        purpose=how[1],
        changes=changes,
        correlation_id=correlation_id,
        payment_id=hold.payment_id,
        hold_id=hold.id,
    )


GENESIS = b"\x00" * 32
"""The previous hash of a chain's first block."""

_sha256 = hashlib.sha256


def leaf(transfer: Transfer) -> bytes:
    """Hash of everything a transfer says."""
    text = "\x1f".join(
        (
            transfer.merchant_id.hex,
            transfer.id.hex,
            transfer.kind,
            transfer.purpose,
            transfer.payment_id.hex if transfer.payment_id else "",
            transfer.hold_id.hex if transfer.hold_id else "",
            transfer.entries,
            transfer.description or "",
            transfer.correlation_id,
            str(_micros(transfer.booked_at)),
        )
    )
    return _sha256(b"\x00" + text.encode()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over `leaves`, in order; an odd one at a level's end moves up as it is."""
    level = list(leaves)
    while len(level) > 1:
        paired = [
            _sha256(b"\x01" + level[at] + level[at + 1]).digest()
            for at in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0] if level else _sha256(b"").digest()


def block_hash(
    writer: UUID, sequence: int, previous_hash: bytes, root: bytes, created_at: datetime
) -> bytes:
    """Hash that the writer's next block will carry as its previous one."""
    head = writer.bytes + sequence.to_bytes(8) + _micros(created_at).to_bytes(8)
    return _sha256(b"\x02" + head + previous_hash + root).digest()


def make_block(
    writer: UUID, sequence: int, previous_hash: bytes, transfers: Sequence[Transfer], at: datetime
) -> Block:
    """The block of a commit that books `transfers`."""
    root = merkle_root([leaf(transfer) for transfer in transfers])
    return Block(
        writer=writer,
        sequence=sequence,
        previous_hash=previous_hash,
        root=root,
        hash=block_hash(writer, sequence, previous_hash, root, at),
        merchant_ids=[transfer.merchant_id for transfer in transfers],
        transfer_ids=[transfer.id for transfer in transfers],
        created_at=at,
    )


def _micros(at: datetime) -> int:
    # Integers only: a timestamp as a float would not survive the database's microseconds.
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def refuse_ended(currency: str, now: datetime) -> PlatformError | None:
    """Why nothing new begins in a currency, if it has ended."""
    if money.has_ended(currency, now.date()):
        return CurrencyEnded(currency=currency, ended_on=money.ENDED[currency].isoformat())
    return None


def refuse_wallet(
    book: Book, merchant_id: UUID, account_id: UUID, currency: str
) -> PlatformError | None:
    """Why an account is no wallet of this merchant in this currency, if it is not."""
    account = book.accounts.get(account_id)
    if account is None or account.merchant_id != merchant_id:
        return AccountNotFound(account=ids.encode("account", account_id))
    if account.kind != "customer_wallet":
        return AccountNotUsable(account=ids.encode("account", account_id), kind=account.kind)
    if account.currency != currency:
        return CurrencyMismatch(
            account=ids.encode("account", account_id),
            currency=account.currency,
            asked_currency=currency,
        )
    return None
