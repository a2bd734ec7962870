"""The channel `file`: what waits goes to the bank as one file, each payout once."""

import asyncio
import stat
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.base import clock, ids
from app.domains.payouts import asks, formats, jobs, reads
from app.domains.payouts.admin import keep_plan
from app.domains.payouts.commands import CancelPayout
from app.domains.payouts.errors import AccountOutsideSepa
from app.domains.payouts.model import PayoutFile, PayoutFileStatus, PayoutPlan
from app.domains.payouts.steps import cancel_payouts
from app.engine.database import GroupCommit, transact
from app.engine.saga import Postpone
from app.processors import Verdict
from tests.payouts.office import BY_FILE, Office
from tests.payouts.test_decisions import NOW, payout
from tests.support import books
from tests.support.builders import Merchant
from tests.support.client import done, refused
from tests.support.databases import execute, rows
from tests.support.engine import opened
from tests.support.payouts import (
    IBAN,
    PATIENCE_S,
    available,
    bank_account,
    becomes,
    earn,
    order,
    pay_out,
    read,
)
from tests.support.processes import Process, WorkerProcess
from tests.support.rails import Rails
from tests.support.tables import Row, table


async def test_a_file_holds_what_waits(office: Office, rails: Rails) -> None:
    """Payouts of all merchants wait for the file, are in it once, and end as the bank says."""
    one, other = await office.merchant(), await office.merchant()
    to = [await bank_account(one), await bank_account(other, "NL91ABNA0417164300")]
    names = [
        (one, (await pay_out(one, 1_000, to[0]))["id"]),
        (one, (await pay_out(one, 2_000, to[0]))["id"]),
        (other, (await pay_out(other, 3_000, to[1]))["id"]),
    ]
    dollars = await office.merchant()
    await earn(dollars, 700, "USD")
    single = await pay_out(dollars, 700, await bank_account(dollars), currency="USD")
    await becomes(dollars, single["id"], "in_transit")
    assert {(await read(merchant, name))["status"] for merchant, name in names} == {"pending"}

    (file,) = office.files()

    assert (file["payouts"], file["sum_minor"], file["status"]) == (3, 6_000, "accepted")
    for merchant, name in names:
        await becomes(merchant, name, "in_transit")
        rails.acquirer.settle_payout(name)
    there = [*rails.acquirer.records("payouts", merchant=one.id)]
    assert [found["reference"] for found in there] == [name for _, name in names[:2]]
    assert {found["iban"] for found in there} == {IBAN}
    for merchant, name in names:
        await becomes(merchant, name, "paid")
    assert office.files() == []
    await books.assert_in_order(office.database_url)


@table("""
    fault          known
    timeout_after  1
    500_before     0
    drop_before    0
    drop_after     1
""")
async def test_a_file_whose_answer_is_lost_is_sent_again(
    office: Office, rails: Rails, row: Row
) -> None:
    """Whether the bank had it or not, it has it once afterwards."""
    merchant = await office.merchant()
    made = await pay_out(merchant, 1_000, await bank_account(merchant))
    rails.acquirer.fail_next(row.fault, operation="payout_file")

    (lost,) = office.files()
    known = len(rails.acquirer.records("payouts", merchant=merchant.id))
    (found,) = office.files()

    assert (lost["status"], known) == ("made", row.known)
    assert (found["file"], found["status"]) == (lost["file"], "accepted")
    await becomes(merchant, made["id"], "in_transit")
    assert len(rails.acquirer.records("payouts", merchant=merchant.id)) == 1
    await books.assert_in_order(office.database_url)


async def test_before_its_file_a_payout_is_canceled_at_once(office: Office, rails: Rails) -> None:
    """Nobody is asked about what is still here, and no file holds it; later the bank decides."""
    merchant = await office.merchant()
    to = await bank_account(merchant)
    first, second = [await pay_out(merchant, amount, to) for amount in (1_000, 2_000)]

    canceled = done(await merchant.api.post(f"/v1/payouts/{first['id']}/cancel", {}), 200)

    assert canceled["status"] == "canceled"
    assert await available(merchant) == 98_000
    rails.acquirer.fail_next("500_before", operation="payout_file")
    (made,) = office.files()
    assert (made["payouts"], made["status"]) == (1, "made")
    undecided = await merchant.api.post(f"/v1/payouts/{second['id']}/cancel", {}, prefer="wait=1")
    refused(undecided, 503, "payout_undecided")
    office.files()
    await becomes(merchant, second["id"], "in_transit")
    stopped = await merchant.api.post(f"/v1/payouts/{second['id']}/cancel", {})
    assert done(stopped, 200)["status"] == "canceled"
    assert await available(merchant) == 100_000
    await books.assert_in_order(office.database_url)


