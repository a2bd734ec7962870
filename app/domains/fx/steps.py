"""The atomic steps of foreign exchange: many commands in, one answer per command out, in `tx`.

Rows are locked in one order everywhere: quotes before accounts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.base.errors import PlatformError
from app.domains import ledger
from app.domains.fx import store
from app.domains.fx.commands import ConvertTransfer, PromiseQuote
from app.domains.fx.decisions import (
    QuoteUse,
    apply_use,
    chart_accounts,
    decide_use,
    legs,
    quote_event,
    used_event,
)
from app.domains.fx.errors import CurrenciesMustDiffer, QuoteMismatch
from app.domains.fx.model import Quote, convert
from app.domains.fx.views import quote_text
from app.domains.ledger import Book, Change, Draft, Transfer
from app.domains.ledger.model import STRIPES, ChartAccount
from app.engine import events, idempotency
from app.engine.database import Tx, step
from app.engine.events import Fact
from app.engine.idempotency import Answer, refusal


@step
async def create_quotes(tx: Tx, commands: Sequence[PromiseQuote]) -> list[Answer]:
    """Record quotes; each answers 201 with the quote and appends `fx_quote.created`.

    Refusals, the first that applies: CurrenciesMustDiffer, CurrencyEnded (of the target),
    CurrencyNotQuoted, ConversionTooSmall, ConversionTooLarge.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    answers: list[Answer] = []
    quotes: list[Quote] = []
    for command in claims.fresh:
        quote = _decide_quote(command, tx.now)
        if isinstance(quote, PlatformError):
            answers.append(refusal(quote, command.correlation_id))
            continue
        quotes.append(quote)
        answers.append(Answer(201, quote_text(quote)))
    # After this line only writes.
    store.insert_quotes(tx, region, quotes)
    facts = [quote_event(q, "fx_quote.created", q.correlation_id, q.created_at) for q in quotes]
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


def _decide_quote(command: PromiseQuote, now: datetime) -> Quote | PlatformError:
    if command.source_currency == command.target_currency:
        return CurrenciesMustDiffer(currency=command.source_currency)
    ended = ledger.refuse_ended(command.target_currency, now)
    if ended is not None:
        return ended
    if isinstance(command.reference_rate, PlatformError):
        return command.reference_rate
    made = convert(
        command.source_currency,
        command.target_currency,
        side=command.side,
        amount_minor=command.amount_minor,
        reference_rate=command.reference_rate,
        spread_bps=command.spread_bps,
    )
    if isinstance(made, PlatformError):
        return made
    return Quote(
        merchant_id=command.merchant_id,
        id=command.quote_id,
        source_currency=made.source_currency,
        target_currency=made.target_currency,
        side=command.side,
        source_minor=made.source_minor,
        gross_minor=made.gross_minor,
        target_minor=made.target_minor,
        spread_minor=made.spread_minor,
        reference_rate=command.reference_rate,
        spread_bps=command.spread_bps,
        rate_source=command.rate_source,
        rate_day=command.rate_day,
        status="open",
        transfer_id=None,
        payment_id=None,
        metadata=command.metadata,
        version=1,
        correlation_id=command.correlation_id,
        created_at=now,
        expires_at=now + timedelta(seconds=command.lock_s),
    )


@step
async def convert_transfers(tx: Tx, commands: Sequence[ConvertTransfer]) -> list[Answer]:
    """Move money between wallets of two currencies, each at a quote that is used up by it.

    Each answers 201 with the transfer and appends `transfer.posted` and `fx_quote.used`.
    Refusals, the first that applies: QuoteNotFound, QuoteUsed, QuoteExpired, QuoteMismatch; then
    entry by entry AccountNotFound, AccountNotUsable, CurrencyMismatch; then entry by entry
    AccountClosed, InsufficientFunds, BalanceLimit.
    """
    claims = await idempotency.claim(tx, commands)
    region = commands[0].region
    keys = {(command.merchant_id, command.quote_id) for command in claims.fresh}
    await store.pull_quotes(tx, region, claims.moving, keys)
    quotes = await store.lock_quotes(tx, region, keys)
    stripe = tx.writer.stripe % STRIPES
    wallets = {(c.merchant_id, entry.account_id) for c in claims.fresh for entry in c.entries}
    charts: set[ChartAccount] = set()
    for known in quotes.values():
        currencies = (known.source_currency, known.target_currency)
        charts.update(chart_accounts(region, *currencies, stripe=stripe))
    book = await ledger.open_book(tx, region, wallets, charts, claims.moving)
    answers: list[Answer] = []
    facts: list[Fact] = []
    used: list[Quote] = []
    for command in claims.fresh:
        quote = quotes.get((command.merchant_id, command.quote_id))
        outcome = _decide_transfer(book, command, quote, stripe)
        if isinstance(outcome, PlatformError) or quote is None:
            assert isinstance(outcome, PlatformError)
            answers.append(refusal(outcome, command.correlation_id))
            continue
        used.append(quote)
        moved = ledger.transfer_fact(outcome, "transfer.posted")
        facts += [moved, used_event(quote, command.correlation_id, book.booked_at)]
        answers.append(Answer(201, moved.data))
    # After this line only writes.
    ledger.write_book(tx, region, book)
    store.update_quotes(tx, region, used)
    events.append(tx, region, facts)
    return idempotency.keep(tx, claims, answers)


def _decide_transfer(
    book: Book, command: ConvertTransfer, quote: Quote | None, stripe: int
) -> Transfer | PlatformError:
    asked = {entry.direction: entry for entry in command.entries}
    source, target = asked.get("debit"), asked.get("credit")
    use = QuoteUse(
        command.quote_id,
        source_minor=source.amount_minor if source else None,
        target_minor=target.amount_minor if target else None,
    )
    made = decide_use(quote, use, book.booked_at)
    if isinstance(made, PlatformError) or quote is None:
        assert isinstance(made, PlatformError)
        return made
    if source is None or target is None or len(command.entries) != len(asked):
        said = f"{len(command.entries)} entries"
        quoted = "one debit and one credit"
        return QuoteMismatch(quote=quote.name, field="entries", quoted=quoted, asked=said)
    sides = ((source, made.source_currency), (target, made.target_currency))
    for entry, currency in sides:
        error = ledger.refuse_wallet(book, command.merchant_id, entry.account_id, currency)
        if error is not None:
            return error
    changes = [
        Change(command.merchant_id, source.account_id, "debit", made.source_minor),
        Change(command.merchant_id, target.account_id, "credit", made.target_minor),
        *legs(command.region, made, stripe=stripe),
    ]
    booked = book.book(
        Draft(
            merchant_id=command.merchant_id,
            id=command.transfer_id,
            kind="posted",
            purpose="conversion",
            changes=changes,
            correlation_id=command.correlation_id,
            description=command.description,
            metadata=command.metadata,
        )
    )
    if isinstance(booked, Transfer):
        apply_use(quote, transfer_id=booked.id)
    return booked
