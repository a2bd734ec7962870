"""The test clock, and what happens by itself at its times."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from app.base.telemetry import describe, log
from app.sandbox.acquirer import bank_commands, card_commands, dispute_commands
from app.sandbox.acquirer.card_commands import settle_late
from app.sandbox.acquirer.model import AuthorizationRecord, Timer
from app.sandbox.acquirer.store import Store
from app.sandbox.acquirer.unit import Unit, instant_of
from app.sandbox.acquirer.wire import RequestRefused

TIMERS_MAX = 256  # in one commit
_SLEEP_S_MAX = 3_600.0  # the wall's clock may be set in the meantime
_PAUSE_S = 1.0  # after a failure


def _open_dispute(unit: Unit, reference: str) -> None:
    held = unit.get(AuthorizationRecord, reference)
    if held.dispute is None and held.refundable_minor:
        dispute_commands.open_on_command(unit, reference, "fraudulent")


_WHAT: Mapping[str, Callable[[Unit, str], object]] = {
    "abandon": card_commands.abandon,
    "late_decline": partial(settle_late, code="do_not_honor"),
    "late_approval": partial(settle_late, code=None),
    "fail_refund": card_commands.fail_refund,
    "open_dispute": _open_dispute,
    "run_out_dispute": dispute_commands.run_out,
    "end_review": dispute_commands.end_review,
    "win_dispute": partial(dispute_commands.decide_by_timer, outcome="won"),
    "lose_dispute": partial(dispute_commands.decide_by_timer, outcome="lost"),
    "arrive": bank_commands.arrive_by_timer,
    "expire_transfer": bank_commands.expire_transfer,
    "pay": bank_commands.pay_by_timer,
    "return_payout": bank_commands.return_payout,
}
"""A timer's name -> the command that it runs."""


def run_timer(unit: Unit, timer: Timer) -> None:
    """Run a timer's command; it changes nothing that was decided meanwhile."""
    with contextlib.suppress(RequestRefused):
        _WHAT[timer.name](unit, timer.reference)


def _step(unit: Unit, store: Store, target: datetime | None) -> int:
    """Move the clock to the next timers before `target`, and run them; returns how many ran."""
    if target is not None:
        row = unit.execute("find_next_timer", {}).fetchone()
        next_at = target if row is None else min(target, instant_of(row[0]))
        store.shift_clock(unit, max(timedelta(0), next_at - unit.now))
    due = unit.take_timers(TIMERS_MAX)
    for timer in due:
        run_timer(unit, timer)
    return len(due)


async def advance(store: Store, by: timedelta) -> int:
    """Move the clock, and run all timers on the way in their order; returns how many ran."""
    target, happened = store.now + by, 0
    while count := await store.run(partial(_step, store=store, target=target)):
        happened += count
    return happened


async def run(store: Store, stop: asyncio.Event) -> None:
    """Run timers when they are due, until `stop` is set."""
    while not stop.is_set():
        store.timers.clear()
        try:
            while await store.run(partial(_step, store=store, target=None)):
                pass
            row = store.find("find_next_timer", {})
            wait_s = _SLEEP_S_MAX
            if row is not None:
                wait_s = (instant_of(row[0]) - store.now).total_seconds()
        except Exception as error:  # noqa: BLE001 - a failed round must not end the rounds
            log.error("timers_failed", **describe(error))
            wait_s = _PAUSE_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(wait_s, _SLEEP_S_MAX))):
                await store.timers.wait()
