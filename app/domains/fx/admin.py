"""Keeping the rates of an imported file."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from app.base import clock
from app.domains.fx import store
from app.domains.fx.formats import Days, NotRates
from app.domains.fx.reads import ECB
from app.engine.database import Database, Tx, transact

PAGE_RATES: Final = 2_000  # rows per transaction: the whole history is some hundred of them

_AHEAD_MAX: Final = timedelta(days=1)  # somewhere it is tomorrow already


class Imported(msgspec.Struct, frozen=True):
    """What an import kept."""

    days: int
    rates: int
    newest: date


async def import_rates(database: Database, days: Days) -> Imported:
    """Keep the rates of some days, at least one; safe to run again.

    Raises:
        NotRates: a day has not come yet. Its rates would be the newest until it has, whatever is
            imported meanwhile.
    """
    newest, count = max(days), 0
    if newest > clock.now().date() + _AHEAD_MAX:
        raise NotRates(f"it has rates of {newest}, which is still to come")
    waiting: list[tuple[date, str, Decimal]] = []
    # Whole days in their order: a reader sees all of the newest day or none of it.
    for day in sorted(days):
        waiting += [(day, currency, rate) for currency, rate in days[day].items()]
        if len(waiting) >= PAGE_RATES or day == newest:
            await _keep(database, waiting)
            count += len(waiting)
            waiting = []
    return Imported(len(days), count, newest)


async def _keep(database: Database, rates: list[tuple[date, str, Decimal]]) -> None:
    async def work(tx: Tx) -> None:
        await store.upsert_rates(tx, ECB, rates, clock.now())

    if rates:
        await transact(database, work)
