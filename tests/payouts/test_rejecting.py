"""Files that the bank does not take: people are called, and have a way out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.base import clock, ids
from app.domains.payouts import admin, jobs, reads
from app.domains.payouts.jobs import FileOutcome
from app.processes.flows import open_world
from app.processors import Verdict, World
from tests.payouts.office import BY_FILE, Office
from tests.payouts.support import VIEWS, Moving
from tests.support import books
from tests.support.client import refused
from tests.support.databases import execute, rows
from tests.support.engine import opened
from tests.support.payouts import (
    IBAN,
    PATIENCE_S,
    available,
    bank_account,
    becomes,
    pay_out,
    read,
)
from tests.support.rails import Rails

REFUSAL = "refuse:not_permitted"
SLOW = {"payout_check_ms": "3600000"}
"""Flows do not ask by themselves within a test."""


def let_it_rest(office: Office, *, days: int = 0) -> None:
    """As if all files were made, and given to the bank, a while ago."""
    execute(
        office.database_url,
        "UPDATE payout_files SET created_at = created_at - make_interval(days => %s, mins => 10),"
        " updated_at = updated_at - make_interval(mins => 10)",
        [days],
    )


async def is_parked(office: Office) -> str:
    """Why the only flow of a payout is parked, as soon as it is."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = rows(
                office.database_url,
                "SELECT note FROM sagas WHERE name = 'payout' AND status = 'parked'",
            )
            if found:
                return str(found[0][0])
            await asyncio.sleep(0.05)


@asynccontextmanager
async def opened_world(office: Office) -> AsyncIterator[World]:
    """The outside of this process."""
    async with (
        opened(office.database_url, **office.settings) as database,
        open_world(database) as world,
    ):
        yield world


@pytest.mark.parametrize("office", [{"saga_attempts_max": "3"}], indirect=True)
async def test_people_reject_a_file_that_was_refused(office: Office, rails: Rails) -> None:
    """Its payouts are parked after a day, and fail with their money back once it is rejected."""
    merchant = await office.merchant()
    made = await pay_out(merchant, 1_000, await bank_account(merchant))
    rails.acquirer.fail_next(REFUSAL, operation="payout_file")
    (file,) = office.files()
    assert file["status"] == "made"
    let_it_rest(office, days=1)
    note = f"its file {file['file']} was not confirmed by the bank"
    assert await is_parked(office) == note
    (parked,) = office.suya("sagas", "list", "--parked")["data"]
    assert (parked["object_id"], parked["note"]) == (str(ids.decode("payout", made["id"])), note)
    canceled = await merchant.api.post(f"/v1/payouts/{made['id']}/cancel", {}, prefer="wait=1")
    refused(canceled, 503, "payout_undecided")

    for _ in range(2):
        answer = office.suya("payouts", "reject", file["file"])
        assert answer == {"file": file["file"], "failed": 1, "waiting": 0}

    failed = await read(merchant, made["id"])
    assert (failed["status"], failed["failure_code"]) == ("failed", "file_rejected")
    assert await available(merchant) == 100_000
    assert office.files() == []
    assert rails.acquirer.records("payouts", merchant=merchant.id) == []
    await books.assert_in_order(office.database_url)


@pytest.mark.parametrize("office", [SLOW], indirect=True)
async def test_a_file_the_bank_may_have_is_not_rejected(office: Office, rails: Rails) -> None:
    """It is refused while the file may be on its way, or the bank is silent, or knows a payout."""
    merchant = await office.merchant()
    to = await bank_account(merchant)
    known = (await pay_out(merchant, 1_000, to))["id"]
    rails.acquirer.fail_next(REFUSAL, operation="payout_file")
    (file,) = office.files()
    words = ("payouts", "reject", file["file"])

    assert "is no id of a file" in office.refused("payouts", "reject", "po_1")
    assert "was ever given to a bank" in office.refused(
        "payouts", "paid", ids.encode("payout", ids.new())
    )
    assert "There is no file" in office.refused("payouts", "reject", ids.new().hex)
    assert "just now; try again in" in office.refused(*words)
    let_it_rest(office)
    rails.acquirer.script(down=True)
    assert f"{known}: the bank does not say" in office.refused(*words)
    rails.acquirer.script()
    order = {"reference": known, "merchant": merchant.id, "amount": 1_000, "currency": "EUR"}
    rails.acquirer.ask("POST", "/v1/payouts", order | {"iban": IBAN, "name": "Ada Obi"})
    assert f"{known}: the bank knows it" in office.refused(*words)
    assert (await read(merchant, known))["status"] == "pending"

    (sent,) = office.files()
    assert sent["status"] != "made"
    assert "The bank took file" in office.refused(*words)
    await becomes(merchant, known, "in_transit")


@pytest.mark.parametrize("office", [SLOW], indirect=True)
async def test_a_file_is_sent_or_rejected_but_not_both(office: Office, rails: Rails) -> None:
    """Who sends a file is seen by who rejects it meanwhile, and a rejected one is not sent."""
    merchant = await office.merchant()
    await pay_out(merchant, 1_000, await bank_account(merchant))
    async with opened_world(office) as world:
        (file,) = await jobs.make_due(world.database, "local", clock.now().date())
        rails.acquirer.fail_next("500_before", operation="payout_file")
        assert await jobs.send_file(world, file) is FileOutcome.SILENT

        with pytest.raises(admin.NotRejected, match="given to the bank meanwhile"):
            await admin._mark(world, file)
        latest = await reads.find_file(world.database, file.id)
        assert latest is not None
        await admin._mark(world, latest)

        assert await jobs.send_file(world, file) is FileOutcome.DECIDED
        assert rails.acquirer.records("payouts", merchant=merchant.id) == []


@pytest.mark.parametrize("page_size", [1, 32])
async def test_payouts_that_moved_hear_of_their_file(
    database_url: str, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    """A file stays where it was made, and its payouts are found wherever they are by then."""
    monkeypatch.setattr(jobs, "TOGETHER", page_size)
    async with opened(database_url, **BY_FILE) as database:
        moving = Moving(database)
        await moving.begin()
        left, also_left, moved = [await moving.open(amount) for amount in (700, 750, 800)]
        file = await jobs.make_file(database, "us", clock.now().date())
        moving.view = VIEWS[0]
        await moving.hear(moved, Verdict("not_found"))
        assert file is not None

        found = [place async for page in jobs.list_waiting(database, file) for place in page]

        homes = [(place.region, place.former_region) for place in found]
        assert homes == [("eu", "us")] * 3
        assert sorted(place.flow_id for place in found) == sorted([left, also_left, moved])
        places = rows(database_url, "SELECT region FROM payouts ORDER BY region")
        assert places == [("eu",), ("us",), ("us",)]
        await moving.group.close(1)
