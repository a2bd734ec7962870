"""A worker's round of a day, where something goes wrong in a part of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.base import clock, ids
from app.base.telemetry import metrics
from app.domains.payouts import PayoutPlan
from app.domains.payouts.admin import keep_plan
from app.processes.flows import open_world
from app.processes.worker import Worker
from tests.payouts.office import Office
from tests.support.builders import Merchant
from tests.support.databases import execute, rows
from tests.support.engine import opened
from tests.support.payouts import bank_account, pay_out
from tests.support.rails import Rails
from tests.support.tables import Row, table

REFUSE = """
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'there is trouble';
    END $$
"""


@asynccontextmanager
async def day_worker(office: Office) -> AsyncIterator[Worker]:
    """A worker in this process whose hour has come."""
    settings = office.settings | {"payout_hour_utc": "0"}
    async with opened(office.database_url, **settings) as database, open_world(database) as world:
        yield Worker(world)


def files_of(office: Office) -> list[tuple[str, str]]:
    """(region, status) of the files there are, by region."""
    found = rows(office.database_url, "SELECT region, status FROM payout_files ORDER BY region, id")
    return [(region, status) for region, status in found]


async def stalls(office: Office, *regions: str) -> list[Merchant]:
    """A merchant with a payout that waits for a file, in each of some regions."""
    made = [await office.merchant(home_region=region) for region in regions]
    for each in made:
        await pay_out(each, 1_000, await bank_account(each))
    return made


async def is_paid_out(worker: Worker) -> bool:
    """Whether the day is over after a round of it."""
    await worker.pay_out()
    return worker.paid_out_on == clock.now().date()


@table("""
    fault                  is_over  refused
    refuse:not_permitted         1        1
    500_before                   0        0
    drop_before                  0        0
""")
async def test_a_file_the_bank_does_not_take(office: Office, rails: Rails, row: Row) -> None:
    """The other region's file is sent; a refusal ends the day, and silence is tried again."""
    await stalls(office, "aa", "bb")
    before = metrics.registry.get_sample_value("suya_payout_files_refused_total") or 0
    rails.acquirer.fail_next(row.fault, operation="payout_file")

    async with day_worker(office) as worker:
        assert await is_paid_out(worker) == bool(row.is_over)
        assert sorted(status for _, status in files_of(office)) == ["accepted", "made"]
        counted = metrics.registry.get_sample_value("suya_payout_files_refused_total")
        assert counted == before + row.refused

        worker.paid_out_on = None  # as the trouble of another region would leave it
        assert await is_paid_out(worker)
        # What was refused is not given again on the same day.
        assert [status for _, status in files_of(office)].count("made") == row.refused
    execute(office.database_url, "DELETE FROM leases WHERE name = 'pay_out'")
    async with day_worker(office) as tomorrows:
        assert await is_paid_out(tomorrows)
    assert files_of(office) == [("aa", "accepted"), ("bb", "accepted")]


async def test_a_region_whose_files_cannot_be_made(office: Office) -> None:
    """The next regions' files are made and sent, and the day is not over before all are."""
    await stalls(office, "aa", "bb")
    execute(office.database_url, REFUSE)
    execute(
        office.database_url,
        "CREATE TRIGGER trouble BEFORE INSERT ON payout_files"
        " FOR EACH ROW WHEN (NEW.region = 'aa') EXECUTE FUNCTION trouble()",
    )

    async with day_worker(office) as worker:
        assert not await is_paid_out(worker)
        assert files_of(office) == [("bb", "accepted")]
        execute(office.database_url, "DROP TRIGGER trouble ON payout_files")
        assert await is_paid_out(worker)
    assert files_of(office) == [("aa", "accepted"), ("bb", "accepted")]


async def test_a_daily_payout_that_cannot_be_tried(office: Office) -> None:
    """The others are in the day's file; once it can be made, it is in another one that day."""
    one, other = await office.merchant(5_000), await office.merchant(7_000)
    async with day_worker(office) as worker:
        for merchant in (one, other):
            account_id = ids.decode("bank_account", await bank_account(merchant))
            merchant_id = ids.decode("merchant", merchant.id)
            plan = PayoutPlan(merchant_id, "EUR", "daily", account_id, None)
            await keep_plan(worker.database, plan)
        execute(office.database_url, REFUSE)
        execute(
            office.database_url,
            "CREATE TRIGGER trouble BEFORE INSERT ON payouts"
            " FOR EACH ROW WHEN (NEW.amount_minor = 5000) EXECUTE FUNCTION trouble()",
        )

        assert not await is_paid_out(worker)
        assert await one.api.all("/v1/payouts") == []
        sums = "SELECT sum_minor FROM payout_files WHERE status = 'accepted' ORDER BY id"
        assert rows(office.database_url, sums) == [(7_000,)]

        execute(office.database_url, "DROP TRIGGER trouble ON payouts")
        assert await is_paid_out(worker)
        assert rows(office.database_url, sums) == [(7_000,), (5_000,)]


@pytest.mark.parametrize("office", [{"payout_eur_road": "single"}], indirect=True)
async def test_a_day_without_files(office: Office) -> None:
    """Where payouts go one by one, the day is over with its payouts."""
    await stalls(office, "aa")
    async with day_worker(office) as worker:
        assert await is_paid_out(worker)
    assert files_of(office) == []
