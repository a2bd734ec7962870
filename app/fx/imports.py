"""Keeping the rates of an imported file."""

from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from app import clock
from app.database import Database, Tx, transact
from app.fx import store
from app.fx.ecb import Days
from app.fx.rates import ECB

PAGE_RATES: Final = 2_000  # rows per transaction: the whole history is some hundred of them


class Imported(msgspec.Struct, frozen=True):
    """What an import kept."""

    days: int
    rates: int
    newest: date


async def import_rates(database: Database, days: Days) -> Imported:
    """Keep the rates of some days, at least one; safe to run again."""
    newest, count = max(days), 0
    waiting: list[tuple[date, str, Decimal]] = []
    # Whole days in their order: whoever reads meanwhile has all of the newest one or none of it.
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
