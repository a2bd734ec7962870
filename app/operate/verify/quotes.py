"""Quotes against their rates, and against the transfers that used them."""

import msgspec

from app.domains.fx import Quote, convert
from app.domains.fx.store import QUOTES
from app.domains.ledger.model import EntryLine
from app.domains.payments.model import Exchange
from app.operate.verify.audit import Audit
from app.operate.verify.model import Check, wire
from app.operate.verify.money import PLATFORM
from app.operate.verify.store import FIRST, queries
from app.operate.verify.transfers import lines_of

_exchange = msgspec.json.Decoder(Exchange)


async def check(audit: Audit) -> None:
    """Walk all quotes, page by page with the transfers that they name."""
    again = audit.doubled(lambda row: wire("fx_quote", row[1]), "it")
    stream = audit.stream(queries.list_quote_states, again, after_merchant_id=FIRST, after_id=FIRST)
    async for rows in audit.pages("quotes", stream, queries.count_quotes):
        quotes = [QUOTES.struct_of(row[2:]) for row in rows]
        wanted = {str(q.transfer_id): str(q.merchant_id) for q in quotes if q.transfer_id}
        found = await audit.look_up(queries.find_conversions, wanted) if wanted else []
        texts = {transfer_id: (purpose, text) for transfer_id, purpose, text in found}
        wanted = {str(q.payment_id): str(q.merchant_id) for q in quotes if q.payment_id}
        found = await audit.look_up(queries.find_exchanges, wanted) if wanted else []
        exchanges: dict[str, str | None] = dict(found)
        for quote in quotes:
            off = (_off_rate(quote), _off_use(quote, texts), _off_payment(quote, exchanges))
            for what in off:
                if what is not None:
                    audit.add(Check.FX_QUOTE, quote.name, what)


def _off_rate(quote: Quote) -> str | None:
    due = convert(
        quote.source_currency,
        quote.target_currency,
        side=quote.side,
        amount_minor=quote.source_minor if quote.side == "source" else quote.target_minor,
        reference_rate=quote.reference_rate,
        spread_bps=quote.spread_bps,
    )
    return None if due == quote.conversion else "its amounts do not follow from its rate"


def _off_use(quote: Quote, texts: dict[str, tuple[str, str]]) -> str | None:
    """What is wrong about the transfer that used a quote; none if nothing."""
    if quote.transfer_id is None:
        return None
    name = wire("transfer", str(quote.transfer_id))
    purpose, text = texts.get(str(quote.transfer_id), ("", ""))
    if purpose != "conversion":
        return f"it was used by {name}, which does not exist or converts nothing"
    moved = sorted(_moved(line) for line in lines_of(text) or [])
    sums = quote.conversion
    due = [
        (False, sums.source_minor),
        (False, -sums.target_minor),
        (True, -sums.source_minor),
        (True, sums.gross_minor),
        (True, -sums.spread_minor),
        (True, -sums.rounding_minor),
    ]
    if moved != sorted(each for each in due if each[1]):
        return f"it was used by {name}, which moved other amounts"
    return None


def _off_payment(quote: Quote, exchanges: dict[str, str | None]) -> str | None:
    """What is wrong about the payment that used a quote; `payments` judges its amounts."""
    if quote.payment_id is None:
        return None
    name = wire("payment", str(quote.payment_id))
    text = exchanges.get(str(quote.payment_id))
    exchange = None if text is None else _exchange.decode(text)
    if exchange is None or exchange.quote_id != quote.id:
        return f"it was used by {name}, which does not exist or does not name it"
    if exchange.whole != quote.conversion:
        return f"it was used by {name}, which converts other amounts"
    return None


def _moved(line: EntryLine) -> tuple[bool, int]:
    """Whether an entry is on the platform's account, and its amount; debits are positive."""
    amount = line.posted_minor if line.direction == "debit" else -line.posted_minor
    return line.merchant_id in PLATFORM, amount
