"""The file's road: orders of a day are put into one file, and the bank says what it took of it.

A file is kept in the transaction that marks its payouts, so each is in one file at most, and with
its text, so that sending it again sends the same. What the bank decides about each payout is booked
by the payout's own flow, which is gone on with as soon as the bank has the file.
"""

import asyncio
from datetime import date, datetime

import msgspec

from app import clock, ids
from app.database import Database, Tx, arrays, transact
from app.merchants.homes import find_homes
from app.payouts import reads, sepa, store
from app.payouts.model import File
from app.payouts.reads import Line
from app.payouts.sepa import Debtor, Order
from app.processors import FileState, World
from app.saga import TakeFlow
from app.settings import Settings
from app.telemetry import log

CURRENCY = "EUR"
"""SEPA is for euros."""
PAYOUTS_MAX = 1_000  # of a file: a second of our time, and half a megabyte
ATTEMPTS_MAX = 3  # to make a file whose payouts do not change meanwhile; the next round goes on
FILES_MAX = 100  # of a round and region
TOGETHER = 32  # flows gone on with at a time: well below what a processor is asked at once
WAIT_S = 20.0  # for a flow that somebody else has


class Overtaken(Exception):
    """A payout was canceled while its file was made."""


async def make_file(database: Database, region: str, day: date) -> File | None:
    """Put what waits in a region into a file, 1,000 payouts at most; none: nothing waits.

    The text is made and checked before the transaction, which then finds all payouts as they were,
    or does nothing.
    """
    settings = database.settings
    for _ in range(ATTEMPTS_MAX):
        lines = await reads.list_unfiled(database, region, CURRENCY, PAYOUTS_MAX)
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


async def send_file(world: World, file: File) -> bool:
    """Give a file to the bank and write what it says of it; whether it says anything.

    It may have been given before: the bank takes a file once under its name. Where nobody knows
    whether it arrived, it is given again in the next round.
    """
    bank = world.processors.get(world.processors.banks(file.currency))
    said = await bank.submit_file(file.content)
    if not isinstance(said, FileState):
        if said.is_final:
            # Nothing of it is booked back: it may have been given before. The next file may do.
            log.error("payout_file_refused", file=file.name, code=said.code)
            return True
        log.warning("payout_file_unconfirmed", file=file.name, code=said.code)
        return False

    async def work(tx: Tx) -> None:
        assert isinstance(said, FileState)
        tx.write(
            store.queries.update_file,
            lambda: {
                "region": file.region,
                "id": file.id,
                "status": said.status,
                "rejected": msgspec.json.encode(said.rejected).decode(),
                "now": clock.now(),
            },
            rows=1,
        )

    await transact(world.database, work)
    log.info("payout_file_sent", file=file.name, status=said.status, rejected=len(said.rejected))
    await _go_on(world, file)
    return True


async def make_due(database: Database, region: str, day: date) -> list[File]:
    """Make the files of what waits in a region."""
    made: list[File] = []
    while len(made) < FILES_MAX:
        file = await make_file(database, region, day)
        if file is None:
            break
        made.append(file)
    return made


async def send_due(world: World, region: str) -> list[File]:
    """Send the files of a region that the bank has not confirmed, and return them."""
    files = await reads.list_files_to_send(world.database, region, FILES_MAX)
    for file in files:
        if not await send_file(world, file):
            break  # a bank that does not answer is not asked again and again
    return files


async def send_daily(world: World, region: str, day: date) -> bool:
    """Make a region's files of a day, once, and send them; whether the bank has them all."""
    if not await reads.list_files_of_day(world.database, region, CURRENCY, day):
        await make_due(world.database, region, day)
    await send_due(world, region)
    return not await reads.list_files_to_send(world.database, region, 1)


async def _go_on(world: World, file: File) -> None:
    """Have the flows of a file's payouts ask the bank now; those that are missed ask by time."""
    after = (ids.NIL, ids.NIL)
    while True:
        page = await reads.list_payouts_of_file(world.database, file, after, TOGETHER)
        if not page:
            return
        homes = await find_homes(world.database, [merchant_id for merchant_id, _ in page])
        until = clock.monotonic() + WAIT_S
        places = [TakeFlow(homes[m][0], m, payout_id, homes[m][1]) for m, payout_id in page]
        await asyncio.gather(
            *[world.sagas.advance(place, place.flow_id, until=until) for place in places]
        )
        after = page[-1]


def _write(settings: Settings, region: str, lines: list[Line], day: date, now: datetime) -> File:
    """A file with its text."""
    assert settings.payout_debtor_iban is not None
    debtor = Debtor(settings.payout_debtor_name, settings.payout_debtor_iban)
    orders = [
        Order(
            reference=ids.encode("payout", line.payout_id),
            merchant=ids.encode("merchant", line.merchant_id),
            amount_minor=line.amount_minor,
            iban=line.iban,
            name=line.name,
        )
        for line in lines
    ]
    file_id = ids.new()
    text = sepa.make_file(orders, debtor, message_id=file_id.hex, day=day, made_at=now)
    sepa.check_file(text)
    return File(
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
    )


async def _keep(tx: Tx, file: File, lines: list[Line]) -> None:
    """Write a file and mark its payouts.

    Raises:
        Overtaken: one of them has changed.
    """
    params = {
        "file_id": file.id,
        "status": "pending",
        "road": "file",
        "regions": arrays.same(file.region, len(lines)),
        "merchant_ids": arrays.uuids([line.merchant_id for line in lines]),
        "ids": arrays.uuids([line.payout_id for line in lines]),
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
