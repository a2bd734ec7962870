"""Refusals of foreign exchange."""

from app.base.errors import NotFound, Rejected, Unavailable


class QuoteNotFound(NotFound):
    """There is no quote {quote}."""

    code = "quote_not_found"


class QuoteUsed(Rejected):
    """Quote {quote} has been used already."""

    code = "quote_used"


class QuoteExpired(Rejected):
    """Quote {quote} expired at {expires_at}; ask for a new one."""

    code = "quote_expired"


class QuoteMismatch(Rejected):
    """Quote {quote} is for {field} {quoted}, and {asked} was asked for."""

    code = "quote_mismatch"


class CurrenciesMustDiffer(Rejected):
    """A quote is for two currencies; {currency} needs no conversion to itself."""

    code = "currencies_must_differ"


class CurrencyNotQuoted(Rejected):
    """The rate source '{source}' has no rate for {currency}."""

    code = "currency_not_quoted"


class ConversionTooSmall(Rejected):
    """From {source_currency} to {target_currency} the smallest amount is {smallest} {currency}."""

    code = "conversion_too_small"


class ConversionTooLarge(Rejected):
    """Converted from {source_currency} to {target_currency}, it passes the largest amount."""

    code = "conversion_too_large"


class RatesUnavailable(Unavailable):
    """There are no rates that are recent enough; the platform's operator imports them."""

    code = "rates_unavailable"
    retry_after_s = 60  # an operator has to import a file first
