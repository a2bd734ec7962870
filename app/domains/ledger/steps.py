"""The ledger's atomic steps: many commands in, one answer per command out, in `tx`."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from app.base import ids
from app.base.errors import PlatformError
from app.domains.ledger import store
from app.domains.ledger.batch import open_book, write_book
from app.domains.ledger.commands import CloseAccount, MakeDeposit, MakeTransfer, OpenAccount
from app.domains.ledger.decisions import Book, refuse_ended, refuse_wallet
from app.domains.ledger.errors import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotUsable,
    AccountsMustDiffer,
    TransferUnbalanced,
)
from app.domains.ledger.model import (
    STRIPES,
    Account,
    AccountRow,
    Change,
    Draft,
    Transfer,
    platform_account,
)
from app.domains.ledger.views import account_view, transfer_fact
from app.engine import events, idempotency
from app.engine.database import Tx, step
from app.engine.events import Fact
from app.engine.idempotency import Answer, Claims, refusal

_encode = msgspec.json.encode

M = TypeVar("M", "MakeTransfer", "MakeDeposit")


@step
async def open_accounts(tx: Tx, commands: Sequence[OpenAccount]) -> list[Answer]:
    """Open wallets; each answers 201 with the account and appends `account.opened`.

    Refusal: CurrencyEnded.
    """
    claims = await idempotency.claim(tx, commands)
    now = tx.now
    answers, facts, rows = [], [], []
    for command in claims.fresh:
        error = refuse_ended(command.currency, now)
        if error is not None:
            answers.append(refusal(error, command.correlation_id))
            continue
        account = _new_wallet(command, now)
        row = AccountRow(account, command.description, command.metadata, now)
        body = _encode(account_view(row)).decode()
        answers.append(Answer(201, body))
        facts.append(_event(command, "account.opened", command.account_id, body, at=now))
        rows.append(
            store.WalletRow(
                command.merchant_id,
                command.account_id,
                command.currency,
                command.customer,
                command.description,
                command.metadata,
                command.correlation_id,
            )
        )
    # After this line only writes.
    if rows:
        store.insert_wallets(tx, commands[0].region, rows, now)
        events.append(tx, commands[0].region, facts)
    return idempotency.keep(tx, claims, answers)


@step
async def close_accounts(tx: Tx, commands: Sequence[CloseAccount]) -> list[Answer]:
    """Close empty wallets; each answers 200 with the account and appends `account.closed`.

    Refusals, the first that applies: AccountNotFound, AccountNotUsable, AccountNotEmpty. Closing a
    closed account is answered like the first time.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(command.merchant_id, command.account_id) for command in claims.fresh}
    await store.pull_accounts(tx, region, claims.moving, keys)
    rows = await store.lock_account_rows(tx, region, keys)
    now = tx.now
    answers, facts, closed = [], [], []
    for command in claims.fresh:
        row = rows.get(command.account_id)
        error = _refuse_close(command, row.account if row else None)
        if error is not None or row is None:
            answers.append(refusal(error or AccountNotFound(), command.correlation_id))
            continue
        was_open = row.account.status == "open"
        row.account.status = "closed"
        body = _encode(account_view(row)).decode()
        answers.append(Answer(200, body))
        if was_open:
            closed.append(row.account)
            facts.append(
                _event(command, "account.closed", row.account.id, body, at=now, sequence=2)
            )
    # After this line only writes.
    store.close_accounts(tx, region, closed)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


@step
async def make_transfers(tx: Tx, commands: Sequence[MakeTransfer]) -> list[Answer]:
    """Move money between a merchant's wallets; each answers 201 and appends `transfer.posted`.

    Refusals, the first that applies: TransferUnbalanced, AccountsMustDiffer; then entry by entry
    AccountNotFound, AccountNotUsable, CurrencyMismatch; then entry by entry AccountClosed,
    InsufficientFunds, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    keys = {(c.merchant_id, entry.account_id) for c in claims.fresh for entry in c.entries}
    book = await open_book(tx, commands[0].region, keys, moving=claims.moving)
    outcomes = [_decide_transfer(book, command) for command in claims.fresh]
    return _answer_transfers(tx, claims, book, outcomes, "transfer.posted")


@step
async def make_deposits(tx: Tx, commands: Sequence[MakeDeposit]) -> list[Answer]:
    """Bring money into wallets; each answers 201 with the transfer and appends `deposit.posted`.

    Refusals, the first that applies: CurrencyEnded, AccountNotFound, AccountNotUsable,
    CurrencyMismatch, AccountClosed, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(command.merchant_id, command.account_id) for command in claims.fresh}
    stripe = tx.writer.stripe % STRIPES
    cash = {platform_account(region, c.currency, "bank_cash", stripe) for c in claims.fresh}
    book = await open_book(tx, region, keys, cash, claims.moving)
    outcomes = [_decide_deposit(book, command, stripe) for command in claims.fresh]
    return _answer_transfers(tx, claims, book, outcomes, "deposit.posted")


