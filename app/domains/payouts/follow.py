"""What notifications about payouts lead to: the truth is asked for, and booked.

A notification wakes the payout's flow, which asks the bank. Where that is over, the bank may know
something that came after it: money that was paid and came back.
"""

from typing import Final

from app.base import clock, ids
from app.base.telemetry import log
from app.domains.payouts import asks
from app.domains.payouts.commands import ReopenPayout, ReturnPayout
from app.domains.payouts.model import OPEN, Payout
from app.domains.payouts.steps import reopen_payouts, return_payouts
from app.engine.saga import Flow, Postpone
from app.processors import Notification, World

_WAKE_S: Final = 20.0  # a flow that is woken asks a bank and commits
_LOOKS: Final = 2
"""How often the flow goes on: another process may have asked the bank just before the notification
came; one that is met at the second look has begun after it."""
_REFUSED: Final = 400  # where refusals begin


async def follow_payout(
    world: World, flow: Flow, processor: str, notification: Notification
) -> str | Postpone:
    """Look at the payout that a notification is about; returns a note for people.

    Args:
        flow: the notification's own, which has the merchant and its home.
    """
    del processor  # which bank has it follows from the payout
    try:
        payout_id = ids.decode("payout", notification.reference)
    except ids.MalformedId:
        return f"no payout {notification.reference}"
    until = clock.monotonic() + _WAKE_S
    for _ in range(_LOOKS):
        payout = await asks.find_payout(world, flow, payout_id)
        if payout is None or payout.status not in OPEN:
            break
        if not await world.sagas.advance(flow, payout_id, until=until):
            return Postpone("somebody works on it")
    payout = await asks.find_payout(world, flow, payout_id)
    if payout is None:
        return f"no payout {notification.reference}"
    if payout.status == "paid":
        return await _look_for_return(world, flow, payout)
    return await _look_for_order(world, flow, payout)


async def _look_for_order(world: World, flow: Flow, payout: Payout) -> str | Postpone:
    """Have a payout that has ended here looked at by people where the bank pays it all the same.

    Its money would leave twice. Its flow asks the bank, waits while the bank has it on its way, and
    is parked once it is paid. Money that was paid and came back meanwhile is booked as both.
    """
    if payout.status not in {"failed", "canceled"}:
        return f"it is {payout.status}"
    verdict = await asks.find_verdict(world, flow, payout, flow.correlation_id)
    if verdict is None or verdict.outcome == "unknown":
        return Postpone("unknown" if verdict is None else verdict.code or verdict.outcome)
    is_there = verdict.outcome in {"approved", "pending"}
    if payout.ended_unpaid and (is_there or verdict.was_paid):
        command = flow.command(ReopenPayout, None, payout_id=payout.id)
        await world.sagas.run(reopen_payouts, [command])
        # A flow that another process has by now, or that is given up, is not waited for.
        await world.sagas.advance(flow, payout.id, until=clock.monotonic() + _WAKE_S)
    if is_there:
        log.error("payout_ended_without_its_bank", payout=payout.name, there=verdict.outcome)
        return f"it is {payout.status} here and {verdict.outcome} there"
    return "booked as returned" if verdict.was_paid else f"it is {payout.status}"


async def _look_for_return(world: World, flow: Flow, payout: Payout) -> str | Postpone:
    """Book that a paid payout came back, if it did."""
    verdict = await asks.find_verdict(world, flow, payout, flow.correlation_id)
    if verdict is None or verdict.outcome not in {"approved", "declined"}:
        return Postpone("unknown" if verdict is None else verdict.code or verdict.outcome)
    if verdict.outcome == "approved":
        return "it is paid"
    command = flow.command(ReturnPayout, None, payout_id=payout.id)
    answer = (await world.sagas.run(return_payouts, [command])).only()
    return "booked as returned" if answer.status < _REFUSED else answer.body
