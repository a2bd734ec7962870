"""`suya regions` on a real CockroachDB, which has no licence for it unless one is named.

Without a licence every statement is parsed by the server, the refusal is real, and the computed
columns are real too, over an enumeration made by hand; only the localities themselves are not.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.base import clock, ids
from app.domains.ledger import MakeDeposit, OpenAccount
from app.domains.ledger import steps as ledger_steps
from app.domains.merchants import UnknownRegion, admin
from app.domains.payments.commands import OpenPayment
from app.domains.payments.steps import open_payments
from app.engine import idempotency
from app.engine.database import Database, GroupCommit, Step
from app.engine.idempotency import Answer, Intent
from app.operate.regions import (
    DatabaseRegions,
    NoLicence,
    RegionsRefused,
    Table,
    Wanted,
    apply,
    make_plan,
    plan,
    set_ttl,
)
from app.operate.regions import read_state as read
from app.operate.regions.apply import _wait_until_quiet, queries
from app.operate.regions.plan import home_column, literal
from app.operate.regions.ttl import plan_ttl
from tests.regions.server import run
from tests.support import books, cluster
from tests.support.commands import run_suya
from tests.support.databases import connect, execute, rows
from tests.support.engine import opened
from tests.support.processes import environ

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

REGION = "eu-west1"
"""Of the node that tests/support/cluster.py starts."""


@pytest.fixture
def own_url(cockroach_server: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with cluster.database(cockroach_server) as url:
        yield url


async def state_of(url: str) -> DatabaseRegions:
    """What the database says of itself."""
    async with opened(url) as database:
        return await read(database)


def every_statement(state: DatabaseRegions) -> list[str]:
    """Each kind of statement that a plan can have."""
    odd = 'eu"; DROP TABLE payments; --'
    found = [s.sql for s in plan_ttl(())] + [s.sql for s in plan_ttl(("schema_locked=true",))]
    tables = (*state.tables, Table(odd, regional=True, locked=True), Table("x", regional=False))
    now = DatabaseRegions(
        database=odd, cluster=("a", "b", "c", odd), regions=(), primary=None, goal=None,
        tables=tables,
    )  # fmt: skip
    for names in (("a", "b", "c"), ("b", "a", "c", odd)):
        for goal in ("zone", "region"):
            wanted = Wanted(names, "region" if goal == "region" else "zone")
            for statement in plan(now, wanted).statements:
                found.append(statement.sql)
                if odd not in names:
                    now = run(now, statement.sql)
    return sorted(set(found))


async def test_the_server_parses_every_statement(cockroach_url: str) -> None:
    """Whatever a plan can hold is CockroachDB's SQL, one statement each, odd names included."""
    statements = every_statement(await state_of(cockroach_url))

    with connect(cockroach_url) as connection:
        for statement in statements:
            parsed = connection.execute(f"SHOW SYNTAX {literal(statement)}".encode()).fetchall()
            assert [field for field, _ in parsed] == ["sql"], (statement, parsed)
    kinds = ("PRIMARY REGION", "ADD REGION", "SURVIVE", "GLOBAL", "ADD COLUMN", "BY ROW", "DROP")
    for kind in (*kinds, "schema_locked", "ttl_expiration_expression"):
        assert any(kind in statement for statement in statements), kind


async def test_the_database_tells_what_it_is(cockroach_url: str) -> None:
    """Every table of the schema is found, and which of them have rows with a region."""
    state = await state_of(cockroach_url)

    assert REGION in state.cluster
    assert state.strangers == ()
    regional = {table.name for table in state.tables if table.regional}
    assert {"payments", "accounts", "entries", "events", "leases"} <= regional
    assert {"merchants", "api_keys"} & regional == set()
    assert "alembic_version" not in {table.name for table in state.tables}


async def test_merchants_keys_begin_with_the_region(own_url: str) -> None:
    """Each primary key and unique constraint of a merchant's table has `region` first."""
    state = await state_of(own_url)
    regional = {table.name for table in state.tables if table.regional}

    found = rows(
        own_url,
        "SELECT c.relname, i.relname, a.attname FROM pg_index AS x "
        "JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] "
        "WHERE c.relnamespace = 'public'::REGNAMESPACE AND x.indisunique",
    )

    assert {name for name, _, _ in found} >= regional
    assert [row for row in found if row[0] in regional and row[2] != "region"] == []


async def test_without_a_licence_nothing_changes(own_url: str) -> None:
    """Applying either makes the database what was planned, or is refused and changes nothing."""
    before = await state_of(own_url)
    async with opened(own_url) as database:
        try:
            done = await apply(database, [REGION], None)
        except NoLicence:
            assert await read(database) == before
            return
        assert done
        assert await apply(database, [REGION], None) == []
        assert (await read(database)).primary == REGION


