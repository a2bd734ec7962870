"""What people do about payouts: how a merchant is paid out, which file or payout ended how.

A merchant's own keys cannot say how it is paid out: whoever could raise the limit with one key
would need no second one.

Before a file is rejected, nobody is believed alone, because money that is given back here and paid
there is lost. The bank is asked about each payout first, and the file must be at rest: from the
moment it was given to the bank last until that request is over, and until it is written that the
bank has it not, nobody may send it. Sending notes its time before, so whoever sends it meanwhile is
seen.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.base.settings import Settings
from app.base.telemetry import log
from app.domains.merchants.admin import get_merchant
from app.domains.merchants.reads import find_homes
from app.domains.payouts import asks, decisions, jobs, reads, steps, store
from app.domains.payouts.commands import PayAfterAll
from app.domains.payouts.errors import BankAccountNotFound
from app.domains.payouts.jobs import Overtaken
from app.domains.payouts.model import Payout, PayoutFile, PayoutPlan
from app.engine.database import Database, Tx, find_in, transact
from app.engine.saga import TakeFlow, find_anywhere
from app.processors import World


async def keep_plan(database: Database, plan: PayoutPlan) -> None:
    """Say how a merchant is paid out in a currency; what was said before is replaced.

    Raises: (the first that applies)
        MerchantNotFound
        BankAccountNotFound: the merchant has none of that id.
        AccountOutsideSepa
    """
    merchant = await get_merchant(database, plan.merchant_id)
    if plan.bank_account_id is not None:
        account_id = plan.bank_account_id
        account = await find_in(
            merchant.regions,
            lambda region: reads.find_bank_account(database, region, merchant.id, account_id),
        )
        if account is None:
            name = ids.encode("bank_account", account_id)
            raise BankAccountNotFound(bank_account=name)
        channel = decisions.channel_of(plan.currency, database.settings)
        if (unreached := decisions.decide_reach(account, channel)) is not None:
            raise unreached

    async def work(tx: Tx) -> None:
        tx.write(
            store.queries.upsert_plan,
            lambda: {
                "merchant_id": plan.merchant_id,
                "currency": plan.currency,
                "schedule": plan.schedule,
                "bank_account_id": plan.bank_account_id,
                "approval_minor": plan.approval_minor,
                "now": tx.now,
            },
        )

    await transact(database, work)


CLOCKS = timedelta(seconds=10)  # by which those of two processes may differ, and more


class NotRejected(Exception):
    """The file stays as it is; the message is the sentence to say."""


class NotPaid(Exception):
    """The payout stays as it is; the message is the sentence to say."""


async def pay_after_all(world: World, payout_id: UUID) -> Payout:
    """Book a payout that ended here as paid, because its bank says that it paid it.

    Its money comes from what the merchant has available, which may then be less than nothing.

    Raises:
        NotPaid: there is no such payout, it did not end unpaid, or the bank does not say that it
            paid this amount.
    """
    name = ids.encode("payout", payout_id)
    flow = await find_anywhere(world.database, payout_id)
    payout = None if flow is None else await asks.find_payout(world, flow, payout_id)
    if flow is None or payout is None:
        raise NotPaid(f"No payout {name} was ever given to a bank.")
    if not payout.ended_unpaid:
        raise NotPaid(f"Payout {name} is {payout.status}; it did not end unpaid.")
    verdict = await asks.find_verdict(world, flow, payout, flow.correlation_id)
    if verdict is None or verdict.outcome != "approved":
        said = "nothing" if verdict is None else verdict.code or verdict.outcome
        raise NotPaid(f"The bank does not say that it paid payout {name}; it says: {said}.")
    if verdict.amount_minor != payout.amount_minor:
        raise NotPaid(
            f"The bank paid {verdict.amount_minor} of payout {name}, which is of "
            f"{payout.amount_minor}; ask your bank."
        )
    home, former = (await find_homes(world.database, [flow.merchant_id]))[flow.merchant_id]
    command = PayAfterAll(home, flow.merchant_id, None, flow.correlation_id, former, payout_id)
    answer = (await world.sagas.run(steps.pay_after_all, [command])).only()
    latest = await asks.find_payout(world, command, payout_id)
    if latest is None or latest.status != "paid":
        raise NotPaid(f"Payout {name} stays as it is: {answer.body}")
    log.warning("payout_paid_after_all", payout=name)
    return latest


class RejectedFile(msgspec.Struct, frozen=True):
    """The outcomes of a file's payouts."""

    payouts: int
    waiting: int
    """Those whose flows another process has; they ask later, or when the file is rejected again."""


