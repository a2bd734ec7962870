"""The checks, each on its own: a check that fails hides no other."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from app.base import clock
from app.base.errors import PlatformError
from app.base.process import PortUnusable, check_port
from app.base.settings import Settings
from app.engine.database import Database, Queries, Query, Rows, checks
from app.operate.doctor.licence import judge_licence
from app.operate.doctor.model import (
    CockroachNode,
    Diagnosis,
    cockroach_version,
    judge_clock,
    judge_cockroach,
    judge_connections,
    judge_isolation,
    judge_nodes,
    judge_postgresql,
    judge_ranges,
)
from app.operate.regions import make_plan, read_state

queries = Queries(__package__)
cockroach = Queries(__package__, "cockroach.sql")

_ANSWER_S = 2.0  # an api on this machine answers faster, or it is another program


async def examine(settings: Settings, url: str) -> list[Diagnosis]:
    """Run all checks; earlier ones are about what later ones depend on."""
    found = [_settings(settings)]
    async with Database.open(settings, url) as database:
        found += [diagnosis async for diagnosis in _database(database)]
    found.append(await asyncio.to_thread(_port, settings))
    return found


def _settings(settings: Settings) -> Diagnosis:
    if settings.faults:
        said = "SUYA_FAULTS is set: processes will crash on purpose"
        return Diagnosis("settings", "fail", said, "unset SUYA_FAULTS")
    production = settings.environment == "production"
    if production and settings.database_url is None:
        return Diagnosis(
            "settings",
            "warn",
            "production on the embedded PostgreSQL: one machine, one copy",
            "set SUYA_DATABASE_URL",
        )
    if settings.admin_key is None:
        return Diagnosis(
            "settings",
            "ok",
            f"{settings.environment}; without SUYA_ADMIN_KEY merchants are made by "
            "'suya merchants' only",
        )
    return Diagnosis("settings", "ok", f"{settings.environment}, region {settings.region}")


async def _database(database: Database) -> AsyncIterator[Diagnosis]:
    """Check the database; if it cannot be reached, the further checks are left out."""
    # The URL is shown without its parameters, which may contain a password.
    shown = make_url(database.url).set(query={}).render_as_string(hide_password=True)
    before = clock.now()
    try:
        [(version, number)] = await database.read(queries.find_version, {})
        before = clock.now()
        [(there,)] = await database.read(queries.find_clock, {})
    except (PlatformError, psycopg.Error) as error:
        reason = (str(error.__cause__ or error).strip() or "no reason was given").splitlines()[0]
        said = f"{shown} cannot be reached: {reason}"
        yield Diagnosis("database", "fail", said, "start it, or correct SUYA_DATABASE_URL")
        return
    after = clock.now()
    yield Diagnosis("database", "ok", shown)
    yield judge_cockroach(version) if database.is_cockroach else judge_postgresql(number)
    yield await _fit(database, "durability", "what is acknowledged is on disk")
    yield await _fit(database, "schema", "the schema is this version's")
    async with database.writer() as driver:
        cursor = await driver.execute(queries.find_isolation.text)
        [(level,)] = await cursor.fetchall()
    yield judge_isolation(level)
    middle = before + (after - before) / 2
    offset, doubt = there - middle, (after - before) / 2
    yield judge_clock(*(round(span.total_seconds() * 1000) for span in (offset, doubt)))
    own = _cluster(database, version) if database.is_cockroach else _server(database)
    async for diagnosis in own:
        yield diagnosis
    yield await _worker(database)


async def _fit(database: Database, check: str, said: str) -> Diagnosis:
    """Run a check that processes make before they serve."""
    by_name = {"durability": checks.check_durability, "schema": checks.check_schema}
    try:
        await by_name[check](database)
    except checks.UnfitDatabase as error:
        mend = "suya migrate" if check == "schema" else "see the sentence"
        return Diagnosis(check, "fail", error.facts["fault"], mend)
    return Diagnosis(check, "ok", said)


async def _server(database: Database) -> AsyncIterator[Diagnosis]:
    """Check what is specific to PostgreSQL."""
    [(limit, reserved, used)] = await database.read(queries.count_connections, {})
    yield judge_connections(limit - reserved, used, _per_process(database))
    [(autovacuum,)] = await database.read(queries.find_autovacuum, {})
    if autovacuum == "on":
        yield Diagnosis("statistics", "ok", "kept up to date by autovacuum")
    else:
        said = "autovacuum is off: plans and pages grow stale"
        yield Diagnosis("statistics", "fail", said, "set autovacuum = on")
    yield Diagnosis("regions", "ok", "one: a PostgreSQL has no others")


async def _cluster(database: Database, version: str) -> AsyncIterator[Diagnosis]:
    """Check what is specific to CockroachDB, as far as this user may read it."""
    now = clock.now()
    settings: dict[str, str] = dict(await _internals(database, cockroach.list_settings) or [])
    sessions = await _internals(database, cockroach.count_sessions)
    limit = int(settings.get("server.max_connections_per_gateway", "-1"))
    if sessions is None:
        yield _unseen("connections")
    else:
        yield judge_connections(
            None if limit < 0 else limit, sessions[0][0], _per_process(database)
        )
    yield _statistics(settings)
    rows = await _internals(database, cockroach.list_nodes, {"now_s": int(now.timestamp())})
    nodes = [CockroachNode(*row) for row in rows or []]
    if rows is None:
        yield _unseen("nodes")
    else:
        production = database.settings.environment == "production"
        yield judge_nodes(nodes, production=production)
    ranges = await _internals(database, cockroach.sum_ranges)
    yield _unseen("ranges") if ranges is None else judge_ranges(*map(int, ranges[0]))
    yield await _licence(database, version, nodes, now)
    yield await _regions(database)


async def _licence(
    database: Database, version: str, nodes: list[CockroachNode], now: datetime
) -> Diagnosis:
    key = await _internals(database, cockroach.find_licence)
    if key is None:
        return _unseen("licence")
    end = await _internals(database, cockroach.find_licence_end)
    made = await _internals(database, cockroach.find_made_at)
    made_at = made[0][0] if made else None
    return judge_licence(
        version=cockroach_version(version),
        nodes=sum(node.membership != "decommissioned" for node in nodes),
        key=key[0][0],
        expires_in_s=end[0][0] if end else 0,
        made_at=made_at.astimezone(UTC) if made_at else None,
        now=now,
    )


async def _regions(database: Database) -> Diagnosis:
    """Check that the database spans the regions that were wanted, and this process's own."""
    settings = database.settings
    try:
        state = await read_state(database)
        if state.primary is None:
            said = "one; 'suya regions plan' shows what more would mean"
            return Diagnosis("regions", "ok", said)
        planned = await make_plan(database, settings.regions, settings.survive)
    except PlatformError as error:
        return Diagnosis("regions", "warn", error.message)
    said = f"{', '.join(state.regions)}; survives the loss of a {state.goal}"
    if planned.statements:
        left = f"{said}; {len(planned.statements)} statements are missing"
        return Diagnosis("regions", "warn", left, "suya regions apply")
    if settings.region not in state.regions:
        elsewhere = f"{said}; this process runs in {settings.region}, which is none of them"
        return Diagnosis("regions", "warn", elsewhere, "set SUYA_REGION")
    if planned.remarks:
        return Diagnosis("regions", "warn", f"{said}. {planned.remarks[0]}")
    return Diagnosis("regions", "ok", said)