async def test_a_missing_licence_stops_nothing(own_url: str) -> None:
    """The command says that the cluster goes on as it is, and scripts after it go on too."""
    variables = environ(database_url=own_url, regions=REGION)

    result = run_suya(variables, "regions", "apply")
    told = json.loads(run_suya(variables, "regions", "apply", "--json").stdout)

    assert result.returncode == 0, result.stderr
    assert told["done"] == []
    if "refused" in told:
        assert "no licence for multi-region tables (XXC02)" in result.stderr
        assert (await state_of(own_url)).primary is None
    else:
        assert (await state_of(own_url)).primary == REGION


async def test_wishes_that_cannot_be_are_refused(own_url: str) -> None:
    """Unknown regions, too few of them, and tables that are not ours: a sentence, and no change."""
    before = await state_of(own_url)
    async with opened(own_url) as database:
        with pytest.raises(RegionsRefused, match="'mars' is not one of the cluster's"):
            await apply(database, [REGION, "mars"], None)
        with pytest.raises(RegionsRefused, match="needs 3 regions"):
            await apply(database, [REGION], "region")
        assert await read(database) == before
        execute(own_url, "CREATE SCHEMA crm")
        execute(own_url, "CREATE TABLE crm.people (id INT8 PRIMARY KEY)")
        with pytest.raises(RegionsRefused, match=r"not Suya's \(crm\.people\)"):
            await make_plan(database, [REGION], None)


async def test_rows_find_home(own_url: str) -> None:
    """Payments go on over the computed columns, and each row's home is its merchant's."""
    wanted = Wanted((REGION, "us-east1"), "zone")
    home = home_column(wanted)
    state = await state_of(own_url)
    if state.primary is None:
        execute(own_url, f"CREATE TYPE crdb_internal_region AS ENUM ('{REGION}', 'us-east1')")
    async with opened(own_url) as database:
        await _pay(database, "us-east1")
        for statement in plan(state, wanted).statements:
            if "ADD COLUMN" in statement.sql:
                execute(own_url, statement.sql)
        await _pay(database, REGION)
        with pytest.raises(UnknownRegion, match="us-east1"):
            await _pay(database, "local")
        tables = [table for table in (await read(database)).tables if table.regional]
    assert all(table.homes == (home,) for table in tables)
    for table in ("accounts", "transfers", "entries", "payments", "events", "idempotency_keys"):
        select = f"SELECT DISTINCT region, CAST({home} AS TEXT) FROM {table}"  # noqa: S608
        found = rows(own_url, select)
        assert set(found) == {(REGION, REGION), ("us-east1", "us-east1")}
    assert "home_" not in str(rows(own_url, "SELECT * FROM payments LIMIT 1"))
    await books.assert_in_order(own_url)


async def _pay(database: Database, region: str) -> None:
    """A merchant at home in `region`, with a wallet and a payment."""
    merchant = (await admin.create_merchant(database, name="stall", home_region=region)).id
    group, wallet = GroupCommit(database), ids.new()

    def head() -> tuple[str, UUID, Intent, str, None]:
        intent = idempotency.intent(str(ids.new()), "POST", "/", "{}")
        return region, merchant, intent, "req_1", None

    pay = OpenPayment(*head(), ids.new(), ids.new(), wallet, 10, "USD", "automatic", None, {}, 0, 0)
    steps: list[tuple[Step[Any, Any], Any]] = [
        (ledger_steps.open_accounts, OpenAccount(*head(), wallet, "USD")),
        (ledger_steps.make_deposits, MakeDeposit(*head(), ids.new(), wallet, "USD", 100)),
        (open_payments, pay),
    ]
    for flow, command in steps:
        receipt = await group.submit(flow, region, [command], deadline=clock.monotonic() + 60)
        [answer] = receipt.outcomes
        assert isinstance(answer, Answer), answer
        assert answer.status == 201


async def test_a_change_that_still_runs_is_waited_for(own_url: str) -> None:
    """A statement whose client died goes on as a job, and the next plan is made after its end."""
    async with opened(own_url) as database:
        with connect(own_url) as reader:
            # A transaction that has seen the old schema holds its change up.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM payments")
            change = asyncio.create_task(
                asyncio.to_thread(execute, own_url, "ALTER TABLE payments ADD COLUMN late INT8")
            )
            async with asyncio.timeout(60):
                while not await database.read(queries.list_running_changes, {}):
                    await asyncio.sleep(0.05)
            waiting = asyncio.create_task(_wait_until_quiet(database))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            reader.execute("ROLLBACK")
        await waiting
        assert rows(own_url, "SELECT late FROM payments") == []
        await change


async def test_keys_expire_where_the_database_can_do_it(own_url: str) -> None:
    """Asked twice, the answer is the same, and it is what the table says of itself."""
    async with opened(own_url) as database:
        answers = [await set_ttl(database) for _ in range(2)]
        state = await read(database)

    [keys] = [table for table in state.tables if table.name == "idempotency_keys"]
    assert answers == [any("ttl_expiration_expression" in option for option in keys.options)] * 2
    assert (plan_ttl(keys.options) == ()) == answers[0]
