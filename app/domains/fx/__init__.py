"""Foreign exchange: quotes, and what a conversion at one moves.

Guarantees: a quote is used once, before it expires, at exactly its amounts; a conversion balances
in both currencies, its spread and its rounding are on accounts of their own, and parts of it sum to
the whole; no rate is ever a binary fraction.

Owns `fx_quotes` and `fx_rates`.

Never decides why money is converted, and never fetches a rate inside a transaction.
"""

from app.domains.fx.commands import ConvertTransfer, PromiseQuote
from app.domains.fx.decisions import (
    QuoteUse,
    apply_use,
    chart_accounts,
    decide_use,
    legs,
    used_event,
)
from app.domains.fx.model import (
    Conversion,
    Quote,
    Side,
    convert,
    nothing_of,
    plus,
    rate_text,
    step,
    worth,
)
from app.domains.fx.reads import FixedRates, Rates, RateTable, StoredRates, open_rates
from app.domains.fx.store import lock_quotes, pull_quotes, update_quotes

__all__ = [
    "Conversion",
    "ConvertTransfer",
    "FixedRates",
    "PromiseQuote",
    "Quote",
    "QuoteUse",
    "RateTable",
    "Rates",
    "Side",
    "StoredRates",
    "apply_use",
    "chart_accounts",
    "convert",
    "decide_use",
    "legs",
    "lock_quotes",
    "nothing_of",
    "open_rates",
    "plus",
    "pull_quotes",
    "rate_text",
    "step",
    "update_quotes",
    "used_event",
    "worth",
]
