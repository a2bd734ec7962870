"""A small model of what CockroachDB's statements do, to run plans against without a licence.

It obeys the rules that the real server has about them (read from its documentation and source), so
a plan in a wrong order fails here too.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from app.operate.regions import DatabaseRegions, Table

_NAME = r'"((?:[^"]|"")*)"'


class Refused(Exception):
    """The server would not run a statement."""


def run(state: DatabaseRegions, sql: str) -> DatabaseRegions:
    """The database after one statement.

    Raises:
        Refused: the real server would refuse it, or this model does not know the statement.
    """
    for pattern, effect in _EFFECTS.items():
        if match := re.fullmatch(pattern, sql):
            return effect(state, *[text.replace('""', '"') for text in match.groups()])
    raise Refused(f"unknown: {sql}")


def _need(holds: bool, why: str) -> None:
    if not holds:
        raise Refused(why)


def _primary(state: DatabaseRegions, database: str, region: str) -> DatabaseRegions:
    _need(database == state.database, "another database")
    _need(region in state.cluster, "no node is there")
    if state.primary is None:
        tables = tuple(
            msgspec.structs.replace(t, locality="REGIONAL BY TABLE IN PRIMARY REGION")
            for t in state.tables
        )
        return msgspec.structs.replace(
            state, primary=region, regions=(region,), goal="zone", tables=tables
        )
    _need(region in state.regions, "a primary region must be added first")
    return msgspec.structs.replace(state, primary=region)


def _add(state: DatabaseRegions, database: str, region: str) -> DatabaseRegions:
    _need(database == state.database, "another database")
    _need(state.primary is not None, "a primary region comes first")
    _need(region in state.cluster, "no node is there")
    regions = tuple(sorted({*state.regions, region}))
    return msgspec.structs.replace(state, regions=regions)


def _survive(state: DatabaseRegions, database: str, goal: str) -> DatabaseRegions:
    _need(state.primary is not None, "a primary region comes first")
    _need(goal == "ZONE" or len(state.regions) >= 3, "too few regions")
    return msgspec.structs.replace(state, goal="zone" if goal == "ZONE" else "region")


def _alter(state: DatabaseRegions, table: str, **changes: Any) -> DatabaseRegions:
    _need(state.primary is not None, "the database is not multi-region")
    found = [t for t in state.tables if t.name == table]
    _need(len(found) == 1, "no such table")
    _need(not found[0].locked or "locked" in changes, "the table is locked")
    tables = tuple(
        msgspec.structs.replace(t, **changes) if t.name == table else t for t in state.tables
    )
    return msgspec.structs.replace(state, tables=tables)


def _table(state: DatabaseRegions, name: str) -> Table:
    return next(t for t in state.tables if t.name == name)


def _add_column(
    state: DatabaseRegions, table: str, column: str, cases: str, default: str
) -> DatabaseRegions:
    regions = re.findall(r"WHEN '([^']*)' THEN '([^']*)'", cases)
    _need({value for _, value in regions} | {default} <= set(state.regions), "no such value")
    _need(all(text == value for text, value in regions), "a wrong home")
    _need({text for text, _ in regions} == set(state.regions), "a region without its case")
    _need(default == state.primary, "the rest lives elsewhere")
    homes = tuple(sorted({*_table(state, table).homes, column}))
    return _alter(state, table, homes=homes)


def _by_row(state: DatabaseRegions, table: str, column: str) -> DatabaseRegions:
    _need(column in _table(state, table).homes, "no such column")
    return _alter(state, table, locality=f"REGIONAL BY ROW AS {column}")


def _everywhere(state: DatabaseRegions, table: str) -> DatabaseRegions:
    return _alter(state, table, locality="GLOBAL")


def _drop_column(state: DatabaseRegions, table: str, column: str) -> DatabaseRegions:
    found = _table(state, table)
    _need(found.locality != f"REGIONAL BY ROW AS {column}", "it says where the rows live")
    return _alter(state, table, homes=tuple(home for home in found.homes if home != column))


def _set_lock(state: DatabaseRegions, table: str, locked: str) -> DatabaseRegions:
    tables = tuple(
        msgspec.structs.replace(t, locked=locked == "true") if t.name == table else t
        for t in state.tables
    )
    return msgspec.structs.replace(state, tables=tables)


_EFFECTS: dict[str, Callable[..., DatabaseRegions]] = {
    rf"ALTER DATABASE {_NAME} SET PRIMARY REGION {_NAME}": _primary,
    rf"ALTER DATABASE {_NAME} ADD REGION IF NOT EXISTS {_NAME}": _add,
    rf"ALTER DATABASE {_NAME} SURVIVE (ZONE|REGION) FAILURE": _survive,
    rf"ALTER TABLE {_NAME} ADD COLUMN IF NOT EXISTS {_NAME} crdb_internal_region NOT VISIBLE "
    rf"NOT NULL AS \(CASE region (.*) ELSE '([^']*)' END\) STORED": _add_column,
    rf"ALTER TABLE {_NAME} SET LOCALITY REGIONAL BY ROW AS {_NAME}": _by_row,
    rf"ALTER TABLE {_NAME} SET LOCALITY GLOBAL": _everywhere,
    rf"ALTER TABLE {_NAME} DROP COLUMN IF EXISTS {_NAME}": _drop_column,
    rf"ALTER TABLE {_NAME} SET \(schema_locked = (true|false)\)": _set_lock,
}
