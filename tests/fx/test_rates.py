"""Sources of rates: the sandbox's table, and what was imported."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from app.base import clock
from app.base.errors import PlatformError
from app.base.money import EXPONENTS
from app.base.settings import Settings, SettingsError
from app.domains.fx import FixedRates, RateTable, StoredRates, open_rates
from app.domains.fx.admin import import_rates
from app.domains.fx.errors import RatesUnavailable
from app.domains.fx.formats import NotRates
from app.engine.database import Database
from tests.support.engine import opened
from tests.support.tables import Row, table

TABLE = RateTable("ecb", date(2026, 1, 30), {"USD": Decimal("1.25"), "JPY": Decimal(160)})
AGE_DAYS_MAX = 5


@table("""
    source  target  result
    EUR     USD     1.25
    USD     EUR     0.8
    USD     JPY     128
    JPY     USD     0.0078125
    USD     GBP     currency_not_quoted
    GBP     USD     currency_not_quoted
    EUR     GBP     currency_not_quoted
""")
def test_a_table_of_rates(row: Row) -> None:
    """Rates between any two of its currencies and the euro come from the table, others do not."""
    found = TABLE.find(row.source, row.target)

    assert (found.code if isinstance(found, PlatformError) else str(found)) == str(row.result)


async def test_the_sandbox_has_all_exponents() -> None:
    """The fixed table has currencies with 0, 2, 3 and 4 digits, all of them known."""
    per_euro = (await FixedRates().latest()).per_euro

    assert {EXPONENTS[currency] for currency in per_euro} == {0, 2, 3, 4}


@table("""
    environment  source  result
    sandbox      -       FixedRates
    sandbox      auto    FixedRates
    sandbox      ecb     StoredRates
    production   -       StoredRates
    production   ecb     StoredRates
""")
def test_which_source_is_used(row: Row, database: Database) -> None:
    """Real money is converted at imported rates only."""
    environ = {"SUYA_ENVIRONMENT": row.environment}
    if row.source:
        environ["SUYA_FX_SOURCE"] = row.source

    assert type(open_rates(Settings.load(environ), database)).__name__ == row.result


def test_made_up_rates_are_for_a_sandbox() -> None:
    """A production process with fixed rates does not start."""
    with pytest.raises(SettingsError, match="SUYA_FX_SOURCE: 'fixed' is for a sandbox"):
        Settings.load({"SUYA_ENVIRONMENT": "production", "SUYA_FX_SOURCE": "fixed"})


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database of this test."""
    async with opened(database_url) as found:
        yield found


async def test_without_an_import_there_are_none(database: Database) -> None:
    """Nothing is guessed."""
    with pytest.raises(RatesUnavailable):
        await StoredRates(database, "ecb", AGE_DAYS_MAX).latest()


async def test_the_newest_day_counts(database: Database) -> None:
    """Whatever order days are imported in, the newest is used, and importing it again corrects."""
    today = clock.now().date()
    earlier = today - timedelta(days=2)

    await import_rates(database, {today: {"USD": Decimal("1.20")}})
    await import_rates(database, {earlier: {"USD": Decimal("1.10"), "JPY": Decimal(160)}})
    newest = await StoredRates(database, "ecb", AGE_DAYS_MAX).latest()
    assert (newest.day, newest.per_euro) == (today, {"USD": Decimal("1.2")})

    imported = await import_rates(database, {today: {"USD": Decimal("1.21")}})
    corrected = await StoredRates(database, "ecb", AGE_DAYS_MAX).latest()
    assert (imported.days, imported.rates, imported.newest) == (1, 1, today)
    assert corrected.find("EUR", "USD") == Decimal("1.21")


@table("""
    days_old  found
           0  yes
           5  yes
           6  no
""")
async def test_old_rates_are_not_quoted(row: Row, database: Database) -> None:
    """After a few days without an import there are no quotes any more."""
    day = clock.now().date() - timedelta(days=row.days_old)
    await import_rates(database, {day: {"USD": Decimal("1.20")}})
    source = StoredRates(database, "ecb", AGE_DAYS_MAX)

    if row.found == "yes":
        assert (await source.latest()).day == day
    else:
        with pytest.raises(RatesUnavailable):
            await source.latest()


async def test_days_to_come_are_refused(database: Database) -> None:
    """Rates of a day that is still to come would stand in the way of all others until it has."""
    today = clock.now().date()
    rates = {"USD": Decimal("1.20")}

    with pytest.raises(NotRates, match="still to come"):
        await import_rates(database, {today: rates, today + timedelta(days=2): rates})

    with pytest.raises(RatesUnavailable):
        await StoredRates(database, "ecb", AGE_DAYS_MAX).latest()


async def test_a_long_history_is_imported_in_pages(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All days are there afterwards, however many transactions that took."""
    monkeypatch.setattr("app.domains.fx.admin.PAGE_RATES", 3)
    today = clock.now().date()
    days = {
        today - timedelta(days=n): {"USD": Decimal(n + 1), "JPY": Decimal(n + 2)} for n in range(8)
    }

    imported = await import_rates(database, days)

    assert (imported.days, imported.rates, imported.newest) == (8, 16, today)
    newest = await StoredRates(database, "ecb", AGE_DAYS_MAX).latest()
    assert newest.per_euro == {"USD": Decimal(1), "JPY": Decimal(2)}