async def reject_file(world: World, file_id: UUID) -> RejectedFile:
    """Write that the bank did not take a file, and have its payouts booked back.

    One that is rejected already may be rejected again: then the flows that are left go on.

    Raises:
        NotRejected: there is none, the bank took it or may have, or does not answer.
    """
    file = await reads.find_file(world.database, file_id)
    if file is None:
        raise NotRejected(f"There is no file {file_id.hex}.")
    if file.status == "made":
        _check_rest(world.database.settings, file)
        await _ask(world, file)
        await _mark(world, file)
    elif file.status != "rejected":
        raise NotRejected(f"The bank took file {file.name}: it is {file.status}.")
    await jobs.go_on(world, file)
    waiting = [page async for page in jobs.list_waiting(world.database, file)]
    return RejectedFile(file.payouts, sum(map(len, waiting)))


def _check_rest(settings: Settings, file: PayoutFile) -> None:
    """Refuse a file that may be on its way to the bank."""
    request = timedelta(milliseconds=settings.processor_queue_ms + settings.processor_timeout_ms)
    left = file.updated_at + jobs.CLAIM + request + CLOCKS - clock.now()
    if left > timedelta(0):
        raise NotRejected(
            f"File {file.name} was made or given to the bank just now; "
            f"try again in {left.total_seconds():.0f} s."
        )


async def _ask(world: World, file: PayoutFile) -> None:
    """Refuse a file with a payout that the bank knows, or of which it says nothing."""
    found: set[UUID] = set()
    async for places in jobs.list_waiting(world.database, file):
        knows = await asyncio.gather(*[_knows(world, place) for place in places])
        for place, why in zip(places, knows, strict=True):
            if why is not None:
                raise NotRejected(f"Payout {ids.encode('payout', place.flow_id)}: {why}.")
        found |= {place.flow_id for place in places}
    if len(found) != file.payouts:
        raise NotRejected(
            f"Of the {file.payouts} payouts of file {file.name} only {len(found)} wait for it: "
            "the bank has spoken of the others, or they move to another region just now."
        )


async def _knows(world: World, place: TakeFlow) -> str | None:
    """Why the bank may know a payout, if it may."""
    payout = await asks.find_payout(world, place, place.flow_id)
    if payout is None:
        return "it moves to another region just now"
    request_id = ids.encode("request", ids.new())
    verdict = await asks.find_verdict(world, place, payout, request_id)
    if verdict is None:
        return "its bank account moves to another region just now"
    if verdict.outcome == "not_found":
        return None
    if verdict.outcome in {"unknown", "not_executed"}:
        return f"the bank does not say whether it knows it ({verdict.code or verdict.outcome})"
    return f"the bank knows it; there it is {verdict.outcome}"


async def _mark(world: World, file: PayoutFile) -> None:
    """Write that the bank did not take it, unless it was sent after we read it."""

    async def work(tx: Tx) -> None:
        params = {
            "region": file.region,
            "id": file.id,
            "seen_at": file.updated_at,
            "now": tx.now,
        }
        tx.write(store.queries.reject_file, lambda: params, rows=1, otherwise=Overtaken)

    try:
        await transact(world.database, work)
    except Overtaken:
        raise NotRejected(f"File {file.name} was given to the bank meanwhile; try again.") from None
    log.warning("payout_file_rejected", file=file.name, payouts=file.payouts)
