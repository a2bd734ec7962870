"""What is done on each day: daily payouts are made, and orders are put into files for the bank.

A daily payout has an idempotency key made of its day, so it is made once, whichever process tries
and however often. A merchant with nothing available is not tried again that day.

A file is kept in the transaction that marks its payouts, so each is in one file at most, and with
its text, so that sending it again sends the same. What the bank decides about each payout is booked
by the payout's own flow, which goes on as soon as the bank has the file.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

import msgspec

from app.base import clock, ids
from app.base.settings import Settings
from app.base.telemetry import describe, log, metrics
from app.domains.merchants.admin import list_home_regions
from app.domains.merchants.reads import find_homes
from app.domains.payouts import formats, reads, store
from app.domains.payouts.commands import OpenPayout
from app.domains.payouts.flow import PAYOUT
from app.domains.payouts.formats import Debtor, Order
from app.domains.payouts.model import PayoutFile, PayoutPlan
from app.domains.payouts.reads import WaitingPayout
from app.engine import idempotency
from app.engine.database import NOBODY_MOVES, Database, Tx, arrays, transact
from app.engine.saga import Flow, TakeFlow, lock_flows, park, update_flows
from app.processors import FileState, World

CURRENCY = "EUR"
"""SEPA is for euros."""

PAYOUTS_MAX = 1_000  # of a file: a second of our time, and half a megabyte

ATTEMPTS_MAX = 3  # to make a file whose payouts do not change meanwhile; the next round goes on

FILES_MAX = 100  # made in a round and region

FILES_PAGE = 10  # read at a time to be sent: some megabytes

SILENT_MAX = 3  # one file may be what a bank stumbles over; after three it is the bank

CLAIM = timedelta(seconds=10)  # from noting that a file is sent until it is: a slow commit

TOGETHER = 32  # flows that go on at a time: well below the limit of calls to a processor

WAIT_S = 20.0  # for a flow that another process has


class Overtaken(Exception):
    """A payout was canceled while its file was made, or a file was decided about elsewhere."""


class FileOutcome(Enum):
    """The outcome of giving a file to the bank."""

    DECIDED = "decided"
    """It is known what the bank took of it."""
    REFUSED = "refused"
    """The bank does not take it as it is, and would say so again."""
    SILENT = "silent"
    """It is unknown whether the bank has it, or it surely has not because of some other trouble."""


class Sent(msgspec.Struct):
    """The outcome of giving a region's files to the bank."""

    files: list[UUID] = []
    """All that were given."""
    refused: set[UUID] = set()
    silent: int = 0
    """How many have to be given again soon."""


async def make_file(database: Database, region: str, day: date) -> PayoutFile | None:
    """Put what waits in a region into a file, 1,000 payouts at most; none: nothing waits.

    A payout whose order no file can have is left out and its flow parked, so that the others go.
    The text is made and checked before the transaction, which then finds all payouts as they were,
    or does nothing.
    """
    settings = database.settings
    for _ in range(ATTEMPTS_MAX):
        lines = await _list_fit(database, region)
        if not lines:
            return None
        now = clock.now()
        file = await asyncio.to_thread(_write, settings, region, lines, day, now)
        try:
            await transact(database, lambda tx: _keep(tx, file, lines))  # noqa: B023 - awaited
        except Overtaken:
            continue
        log.info("payout_file_made", file=file.name, region=region, payouts=file.payouts)
        return file
    return None


async def send_file(world: World, file: PayoutFile) -> FileOutcome:
    """Give a file to the bank and write what it says of it.

    It may have been given before: the bank takes a file once under its name. Where nobody knows
    whether it arrived, it is given again in the next round.
    """
    database = world.database
    asked = clock.monotonic()
    place = {"region": file.region, "id": file.id}

    async def claim(tx: Tx) -> None:
        params = place | {"now": tx.now}
        tx.write(store.queries.claim_file, lambda: params, rows=1, otherwise=Overtaken)

    try:
        # So that nobody who says that the bank has nothing of it can say so while it is sent.
        await transact(database, claim)
    except Overtaken:
        return FileOutcome.DECIDED
    if clock.monotonic() - asked > CLAIM.total_seconds():
        return FileOutcome.SILENT
    bank = world.processors.banks(world.processors.route_to_bank(file.currency))
    said = await bank.submit_file(file.content)
    if not isinstance(said, FileState):
        if said.is_permanent:
            # Nothing of it is booked back: it may have been given before, so people decide.
            log.error("payout_file_refused", file=file.name, code=said.code)
            metrics.payout_files_refused.inc()
            return FileOutcome.REFUSED
        log.warning("payout_file_unconfirmed", file=file.name, code=said.code)
        return FileOutcome.SILENT
    status, rejected = said.status, msgspec.json.encode(said.rejected).decode()

    async def keep(tx: Tx) -> None:
        params = place | {"status": status, "rejected": rejected, "now": tx.now}
        tx.write(store.queries.update_file, lambda: params, rows=1)

    await transact(database, keep)
    log.info("payout_file_sent", file=file.name, status=status, rejected=len(said.rejected))
    await go_on(world, file)
    return FileOutcome.DECIDED


