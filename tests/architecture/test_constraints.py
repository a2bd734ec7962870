"""Every constraint has a name, a meaning and a consequence; merchants' keys have a region."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

import schema
from tests.support.databases import Server

GLOBAL = {
    *("merchants", "api_keys", "fee_plans", "fx_rates", "payout_plans", "operator_keys"),
    "alembic_version",
}
"""Tables that are the same in every region."""


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[psycopg.Connection]:
    """A migrated database."""
    url = make_url(server.new_database())
    with psycopg.connect(
        host=str(url.query["host"]), user=url.username, dbname=url.database
    ) as connected:
        yield connected


def test_the_table_of_constraints_is_complete(connection: psycopg.Connection) -> None:
    """`schema/constraints.md` lists exactly the constraints there are."""
    rows = connection.execute(
        "SELECT conname FROM pg_constraint "
        "WHERE connamespace = 'public'::REGNAMESPACE AND contype IN ('c', 'f', 'p', 'u')"
    ).fetchall()
    document = Path(schema.__file__).with_name("constraints.md").read_text(encoding="utf-8")

    listed = set(re.findall(r"^\| `(\w+)`", document, re.MULTILINE))

    assert listed == {name for (name,) in rows} - {"alembic_version_pkc"}


def test_constraints_are_named_after_their_table(connection: psycopg.Connection) -> None:
    """A violation's name says where it happened."""
    rows = connection.execute(
        "SELECT conrelid::REGCLASS::TEXT, conname FROM pg_constraint "
        "WHERE connamespace = 'public'::REGNAMESPACE AND contype IN ('c', 'f', 'p', 'u')"
    ).fetchall()

    assert [name for table, name in rows if not name.startswith(table)] == []


def test_merchants_keys_begin_with_the_region(connection: psycopg.Connection) -> None:
    """Uniqueness is checked in one region only, and rows can live at home."""
    rows = connection.execute(
        "SELECT c.relname, i.relname, a.attname FROM pg_index AS x "
        "JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = x.indkey[0] "
        "WHERE c.relnamespace = 'public'::REGNAMESPACE"
    ).fetchall()

    assert [row for row in rows if row[0] not in GLOBAL and row[2] != "region"] == []
