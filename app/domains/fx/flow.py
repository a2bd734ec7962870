"""The flows of foreign exchange. Each is one atomic step: the rate is looked up before it."""

from app.domains.fx.commands import ConvertTransfer, PromiseQuote
from app.domains.fx.steps import convert_transfers, create_quotes
from app.engine.saga import Saga, atomic

QUOTE: Saga[PromiseQuote] = Saga("quote", atomic(create_quotes))

CONVERSION: Saga[ConvertTransfer] = Saga("conversion", atomic(convert_transfers))