async def test_a_file_can_be_had_without_being_sent(office: Office) -> None:
    """It is written for its owner alone, valid as it is, and sent the next time."""
    merchant = await office.merchant()
    await pay_out(merchant, 1_000, await bank_account(merchant))
    folder = office.folder / "spool"

    made = office.suya(
        *("payouts", "file", "--no-send", "--folder", str(folder), "--date", "2031-01-31")
    )["data"]

    (path,) = folder.iterdir()
    assert path.name == f"{made[0]['file']}.xml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text("utf-8")
    formats.check_file(text)
    assert "<ReqdExctnDt>2031-01-31</ReqdExctnDt>" in text
    assert (made[0]["status"], made[0]["day"]) == ("made", "2031-01-31")
    (sent,) = office.files()
    assert (sent["file"], sent["status"]) == (made[0]["file"], "accepted")


async def test_a_file_of_payouts_that_have_left_is_not_kept(office: Office) -> None:
    """Where a payout is canceled while its file is made, the file is made anew without it."""
    merchant = await office.merchant()
    to = await bank_account(merchant)
    names = [(await pay_out(merchant, amount, to))["id"] for amount in (1_000, 2_000)]
    merchant_id = ids.decode("merchant", merchant.id)
    async with opened(office.database_url, **BY_FILE) as database:
        lines = await reads.list_unfiled(database, "local", "EUR", (ids.NIL, ids.NIL), 10)
        file = jobs._write(database.settings, "local", lines, date(2031, 1, 31), clock.now())
        group_commit = GroupCommit(database)
        command = CancelPayout(
            "local", merchant_id, None, "req_1", None, ids.decode("payout", names[0])
        )
        deadline = clock.monotonic() + 30
        await group_commit.submit(cancel_payouts, "local", [command], deadline=deadline)

        with pytest.raises(jobs.Overtaken):
            await transact(database, lambda tx: jobs._keep(tx, file, lines))
        made = await jobs.make_file(database, "local", date(2031, 1, 31))

        assert made is not None
        assert (made.payouts, made.sum_minor) == (1, 2_000)
        await group_commit.close(1)
    found = rows(office.database_url, "SELECT id, file_id FROM payouts ORDER BY id")
    assert found == [
        (ids.decode("payout", names[0]), None),
        (ids.decode("payout", names[1]), made.id),
    ]


OUTSIDE = ["SA0380000000608010167519", "BR1800360305000010009795493C1"]


@pytest.mark.parametrize("iban", OUTSIDE)
async def test_a_file_reaches_only_accounts_in_sepa(office: Office, iban: str) -> None:
    """Euros for an account elsewhere are refused when they are asked for; dollars go one by one."""
    merchant = await office.merchant()
    account = await bank_account(merchant, iban)

    answer = await merchant.api.post("/v1/payouts", order(1_000, account))

    problem = refused(answer, 409, "account_outside_sepa")
    assert problem["facts"] == {"bank_account": account, "country": iban[:2]}
    assert await available(merchant) == 100_000
    merchant_id, account_id = (
        ids.decode("merchant", merchant.id),
        ids.decode("bank_account", account),
    )
    async with opened(office.database_url, **BY_FILE) as database:
        with pytest.raises(AccountOutsideSepa):
            await keep_plan(database, PayoutPlan(merchant_id, "EUR", "daily", account_id, None))
    await earn(merchant, 700, "USD")
    single = await pay_out(merchant, 700, account, currency="USD")
    await becomes(merchant, single["id"], "in_transit")


@pytest.mark.parametrize("iban", ["DE00370400440532013000", "de89370400440532013000", OUTSIDE[0]])
async def test_one_unfit_payout_does_not_stop_the_file(office: Office, iban: str) -> None:
    """It is left out and its flow parked, nothing says its number, and the others go."""
    good, bad = await office.merchant(), await office.merchant()
    fit = await pay_out(good, 1_000, await bank_account(good))
    unfit = await pay_out(bad, 2_000, await bank_account(bad))
    # As if an older version had taken it.
    update = "UPDATE bank_accounts SET iban = %s WHERE merchant_id = %s"
    execute(office.database_url, update, [iban, ids.decode("merchant", bad.id)])

    (made,) = office.files()

    assert (made["payouts"], made["sum_minor"], made["status"]) == (1, 1_000, "accepted")
    await becomes(good, fit["id"], "in_transit")
    logs = "".join(path.read_text("utf-8") for path in office.folder.glob("**/*.log"))
    (told,) = [line for line in logs.splitlines() if "payout_left_out_of_file" in line]
    assert unfit["id"] in told
    assert iban not in logs
    parked = office.suya("sagas", "list", "--parked")["data"]
    assert [flow["note"].partition(":")[0] for flow in parked] == ["left out of the file"]
    assert office.files() == []
    canceled = await bad.api.post(f"/v1/payouts/{unfit['id']}/cancel", {})
    assert done(canceled, 200)["status"] == "canceled"
    execute(office.database_url, update, [IBAN, ids.decode("merchant", bad.id)])
    await books.assert_in_order(office.database_url)


