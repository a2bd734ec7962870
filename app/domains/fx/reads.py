"""Reading side: quotes, and where rates come from, which is a table of units per euro.

A source of rates is anything that has such a table; another one is a class with `latest` and a name
in `open_rates`.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Protocol
from uuid import UUID

import msgspec

from app.base import clock
from app.base.errors import PlatformError
from app.base.settings import Settings
from app.domains.fx.errors import CurrencyNotQuoted, RatesUnavailable
from app.domains.fx.model import Quote, cross
from app.domains.fx.store import QUOTES
from app.engine.database import Database, Listed, Page, Queries, Reader, listed

queries = Queries(__package__, "reads.sql", [QUOTES])

BASE: Final = "EUR"

ECB: Final = "ecb"

FIXED: Final = "fixed"

REPLACED: Final = {"BGN": Decimal("1.95583")}
"""Currency -> units of it for one euro, fixed for ever, of those that the euro has replaced and of
which sources have no rate any more. Source: Regulation (EC) 2866/98, article 1, as amended."""


class RateTable(msgspec.Struct, frozen=True):
    """The rates of one source and day."""

    source: str
    day: date
    per_euro: Mapping[str, Decimal]
    """Currency -> units of it for one euro; the euro itself is not in it."""

    def find(self, source_currency: str, target_currency: str) -> Decimal | PlatformError:
        """Units of the target currency for one of the source currency.

        Refusals, the first that applies: CurrencyNotQuoted.
        """
        found = [self._of(currency) for currency in (source_currency, target_currency)]
        for currency, rate in zip((source_currency, target_currency), found, strict=True):
            if rate is None:
                return CurrencyNotQuoted(source=self.source, currency=currency)
        source, target = found
        assert source is not None
        assert target is not None
        return cross(source, target)

    def _of(self, currency: str) -> Decimal | None:
        if currency == BASE:
            return Decimal(1)
        return self.per_euro.get(currency) or REPLACED.get(currency)


class Rates(Protocol):
    """A source of rates."""

    async def latest(self) -> RateTable:
        """The newest rates.

        Raises:
            RatesUnavailable: there are none that are recent enough.
        """


class FixedRates:
    """The same rates for ever: for a sandbox, where examples shall come out the same every day."""

    TABLE: Final = RateTable(
        FIXED,
        date(2026, 1, 2),
        {
            currency: Decimal(rate)
            for currency, rate in (
                line.split()
                for line in """
                AED 4.3025
                AUD 1.7521
                BHD 0.44172
                BRL 6.3810
                CAD 1.6052
                CHF 0.9305
                CLF 0.027114
                CLP 1059.48
                CNY 8.2015
                CZK 24.212
                DKK 7.4690
                EGP 55.610
                GBP 0.8721
                GHS 12.985
                HKD 9.1280
                HUF 384.15
                IDR 19552.4
                ILS 3.7410
                INR 105.482
                ISK 147.40
                JOD 0.83064
                JPY 183.77
                KES 151.130
                KRW 1692.55
                KWD 0.36041
                MXN 21.0640
                MYR 4.7510
                NGN 1688.35
                NOK 11.8150
                NZD 2.0312
                OMR 0.45107
                PHP 68.902
                PLN 4.2230
                RON 5.0935
                SEK 10.8120
                SGD 1.5074
                THB 36.810
                TND 3.3942
                TRY 50.3470
                TWD 36.861
                UGX 4236.10
                USD 1.1716
                UYU 45.712
                UYW 0.0070025
                VND 30801.0
                XAF 655.957
                XOF 655.957
                ZAR 19.3402
                """.strip().splitlines()
            )
        },
    )

    async def latest(self) -> RateTable:
        """The table."""
        return self.TABLE


async def list_latest_rates(reader: Reader, source: str) -> list[tuple[date, str, Decimal]]:
    """The (day, currency, units for one euro) of a source's newest day."""
    rows = await reader.read(queries.list_latest_rates, {"source": source})
    return [(day, currency, rate) for day, currency, rate in rows]


class StoredRates:
    """The rates of the newest day that was imported from a source's files."""

    CACHED_S: Final = 10.0
    """Rates change once a day; after an import each process uses them within this time."""

    def __init__(self, database: Database, source: str, age_days_max: int) -> None:
        self._database = database
        self._source = source
        self._age_days_max = age_days_max
        self._table: RateTable | None = None
        self._until = 0.0

    async def latest(self) -> RateTable:
        """The newest rates.

        Raises:
            RatesUnavailable: none were imported, or the newest are too old.
        """
        if clock.monotonic() >= self._until:
            found = await list_latest_rates(self._database, self._source)
            self._table = None
            if found:
                per_euro = {currency: rate for _, currency, rate in found}
                self._table = RateTable(self._source, found[0][0], per_euro)
            self._until = clock.monotonic() + self.CACHED_S
        oldest = clock.now().date() - timedelta(days=self._age_days_max)
        if self._table is None or self._table.day < oldest:
            raise RatesUnavailable
        return self._table


def open_rates(settings: Settings, database: Database) -> Rates:
    """The source of this process's settings."""
    source = settings.fx_source
    if source == "auto":
        source = FIXED if settings.environment == "sandbox" else ECB
    if source == FIXED:
        return FixedRates()
    return StoredRates(database, source, settings.fx_rates_age_days_max)


async def find_quote(
    reader: Reader, region: str, merchant_id: UUID, quote_id: UUID
) -> Quote | None:
    params = {"region": region, "merchant_id": merchant_id, "id": quote_id}
    rows = await reader.read(queries.find_quote, params)
    return QUOTES.struct_of(rows[0]) if rows else None


async def list_quotes(reader: Reader, region: str, merchant_id: UUID, page: Page) -> Listed[Quote]:
    """A page of a merchant's quotes."""
    query = page.query(queries.list_quotes)
    rows = await reader.read(query, page.params(region, merchant_id))
    return listed(page, [QUOTES.struct_of(row) for row in rows])
