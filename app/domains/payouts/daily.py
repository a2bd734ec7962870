"""Once a day: payouts of all that is available, for merchants whose plan says so.

Each has an idempotency key made of its day, so it is made once, whoever tries and however often. A
merchant with nothing available is not tried again that day.
"""

import asyncio
from collections import defaultdict
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.base.telemetry import describe, log
from app.domains.merchants.store import find_homes
from app.domains.payouts import reads
from app.domains.payouts.inputs import OpenPayout
from app.domains.payouts.model import PayoutPlan
from app.domains.payouts.saga import PAYOUT
from app.engine import idempotency
from app.engine.idempotency import Answer
from app.processors import World

PLANS_PAGE: Final = 200  # payouts per commit: some ten milliseconds of locks
_MADE: Final = 201


class DailyPayouts(msgspec.Struct, frozen=True):
    """How many payouts of a day there are."""

    count: int
    failed: int
    """What could not be tried, and can be tried again."""


async def make_daily_payouts(world: World, day: date) -> DailyPayouts:
    """Make the payouts of a day that are not made yet, all that can be tried."""
    count = 0
    failed: list[BaseException] = []
    after: tuple[UUID, str] = (ids.NIL, "")
    while plans := await reads.list_daily_plans(world.database, after, PLANS_PAGE):
        for outcome in await _make(world, plans, day):
            if isinstance(outcome, BaseException):
                failed.append(outcome)
            elif outcome.status == _MADE:
                count += 1
        after = (plans[-1].merchant_id, plans[-1].currency)
    if failed:
        # The first stands for all: where it is a database's, the others are the same.
        log.warning("daily_payouts_failed", day=str(day), count=len(failed), **describe(failed[0]))
    log.info("daily_payouts_made", day=str(day), count=count)
    return DailyPayouts(count, len(failed))


async def _make(world: World, plans: list[PayoutPlan], day: date) -> list[Answer | BaseException]:
    """What became of some plans' payouts; no region waits for another one's."""
    homes = await find_homes(world.database, [plan.merchant_id for plan in plans])
    by_home: defaultdict[str, list[OpenPayout]] = defaultdict(list)
    for plan in plans:
        assert plan.bank_account_id is not None
        home, former = homes[plan.merchant_id]
        by_home[home].append(
            OpenPayout(
                region=home,
                merchant_id=plan.merchant_id,
                intent=idempotency.internal_intent(_key(plan.currency, day)),
                correlation_id=ids.encode("request", ids.new()),
                payout_id=ids.new(),
                bank_account_id=plan.bank_account_id,
                amount_minor=None,
                currency=plan.currency,
                key_id=None,
                description=f"Daily payout of {day}",
                former_region=former,
            )
        )
    deadline = clock.monotonic() + world.database.settings.request_timeout_ms / 1000
    receipts = await asyncio.gather(
        *[
            world.sagas.run(PAYOUT, home, commands, deadline=deadline, wait_s=0.0)
            for home, commands in by_home.items()
        ],
        return_exceptions=True,
    )
    outcomes: list[Answer | BaseException] = []
    for receipt, commands in zip(receipts, by_home.values(), strict=True):
        if isinstance(receipt, BaseException):
            outcomes += [receipt] * len(commands)
        else:
            outcomes += receipt.outcomes
    return outcomes


def _key(currency: str, day: date) -> str:
    """A key that no client can choose, because theirs are plain ASCII."""
    return f"payout\N{MIDDLE DOT}{currency}\N{MIDDLE DOT}{day}"