async def _worker(database: Database) -> Diagnosis:
    """Check that a worker runs: one holds a lease that has not run out."""
    try:
        [(merchants, last)] = await database.read(queries.find_work, {})
    except psycopg.errors.UndefinedTable:
        return Diagnosis("worker", "ok", "nothing to do before the schema is there")
    if last is not None and last > clock.now():
        return Diagnosis("worker", "ok", "one is at work")
    if not merchants:
        return Diagnosis("worker", "ok", "nothing to do: there is no merchant yet")
    ended = f"the last lease ended at {last:%Y-%m-%d %H:%M:%S} UTC" if last else "none ever did"
    said = f"none is at work ({ended}): holds do not expire, and the books are not audited"
    return Diagnosis("worker", "warn", said, "suya worker")


def _port(settings: Settings) -> Diagnosis:
    """Check that the api's port is free, or used by an api of Suya's."""
    where = f"port {settings.port} of {settings.host}"
    try:
        check_port(settings.host, settings.port)
    except PortUnusable as error:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        try:
            # Scheme and host are fixed, so this cannot open anything but HTTP on this machine.
            address = f"http://{host}:{settings.port}/healthz"
            with urllib.request.urlopen(address, timeout=_ANSWER_S) as answer:
                body = answer.read(200)
        except (OSError, ValueError):
            body = b""
        if b'"status"' in body:
            return Diagnosis("port", "ok", f"an api answers on {where}")
        return Diagnosis("port", "fail", str(error), "set SUYA_PORT")
    return Diagnosis("port", "ok", f"{where} is free for 'suya serve'")


def _statistics(settings: Mapping[str, str]) -> Diagnosis:
    value = settings.get("sql.stats.automatic_collection.enabled")
    if value is None:
        return _unseen("statistics")
    if value == "true":
        return Diagnosis("statistics", "ok", "collected automatically")
    return Diagnosis(
        "statistics",
        "warn",
        "not collected: the planner does not know how many rows tables have",
        "SET CLUSTER SETTING sql.stats.automatic_collection.enabled = true",
    )


def _per_process(database: Database) -> int:
    return database.writers + database.settings.database_readers


def _unseen(check: str) -> Diagnosis:
    return Diagnosis(check, "ok", "not looked at: this database user may not see it")


async def _internals(
    database: Database, query: Query, params: Mapping[str, Any] | None = None
) -> Rows | None:
    """Read the server's own tables; empty where this user may not."""
    async with database.writer() as driver:
        with suppress(psycopg.Error):
            # From 26.1 the setting is needed; older versions do not have it.
            await driver.execute("SET allow_unsafe_internals = on")
        try:
            cursor = await driver.execute(query.text, params or {})
            return await cursor.fetchall()
        except psycopg.Error:
            return None
        finally:
            with suppress(psycopg.Error):
                await driver.execute("RESET allow_unsafe_internals")
