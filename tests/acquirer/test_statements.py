"""Every named statement of the sandbox says what it is for, and walks an index of SQLite."""

import re
import sqlite3
from collections.abc import Iterator
from importlib import resources

import pytest

from app.base.queries import Query
from app.sandbox.acquirer.unit import queries

STATEMENTS = [pytest.param(query, id=query.name) for query in queries]


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """An empty file of the sandbox."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        resources.files("app.sandbox.acquirer").joinpath("schema.sql").read_text("utf-8")
    )
    yield connection
    connection.close()


@pytest.mark.parametrize("query", STATEMENTS)
def test_it_says_what_it_is_for_and_which_way_it_goes(query: Query) -> None:
    """A statement begins with its purpose and names its index."""
    first, *_, last = query.comment.splitlines()

    assert not first.startswith("-- path:")
    assert last.startswith("-- path:")


@pytest.mark.parametrize("query", STATEMENTS)
def test_it_walks_an_index(query: Query, connection: sqlite3.Connection) -> None:
    """SQLite reads no table from one end to the other, and sorts nothing."""
    names = set(re.findall(r":([a-z_]+)", query.source))
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN {query.source}", dict.fromkeys(names, "[]")
    ).fetchall()

    steps = [step for *_, step in plan]
    assert [s for s in steps if re.match(r"SCAN (?!json_each|attempt)(?!.*USING)", s)] == []
    assert [s for s in steps if "ORDER BY" in s] == []


@pytest.mark.parametrize("query", STATEMENTS)
def test_its_pages_are_ordered(query: Query) -> None:
    """A LIMIT without an order would make a page of chance."""
    if re.search(r"\bLIMIT\b", query.source):
        assert re.search(r"\bORDER BY\b", query.source)
