"""Once a day: payouts of all that is available, for merchants whose plan says so.

Each has an idempotency key made of its day, so it is made once, whoever tries and however often. A
merchant with nothing available is not tried again that day.
"""

from collections import defaultdict
from datetime import date
from typing import Final
from uuid import UUID

from app import clock, idempotency, ids
from app.idempotency import Answer
from app.merchants.homes import find_homes
from app.payouts import reads
from app.payouts.inputs import OpenPayout
from app.payouts.model import Plan
from app.payouts.saga import PAYOUT
from app.processors import World
from app.telemetry import log

PLANS_PAGE: Final = 200  # payouts per commit: some ten milliseconds of locks
_MADE: Final = 201


async def make_daily_payouts(world: World, day: date) -> int:
    """Make the payouts of a day that are not made yet; returns how many there are of that day.

    Raises:
        ExceptionGroup: some could not be tried; all can be tried again.
    """
    count = 0
    failed: list[Exception] = []
    after: tuple[UUID, str] = (ids.NIL, "")
    while plans := await reads.list_daily_plans(world.database, after, PLANS_PAGE):
        for outcome in await _make(world, plans, day):
            if isinstance(outcome, Exception):
                failed.append(outcome)
            elif outcome.status == _MADE:
                count += 1
        after = (plans[-1].merchant_id, plans[-1].currency)
    if failed:
        raise ExceptionGroup(f"daily payouts of {day} that could not be tried", failed)
    log.info("daily_payouts_made", day=str(day), count=count)
    return count


async def _make(world: World, plans: list[Plan], day: date) -> list[Answer | Exception]:
    """What became of some plans' payouts."""
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
    outcomes: list[Answer | Exception] = []
    deadline = clock.monotonic() + world.database.settings.request_timeout_ms / 1000
    for home, commands in by_home.items():
        receipt = await world.sagas.run(PAYOUT, home, commands, deadline=deadline, wait_s=0.0)
        outcomes += receipt.outcomes
    return outcomes


def _key(currency: str, day: date) -> str:
    """A key that no client can choose, because theirs are plain ASCII."""
    return f"payout\N{MIDDLE DOT}{currency}\N{MIDDLE DOT}{day}"