def _file(status: PayoutFileStatus, **rejected: str) -> PayoutFile:
    return PayoutFile(
        region="local", id=UUID(int=9), currency="EUR", day=date(2026, 1, 31), status=status,
        content="", payouts=1, sum_minor=100, rejected=rejected, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


@table("""
    file                hours  refused   result
    -                       0        0   not_found          -- it waits for its file
    made                   24        0   not_found          -- the file waits for the bank
    made                   25        0   unconfirmed        -- and people should know
    accepted               25        0   lost_by_the_bank
    partially_accepted      0        0   lost_by_the_bank
    partially_accepted     25        1   closed
    rejected                0        1   closed
    rejected               25        0   file_rejected
""")
def test_what_it_means_that_the_bank_does_not_know_a_payout(row: Row) -> None:
    """It was not sent yet, was not taken, or has to be looked at by people."""
    made = payout("pending", channel="file", file_id=UUID(int=9))
    file = _file(row.file, **({made.name: "closed"} if row.refused else {})) if row.file else None

    judged = asks._judge_missing(made, file, NOW + timedelta(hours=row.hours))

    if isinstance(judged, Postpone):
        unconfirmed = f"its file {UUID(int=9).hex} was not confirmed by the bank"
        assert judged.why == {"unconfirmed": unconfirmed}.get(row.result, row.result)
    else:
        assert row.result == (judged.code or judged.outcome)
        assert judged.outcome in {"declined", "not_found"}


@table("""
    outcome    amount  result
    approved      100  approved
    approved        -  approved
    approved       99  amount_differs
    pending        99  amount_differs
    declined       99  declined
    unknown         -  timeout
    not_found       -  timeout
""")
def test_what_is_not_clear_is_not_booked(row: Row) -> None:
    """Only what the bank did with this amount is booked; all else is asked about again."""
    code = "timeout" if row.result == "timeout" else None

    judged = asks.judge(payout("in_transit"), Verdict(row.outcome, None, row.amount, code=code))

    assert row.result == (judged.why if isinstance(judged, Postpone) else judged.outcome)


@pytest.fixture
def stray(tmp_path: Path) -> Iterator[list[Process]]:
    """Processes that end with the test."""
    found: list[Process] = []
    yield found
    for process in found:
        process.kill()


async def test_daily_payouts(office: Office, rails: Rails, stray: list[Process]) -> None:
    """What is available goes out once a day by itself, however many workers there are."""
    merchant, idle = await office.merchant(70_000), await office.merchant(1)
    for each, schedule in ((merchant, "daily"), (idle, "manual")):
        to = await bank_account(each)
        words = ("payouts", "plan", each.id, "EUR", "--schedule", schedule, "--bank-account", to)
        assert office.suya(*words)["schedule"] == schedule
    settings = office.settings | {"payout_hour_utc": "0"}

    for number in range(2):
        folder = office.folder / f"worker-{number}"
        folder.mkdir()
        stray.append(WorkerProcess(office.database_url, folder, **settings).start())
    made = await _first(merchant)

    assert (made["amount"], made["created_by"]) == (70_000, None)
    await becomes(merchant, made["id"], "in_transit")
    rails.acquirer.settle_payout(made["id"])
    await becomes(merchant, made["id"], "paid")
    assert len(await merchant.api.all("/v1/payouts")) == 1
    assert await idle.api.all("/v1/payouts") == []
    await books.assert_in_order(office.database_url)


async def test_a_merchants_own_limit(office: Office) -> None:
    """A plan's limit goes before the platform's, and is said by operators only."""
    merchant = await office.merchant()
    to = await bank_account(merchant)
    office.suya("payouts", "plan", merchant.id, "EUR", "--approval-minor", "500")

    small, large = [await pay_out(merchant, amount, to) for amount in (500, 501)]

    assert (small["status"], large["status"]) == ("pending", "requires_approval")


async def _first(merchant: Merchant) -> dict[str, Any]:
    """A merchant's first payout, as soon as there is one."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := await merchant.api.all("/v1/payouts")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    return dict(found[0])
