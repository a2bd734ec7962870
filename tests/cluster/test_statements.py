"""Every named statement walks an index on CockroachDB too."""

import contextlib
import json
import re
from collections.abc import Iterator

import psycopg
import pytest

from app.engine.database import Query, migrations
from tests.architecture.test_queries import STATEMENTS
from tests.support.databases import connect

pytestmark = pytest.mark.cluster

ROWS = 1_000
"""What CockroachDB itself assumes of a table without statistics. Those it collects from an empty
table say 0 rows, where reading the whole is right; measured on 22.1, from 100 rows on every batch
is looked up row by row."""

_SAMPLES = {
    "text": "'x'",
    "uuid": "'01942f6e-0000-7000-8000-000000000001'",
    "bigint": "1",
    "bytea": "'x'",
    "boolean": "true",
    "date": "'2026-01-01'",
    "numeric": "1",
    "jsonb": "'{}'",
    "timestamp with time zone": "'2026-01-01'",
}


@pytest.fixture(scope="module")
def plans(cockroach_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database whose tables are said to have some rows."""
    migrations.upgrade(cockroach_url, migrations.VAULT)
    with connect(cockroach_url) as connection:
        connection.prepare_threshold = None
        with contextlib.suppress(psycopg.errors.UndefinedObject):
            connection.execute("SET allow_unsafe_internals = on")  # needed from 26.1
        for table, columns in _keys(connection):
            statistics = json.dumps([_statistic(column) for column in columns])
            connection.execute(f"ALTER TABLE {table} INJECT STATISTICS '{statistics}'".encode())
        yield connection


def _keys(connection: psycopg.Connection) -> list[tuple[str, list[str]]]:
    return connection.execute(
        "SELECT c.relname, array_agg(a.attname::TEXT) FROM pg_index AS x "
        "JOIN pg_class AS c ON c.oid = x.indrelid "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(x.indkey) "
        "WHERE x.indisprimary AND c.relnamespace = 'public'::REGNAMESPACE GROUP BY c.relname"
    ).fetchall()


def _statistic(column: str) -> dict[str, object]:
    return {
        "columns": [column],
        "created_at": "2030-01-01 00:00:00",  # later than those it collects itself
        "row_count": ROWS,
        "distinct_count": 1 if column == "region" else ROWS,
        "null_count": 0,
    }


@pytest.mark.parametrize("query", STATEMENTS)
def test_it_walks_an_index(query: Query, plans: psycopg.Connection) -> None:
    """CockroachDB finds an index for it; a full scan has its reason written above it."""
    plan = _explain(plans, query)

    if "-- full scan:" not in query.comment:
        assert "FULL SCAN" not in plan, plan


def _explain(connection: psycopg.Connection, query: Query) -> str:
    """The plan for parameters of the types that the server finds for them."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = re.sub(r"(?<![:\w]):([a-z_][a-z0-9_]*)", number, query.source)
    connection.execute(b"DEALLOCATE ALL")
    connection.execute(f"PREPARE statement AS {text}".encode())
    [(types,)] = connection.execute(
        "SELECT CAST(parameter_types AS TEXT[]) FROM pg_prepared_statements"
        " WHERE name = 'statement'"
    ).fetchall()
    values = ", ".join(_sample(str(kind).strip("'")) for kind in types)
    connection.execute(f"PREPARE plan AS EXPLAIN {text}".encode())
    cursor = connection.execute(f"EXECUTE plan {f'({values})' if values else ''}".encode())
    return "\n".join(row[0] for row in cursor.fetchall())


def _sample(kind: str) -> str:
    if kind.endswith("[]"):
        return f"CAST(ARRAY[{_SAMPLES[kind.removesuffix('[]')]}] AS {kind})"
    return f"CAST({_SAMPLES[kind]} AS {kind})"
