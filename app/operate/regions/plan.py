"""The plan: the statements that lead from the present to the wanted state. Pure.

Each statement is one step that either happened or did not. The plan is made anew from the present
state of the database, so it continues what a dead process left half done.
"""

import hashlib
import re
from collections.abc import Iterator

import msgspec

from app.operate.regions.model import DatabaseRegions, Table, Wanted

_HOME = re.compile(r"home_[0-9a-f]{8}")


class Statement(msgspec.Struct, frozen=True):
    """One statement of data definition, and why it is needed."""

    sql: str
    why: str


class RegionPlan(msgspec.Struct, frozen=True):
    """The missing statements, in order; empty where nothing is missing."""

    changes: tuple[Statement, ...]
    unlock: tuple[Statement, ...] = ()
    """Before the changes: the locality of a locked table cannot be changed."""
    lock: tuple[Statement, ...] = ()
    """After the changes, for what was locked before."""
    remarks: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All of it, in order."""
        return (*self.unlock, *self.changes, *self.lock)


def name(text: str) -> str:
    """Quote `text` as an identifier of SQL, whatever it contains."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote `text` as a string of SQL. A backslash has no meaning there, on either database."""
    return "'" + text.replace("'", "''") + "'"


def home_column(wanted: Wanted) -> str:
    """The name of the computed column for these regions.

    A computed column's expression cannot be changed, only replaced. The name identifies the
    expression, so that names alone show what is missing, and no expression is read back.
    """
    regions = [wanted.primary, *sorted(set(wanted.regions) - {wanted.primary})]
    return f"home_{hashlib.sha256(' '.join(regions).encode()).hexdigest()[:8]}"


def is_home_column(column: str) -> bool:
    """Whether a column is one of Suya's computed homes."""
    return _HOME.fullmatch(column) is not None


def plan(state: DatabaseRegions, wanted: Wanted, remarks: tuple[str, ...] = ()) -> RegionPlan:
    """List the missing statements, in an order that works."""
    changes = (*_database(state, wanted), *_tables(state, wanted))
    locked = [table for table in state.tables if table.locked and changes]
    return RegionPlan(changes, tuple(map(_unlock, locked)), tuple(map(_lock, locked)), remarks)


def _database(state: DatabaseRegions, wanted: Wanted) -> Iterator[Statement]:
    database = f"ALTER DATABASE {name(state.database)}"
    if state.primary is None:
        # The first region makes the database multi-region; the others are added to it.
        yield Statement(
            f"{database} SET PRIMARY REGION {name(wanted.primary)}", "the first region is primary"
        )
    for region in sorted(set(wanted.regions) - set(state.regions) - {wanted.primary}):
        yield Statement(
            f"{database} ADD REGION IF NOT EXISTS {name(region)}", f"rows can live in {region}"
        )
    if state.primary is not None and state.primary != wanted.primary:
        if wanted.primary not in state.regions:
            yield Statement(
                f"{database} ADD REGION IF NOT EXISTS {name(wanted.primary)}",
                f"rows can live in {wanted.primary}",
            )
        yield Statement(
            f"{database} SET PRIMARY REGION {name(wanted.primary)}",
            f"{wanted.primary} is primary instead of {state.primary}",
        )
    if (state.goal or "zone") != wanted.goal:
        yield Statement(
            f"{database} SURVIVE {wanted.goal.upper()} FAILURE",
            f"writes go on when a {wanted.goal} is lost",
        )


def _tables(state: DatabaseRegions, wanted: Wanted) -> Iterator[Statement]:
    for table in state.tables:
        if table.regional:
            yield from _regional(table, wanted)
        elif table.locality != "GLOBAL":
            yield Statement(
                f"ALTER TABLE {name(table.name)} SET LOCALITY GLOBAL",
                "read by every request everywhere, seldom written",
            )


def _regional(table: Table, wanted: Wanted) -> Iterator[Statement]:
    column = home_column(wanted)
    alter = f"ALTER TABLE {name(table.name)}"
    if column not in table.homes:
        yield Statement(
            f"{alter} ADD COLUMN IF NOT EXISTS {name(column)} crdb_internal_region NOT VISIBLE "
            f"NOT NULL AS ({_expression(wanted)}) STORED",
            "the home follows from the key, so keys are unique within one region",
        )
    if table.locality != f"REGIONAL BY ROW AS {column}":
        yield Statement(
            f"{alter} SET LOCALITY REGIONAL BY ROW AS {name(column)}", "each row lives at home"
        )
    for old in table.homes:
        if old != column:
            yield Statement(f"{alter} DROP COLUMN IF EXISTS {name(old)}", "replaced")


def _expression(wanted: Wanted) -> str:
    """The row's region as a value of the enumeration.

    It compares with literals: turning text into an enumeration is not immutable, which a computed
    column must be (https://github.com/cockroachdb/cockroach/issues/74470).
    """
    cases = " ".join(
        f"WHEN {literal(region)} THEN {literal(region)}" for region in sorted(set(wanted.regions))
    )
    return f"CASE region {cases} ELSE {literal(wanted.primary)} END"


def _unlock(table: Table) -> Statement:
    return Statement(
        f"ALTER TABLE {name(table.name)} SET (schema_locked = false)",
        "the locality of a locked table cannot change",
    )


def _lock(table: Table) -> Statement:
    return Statement(f"ALTER TABLE {name(table.name)} SET (schema_locked = true)", "as it was")
