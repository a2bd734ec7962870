"""Columns as array literals: what goes in comes out, whatever it is."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.database import arrays
from tests.support.databases import Server, connect

# The edge refuses NUL and lone surrogates, which no database text can hold.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
int8s = st.integers(-(2**63), 2**63 - 1)
times = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the strategy wants bounds without a zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
each = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def session(server: Server) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with connect(server.url_of("postgres")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def back(session: psycopg.Connection[tuple[Any, ...]], kind: str, literal: str) -> list[Any]:
    """The elements of an array literal, as the database reads them."""
    row = session.execute(f"SELECT CAST(%s AS {kind}[])".encode(), [literal]).fetchone()
    assert row is not None
    return list(row[0])


@each
@given(st.lists(st.none() | texts))
def test_any_text_survives(
    session: psycopg.Connection[tuple[Any, ...]], values: list[str | None]
) -> None:
    """Quotes, backslashes, braces, commas, spaces, NULL as a word, and nothing at all."""
    assert back(session, "TEXT", arrays.texts(values)) == values


@pytest.mark.parametrize("text", ["", "NULL", "null", '"', "\\", '\\"', "{}", "a,b", " a ", "\n"])
def test_texts_that_look_like_syntax_survive(
    session: psycopg.Connection[tuple[Any, ...]], text: str
) -> None:
    """What means something in an array literal means nothing inside an element."""
    assert back(session, "TEXT", arrays.texts([text, None])) == [text, None]


@each
@given(st.lists(st.none() | int8s), st.lists(st.none() | st.uuids()), st.lists(st.booleans()))
def test_numbers_ids_and_flags_survive(
    session: psycopg.Connection[tuple[Any, ...]],
    numbers: list[int | None],
    ids: list[UUID | None],
    flags: list[bool],
) -> None:
    """Every INT8, UUID and BOOL comes back as it was."""
    assert back(session, "INT8", arrays.ints(numbers)) == numbers
    assert back(session, "UUID", arrays.uuids(ids)) == ids
    assert back(session, "BOOL", arrays.bools(flags)) == flags


@each
@given(st.lists(st.none() | times))
def test_instants_survive_to_the_microsecond(
    session: psycopg.Connection[tuple[Any, ...]], values: list[datetime | None]
) -> None:
    """An instant comes back as the same one."""
    assert back(session, "TIMESTAMPTZ", arrays.times(values)) == values