async def make_due(database: Database, region: str, day: date) -> list[PayoutFile]:
    """Make the files of what waits in a region."""
    made: list[PayoutFile] = []
    while len(made) < FILES_MAX:
        file = await make_file(database, region, day)
        if file is None:
            break
        made.append(file)
    return made


async def send_due(world: World, region: str, *, leave: Collection[UUID] = ()) -> Sent:
    """Send the files of a region that are not decided about, until the bank is silent.

    Args:
        leave: files that are not sent, because it is known what the bank says.
    """
    sent, after = Sent(), ids.NIL
    while files := await reads.list_files_to_send(world.database, region, after, FILES_PAGE):
        for file in files:
            if file.id in leave:
                continue
            said = await send_file(world, file)
            sent.files.append(file.id)
            if said is FileOutcome.REFUSED:
                sent.refused.add(file.id)
            elif said is FileOutcome.SILENT:
                sent.silent += 1
                if sent.silent == SILENT_MAX:
                    return sent  # a bank that does not answer is not asked again and again
        after = files[-1].id
    return sent


async def list_waiting(database: Database, file: PayoutFile) -> AsyncIterator[list[TakeFlow]]:
    """The flows of a file's payouts that wait for the bank's word, page by page.

    They are looked for wherever merchants are at home, because some have moved since.
    """
    for region in await list_home_regions(database):
        after = (ids.NIL, ids.NIL)
        while page := await reads.list_payouts_of_file(database, region, file.id, after, TOGETHER):
            homes = await find_homes(database, [merchant_id for merchant_id, _ in page])
            yield [TakeFlow(homes[m][0], m, payout_id, homes[m][1]) for m, payout_id in page]
            after = page[-1]


async def go_on(world: World, file: PayoutFile) -> None:
    """Have the flows of a file's payouts ask the bank now, also those that were given up.

    Those that are missed, because they move or another process has them, ask by time.
    """
    async for places in list_waiting(world.database, file):
        until = clock.monotonic() + WAIT_S
        await asyncio.gather(
            *[world.sagas.advance(place, place.flow_id, until=until) for place in places]
        )


async def _list_fit(database: Database, region: str) -> list[WaitingPayout]:
    """The next payouts that may go into a file; what is found on the way and may not is parked."""
    after = (ids.NIL, ids.NIL)
    for _ in range(FILES_MAX):
        page = await reads.list_unfiled(database, region, CURRENCY, after, PAYOUTS_MAX)
        found = [(line, formats.find_fault(_order(line))) for line in page]
        faults = {line.payout_id: (line.merchant_id, fault) for line, fault in found if fault}
        if faults:
            await _park(database, region, faults)
        fit = [line for line, fault in found if fault is None]
        if fit or len(page) < PAYOUTS_MAX:
            return fit
        after = (page[-1].merchant_id, page[-1].payout_id)
    return []


async def _park(database: Database, region: str, faults: Mapping[UUID, tuple[UUID, str]]) -> None:
    """Leave payouts to people: `faults` has the merchant and the reason of each.

    One whose flow a process has just now is found again by the next round.
    """

    async def work(tx: Tx) -> list[Flow]:
        keys = [(merchant_id, payout_id) for payout_id, (merchant_id, _) in faults.items()]
        flows = (await lock_flows(tx, region, NOBODY_MOVES, keys)).values()
        now = tx.now
        free = [
            flow
            for flow in flows
            if flow.status == "running" and (flow.lease_until is None or flow.lease_until <= now)
        ]
        for flow in free:
            park(flow, now, f"left out of the file: {faults[flow.id][1]}")
        # After this line only writes.
        update_flows(tx, region, free)
        return free

    for flow in await transact(database, work):
        log.error(
            "payout_left_out_of_file",
            payout=ids.encode("payout", flow.id),
            region=region,
            why=faults[flow.id][1],
        )


