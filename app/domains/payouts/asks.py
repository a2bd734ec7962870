"""The external steps of payouts: giving an order to the bank, asking about it, stopping it.

No transaction is open here. The reference is the payout's id, under which the bank acts once, so
whoever does not know what a request did asks, and gives the order again where the bank knows none.
An order that the bank will never take ends the payout, where surely none was given before.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.domains.payouts import reads
from app.domains.payouts.model import FLOW, BankAccount, Payout, PayoutFile
from app.engine.database import Placed, find_in
from app.engine.saga import Flow, Postpone, external
from app.processors import AskPayout, Banks, Verdict, World

CONFIRMED_WITHIN: Final = timedelta(days=1)
"""From making a file until an alert says that the bank has not confirmed it: by then the worker's
round of the next day has given it again."""


@external(FLOW)
async def send_payout(world: World, flow: Flow) -> Verdict | Postpone:
    """Give the order to the bank, or ask what has become of it."""
    payout, account = await _load(world, flow)
    if payout is None or account is None:
        return Postpone("row_missing")  # on its way to another region
    bank, ask = _bank(world, payout), _ask(payout, account, flow.correlation_id)
    if payout.channel == "single" and payout.status == "pending":
        if flow.lease_until is None or flow.lease_until <= clock.now():
            return Postpone("lease_lost")  # the process that has it now may have ended the payout
        is_first = flow.fresh and flow.attempts == 0
        return judge(payout, await give_order(bank, ask, is_first=is_first))
    verdict = await bank.find_payout(ask)
    if verdict.outcome == "not_found":
        if payout.ended_unpaid:
            return Verdict("declined", code=payout.failure_code)  # as it is here
        if payout.status != "pending":
            return Postpone("lost_by_the_bank")
        return _judge_missing(payout, await _find_file(world, payout), clock.now())
    return judge(payout, verdict)


async def give_order(bank: Banks, ask: AskPayout, *, is_first: bool) -> Verdict:
    """What the bank says to an order that it may have been given before.

    It is asked about that first: the bank acts once under its reference anyway, but a question may
    be answered where an order is not taken any more.

    Args:
        is_first: it was surely not given before.
    """
    if not is_first:
        found = await bank.find_payout(ask)
        if found.outcome != "not_found":
            return found
    verdict = await bank.pay_out(ask)
    if verdict.is_permanent and not is_first:
        # One that was given before may still be on its way, whatever the bank knows by now: it is
        # asked again, and people look at it at last.
        return msgspec.structs.replace(verdict, is_permanent=False)
    return verdict


@external(FLOW)
async def recall_payout(world: World, flow: Flow) -> Verdict | Postpone:
    """Ask the bank to stop a payout: approved, if it will not be paid; declined, if it was."""
    payout, account = await _load(world, flow)
    if payout is None or account is None:
        return Postpone("row_missing")
    verdict = await _bank(world, payout).cancel_payout(_ask(payout, account, flow.correlation_id))
    if verdict.outcome in {"approved", "declined"}:
        return verdict
    return Postpone(verdict.code or verdict.outcome)


async def find_verdict(
    world: World, place: Placed, payout: Payout, correlation_id: str
) -> Verdict | None:
    """What the bank says of a payout to others than its flow; none: its bank account is missing."""
    account = await _find_account(world, place, payout)
    if account is None:
        return None
    return await _bank(world, payout).find_payout(_ask(payout, account, correlation_id))


async def find_payout(world: World, place: Placed, payout_id: UUID) -> Payout | None:
    """A payout of a merchant, wherever it is while that moves."""
    return await find_in(
        place.regions,
        lambda region: reads.find_payout(world.database, region, place.merchant_id, payout_id),
    )


def judge(payout: Payout, verdict: Verdict) -> Verdict | Postpone:
    """What can be booked; all else is asked about again."""
    if verdict.is_permanent:
        return verdict
    if verdict.outcome not in {"approved", "declined", "pending"}:
        return Postpone(verdict.code or verdict.outcome)
    moved = verdict.outcome != "declined" or verdict.was_paid
    if moved and verdict.amount_minor not in {None, payout.amount_minor}:
        # People have to look at it: it is neither paid as asked, nor not paid.
        return Postpone("amount_differs")
    return verdict


def _judge_missing(payout: Payout, file: PayoutFile | None, now: datetime) -> Verdict | Postpone:
    """What it means that the bank does not know a payout that goes by file."""
    if file is not None and payout.name in file.rejected:
        return Verdict("declined", code=file.rejected[payout.name])
    if file is not None and file.status == "rejected":
        return Verdict("declined", code="file_rejected")
    if file is not None and file.status != "made":
        return Postpone("lost_by_the_bank")
    if file is not None and now - file.created_at > CONFIRMED_WITHIN:
        return Postpone(f"its file {file.name} was not confirmed by the bank")
    return Verdict("not_found")  # it waits for its file


async def _find_file(world: World, payout: Payout) -> PayoutFile | None:
    if payout.file_id is None:
        return None
    return await reads.find_file(world.database, payout.file_id)


async def _load(world: World, flow: Flow) -> tuple[Payout | None, BankAccount | None]:
    """A flow's payout, and where it goes."""
    payout = await find_payout(world, flow, flow.object_id)
    return payout, await _find_account(world, flow, payout) if payout is not None else None


async def _find_account(world: World, place: Placed, payout: Payout) -> BankAccount | None:
    return await find_in(
        place.regions,
        lambda region: reads.find_bank_account(
            world.database, region, place.merchant_id, payout.bank_account_id
        ),
    )


def _bank(world: World, payout: Payout) -> Banks:
    return world.processors.banks(world.processors.route_to_bank(payout.currency))


def _ask(payout: Payout, account: BankAccount, correlation_id: str) -> AskPayout:
    return AskPayout(
        reference=payout.name,
        merchant=ids.encode("merchant", payout.merchant_id),
        correlation_id=correlation_id,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        iban=account.iban,
        name=account.name,
    )
