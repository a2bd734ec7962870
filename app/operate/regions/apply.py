"""Reads the state of the database, and executes the plan."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import psycopg

from app.domains.merchants.admin import list_home_regions
from app.engine.database import Database, Queries, checks, migrations, sqlstate
from app.operate.regions.errors import ChangeRefused, NoLicence, RegionsRefused, SchemaBusy
from app.operate.regions.model import DatabaseRegions, Goal, Table, choose, remarks
from app.operate.regions.plan import RegionPlan, Statement, is_home_column, plan

queries = Queries(__package__, "cockroach.sql")

ROUNDS_MAX = 10
"""Plans that are made and tried; one is enough unless connections break or changes interfere."""
BUSY_S = 600
"""How long to wait for other schema changes: a backfill of a large table takes minutes."""
_POLL_S = 1.0

_LICENCE = "XXC02"
_BUSY = frozenset({"55000"})
"""SQLSTATE: another change of regions or localities is under way."""
_VERSION_TABLE = "alembic_version"


async def read_state(database: Database) -> DatabaseRegions:
    """Read the state of the database.

    Raises:
        RegionsRefused: it is no CockroachDB, or this user may not read its state.
        UnfitDatabase: its schema is not this version's.
    """
    if not database.is_cockroach:
        raise RegionsRefused(why="Regions need CockroachDB, and this database is a PostgreSQL")
    await checks.check_schema(database)
    try:
        return await _read_state(database)
    except psycopg.errors.InsufficientPrivilege as error:
        raise RegionsRefused(
            why="This database user may not see or change regions: use one with the role admin"
        ) from error


async def _read_state(database: Database) -> DatabaseRegions:
    cluster = await database.read(queries.list_cluster_regions, {})
    regions = await database.read(queries.list_database_regions, {})
    [(name, goal)] = await database.read(queries.find_goal, {})
    tables = await database.read(queries.list_tables, {})
    columns = await database.read(queries.list_columns, {})
    options = {
        table: tuple(given) for table, given in await database.read(queries.list_options, {})
    }
    ours = migrations.tables() | {_VERSION_TABLE}
    regional = {table for table, column in columns if column == "region"}
    return DatabaseRegions(
        database=name,
        cluster=tuple(region for (region,) in cluster),
        regions=tuple(region for region, _ in regions),
        primary=next((region for region, is_primary in regions if is_primary), None),
        goal=goal,
        tables=tuple(
            Table(
                name=table,
                regional=table in regional,
                locality=locality,
                homes=tuple(c for t, c in columns if t == table and is_home_column(c)),
                locked="schema_locked=true" in options.get(table, ()),
                options=options.get(table, ()),
            )
            for schema, table, locality in tables
            if schema == "public" and table in ours - {_VERSION_TABLE}
        ),
        strangers=tuple(
            table if schema == "public" else f"{schema}.{table}"
            for schema, table, _ in tables
            if schema != "public" or table not in ours
        ),
        homes=tuple(await list_home_regions(database)),
    )


async def make_plan(database: Database, regions: Sequence[str], goal: Goal | None) -> RegionPlan:
    """Make the plan that `apply` would execute now.

    Args:
        regions: the primary one first; none means those of the cluster.
        goal: none means the present one, or the loss of a zone.

    Raises:
        RegionsRefused, UnfitDatabase
    """
    state = await read_state(database)
    asked = tuple(regions)
    wanted = choose(state, regions=asked, goal=goal, own_region=database.settings.region)
    return plan(state, wanted, tuple(remarks(state, wanted, asked)))


async def apply(
    database: Database,
    regions: Sequence[str],
    goal: Goal | None,
    tell: Callable[[Statement], None] = lambda _: None,
) -> list[Statement]:
    """Bring the database to the wanted state; returns the statements that ran.

    It may be interrupted anywhere and run again. A statement takes as long as the rows that it
    rewrites need; payments go on meanwhile.

    Args:
        tell: called with each statement before it runs.

    Raises:
        RegionsRefused, UnfitDatabase, NoLicence: nothing was changed.
        ChangeRefused: the server refused a statement; the earlier ones stay.
        SchemaBusy: other schema changes did not end.
    """
    done: list[Statement] = []
    await make_plan(database, regions, goal)  # a refusal comes before any wait
    for _ in range(ROUNDS_MAX):
        # A statement whose client died continues as a job of the server; the plan waits for its
        # end.
        await _wait_until_quiet(database)
        planned = await make_plan(database, regions, goal)
        if not planned.statements:
            return done
        try:
            await _round(database, planned, done, tell)
        except psycopg.Error as error:
            verdict = sqlstate.failure_action(error, committing=True)
            if error.sqlstate not in _BUSY and verdict is sqlstate.FailureAction.BUG:
                raise
            # Whether the statement ended is not known; the next plan is made from the true state.
            await asyncio.sleep(_POLL_S)
    raise SchemaBusy(waited_s=ROUNDS_MAX, what="the plan was not finished")


async def _round(
    database: Database,
    planned: RegionPlan,
    done: list[Statement],
    tell: Callable[[Statement], None],
) -> None:
    """Execute one plan; unlocked tables are locked again even if a statement fails."""
    try:
        for statement in (*planned.unlock, *planned.changes):
            tell(statement)
            await _run(database, statement)
            done.append(statement)
    finally:
        for statement in planned.lock:
            with suppress(psycopg.Error):
                await execute(database, statement.sql)


async def _run(database: Database, statement: Statement) -> None:
    try:
        await execute(database, statement.sql)
    except psycopg.Error as error:
        if error.sqlstate == _LICENCE:
            raise NoLicence from error
        known = sqlstate.failure_action(error, committing=True) is not sqlstate.FailureAction.BUG
        if known or error.sqlstate in _BUSY:
            raise
        said = str(error).splitlines()[0]
        raise ChangeRefused(statement=statement.sql, said=said, sqlstate=error.sqlstate) from error


async def execute(database: Database, sql: str) -> None:
    """Execute one statement of data definition, however long it takes."""
    async with database.writer() as driver:
        # A backfill takes as long as there are rows; the limits are meant for payments.
        await driver.execute("SET statement_timeout = 0")
        await driver.execute("SET lock_timeout = 0")
        try:
            await driver.execute(sql.encode())
        finally:
            if not driver.closed:
                await driver.execute("RESET statement_timeout")
                await driver.execute("RESET lock_timeout")


async def _wait_until_quiet(database: Database) -> None:
    """Wait for running schema changes: regions and localities cannot change side by side.

    Raises:
        SchemaBusy
    """
    for _ in range(int(BUSY_S / _POLL_S)):
        running = await database.read(queries.list_running_changes, {})
        if not running:
            return
        await asyncio.sleep(_POLL_S)
    raise SchemaBusy(waited_s=BUSY_S, what=running[0][0])