def _order(line: WaitingPayout) -> Order:
    return Order(
        reference=ids.encode("payout", line.payout_id),
        merchant=ids.encode("merchant", line.merchant_id),
        amount_minor=line.amount_minor,
        iban=line.iban,
        name=line.name,
    )


def _write(
    settings: Settings, region: str, lines: list[WaitingPayout], day: date, now: datetime
) -> PayoutFile:
    assert settings.payout_debtor_iban is not None
    debtor = Debtor(settings.payout_debtor_name, settings.payout_debtor_iban)
    orders = [_order(line) for line in lines]
    file_id = ids.new()
    text = formats.make_file(orders, debtor, message_id=file_id.hex, day=day, made_at=now)
    formats.check_file(text)
    return PayoutFile(
        region=region,
        id=file_id,
        currency=CURRENCY,
        day=day,
        status="made",
        content=text,
        payouts=len(lines),
        sum_minor=sum(line.amount_minor for line in lines),
        rejected={},
        created_at=now,
        updated_at=now,
    )


async def _keep(tx: Tx, file: PayoutFile, lines: list[WaitingPayout]) -> None:
    """Write a file and mark its payouts.

    Raises:
        Overtaken: one of them has changed.
    """
    keys = [(line.merchant_id, line.payout_id) for line in lines]
    params = arrays.by_keys(file.region, keys) | {
        "file_id": file.id,
        "status": "pending",
        "channel": "file",
    }
    tx.write(store.queries.assign_file, lambda: params, rows=len(lines), otherwise=Overtaken)
    tx.write(
        store.queries.insert_file,
        lambda: {
            "region": file.region,
            "id": file.id,
            "currency": file.currency,
            "day": file.day,
            "content": file.content,
            "payouts": file.payouts,
            "sum_minor": file.sum_minor,
            "now": file.created_at,
        },
        rows=1,
    )


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
        commands = await _commands(world, plans, day)
        # No merchant, and no region, waits for another one's.
        for outcome in await world.sagas.run_all(PAYOUT, commands):
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


async def _commands(world: World, plans: list[PayoutPlan], day: date) -> list[OpenPayout]:
    """The commands to make some plans' payouts, each at its merchant's home."""
    homes = await find_homes(world.database, [plan.merchant_id for plan in plans])
    commands: list[OpenPayout] = []
    for plan in plans:
        assert plan.bank_account_id is not None
        home, former = homes[plan.merchant_id]
        commands.append(
            OpenPayout(
                region=home,
                merchant_id=plan.merchant_id,
                intent=idempotency.internal_intent(_key(plan.currency, day)),
                correlation_id=ids.encode("request", ids.new()),
                former_region=former,
                payout_id=ids.new(),
                bank_account_id=plan.bank_account_id,
                amount_minor=None,
                currency=plan.currency,
                key_id=None,
                description=f"Daily payout of {day}",
            )
        )
    return commands


def _key(currency: str, day: date) -> str:
    """A key that no client can choose, because theirs are plain ASCII."""
    return f"payout\N{MIDDLE DOT}{currency}\N{MIDDLE DOT}{day}"


class PayDay:
    """How far a process is with a day's payouts and files."""

    def __init__(self, day: date) -> None:
        self.day = day
        self._count = 0
        self._counted: dict[str, int] = {}
        """By region: how many daily payouts there were when its files were made."""
        self._refused: set[UUID] = set()
        """Files that would be refused again; tomorrow the bank may think otherwise."""

    async def make_payouts(self, world: World) -> bool:
        """Make the day's payouts; whether none is left to try again."""
        made = await make_daily_payouts(world, self.day)
        self._count = made.count
        return not made.failed

    async def send_files(self, world: World, region: str) -> bool:
        """Make a region's files and send them; whether nothing is left to do today.

        They are made once a day, and once more where daily payouts could be made only later. What
        the bank refuses is left to people, and to tomorrow.
        """
        if await self._is_to_make(world, region):
            # Until all are made: a run that fails here begins again.
            self._counted[region] = -1
            await make_due(world.database, region, self.day)
        self._counted[region] = self._count
        sent = await send_due(world, region, leave=self._refused)
        self._refused |= sent.refused
        return not sent.silent

    async def _is_to_make(self, world: World, region: str) -> bool:
        if region in self._counted:
            return self._counted[region] < self._count
        return not await reads.list_files_of_day(world.database, region, CURRENCY, self.day)