def _decide_transfer(book: Book, command: MakeTransfer) -> Transfer | PlatformError:
    sums = {"debit": 0, "credit": 0}
    for entry in command.entries:
        sums[entry.direction] += entry.amount_minor
    if sums["debit"] != sums["credit"]:
        return TransferUnbalanced(debits=sums["debit"], credits=sums["credit"])
    seen: set[UUID] = set()
    for entry in command.entries:
        if entry.account_id in seen:
            return AccountsMustDiffer(account=ids.encode("account", entry.account_id))
        seen.add(entry.account_id)
    for entry in command.entries:
        error = refuse_wallet(book, command.merchant_id, entry.account_id, command.currency)
        if error is not None:
            return error
    changes = [
        Change(command.merchant_id, e.account_id, e.direction, e.amount_minor)
        for e in command.entries
    ]
    return book.book(_draft(command, "transfer", changes))


def _decide_deposit(book: Book, command: MakeDeposit, stripe: int) -> Transfer | PlatformError:
    error = refuse_ended(command.currency, book.booked_at) or refuse_wallet(
        book, command.merchant_id, command.account_id, command.currency
    )
    if error is not None:
        return error
    cash = platform_account(command.region, command.currency, "bank_cash", stripe)
    changes = [
        Change(cash.merchant_id, cash.id, "debit", command.amount_minor),
        Change(command.merchant_id, command.account_id, "credit", command.amount_minor),
    ]
    return book.book(_draft(command, "deposit", changes))


def _refuse_close(command: CloseAccount, account: Account | None) -> PlatformError | None:
    name = ids.encode("account", command.account_id)
    if account is None:
        return AccountNotFound(account=name)
    if account.kind != "customer_wallet":
        return AccountNotUsable(account=name, kind=account.kind)
    if not account.is_empty:
        return AccountNotEmpty(account=name)
    return None


def _draft(command: MakeTransfer | MakeDeposit, purpose: str, changes: Sequence[Change]) -> Draft:
    return Draft(
        merchant_id=command.merchant_id,
        id=command.transfer_id,
        kind="posted",
        purpose=purpose,
        changes=changes,
        correlation_id=command.correlation_id,
        description=command.description,
        metadata=command.metadata,
    )


def _answer_transfers(
    tx: Tx,
    claims: Claims[M],
    book: Book,
    outcomes: Sequence[Transfer | PlatformError],
    event_type: str,
) -> list[Answer]:
    """Write the book, the events and the answers of booked transfers."""
    region = claims.commands[0].region
    answers, facts = [], []
    for command, outcome in zip(claims.fresh, outcomes, strict=True):
        if isinstance(outcome, PlatformError):
            answers.append(refusal(outcome, command.correlation_id))
            continue
        fact = transfer_fact(outcome, event_type)
        answers.append(Answer(201, fact.data))
        facts.append(fact)
    # After this line only writes.
    write_book(tx, region, book)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


def _new_wallet(command: OpenAccount, now: datetime) -> Account:
    return Account(
        merchant_id=command.merchant_id,
        id=command.account_id,
        kind="customer_wallet",
        currency=command.currency,
        normal_side="credit",
        floor_minor=0,
        posted_debits_minor=0,
        posted_credits_minor=0,
        pending_debits_minor=0,
        pending_credits_minor=0,
        version=0,
        status="open",
        customer=command.customer,
        booked_at=now,
    )


def _event(
    command: OpenAccount | CloseAccount,
    event_type: str,
    object_id: UUID,
    data: str,
    *,
    at: datetime,
    sequence: int = 1,
) -> Fact:
    return Fact(
        merchant_id=command.merchant_id,
        type=event_type,
        object_id=object_id,
        sequence=sequence,
        data=data,
        correlation_id=command.correlation_id,
        created_at=at,
    )
