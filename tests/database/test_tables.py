"""Tables by their structs, and statements that leave to them what their columns are."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
import psycopg
import pytest

from app.base.queries import parse
from app.engine.database import TableOf
from tests.support.databases import Server, connect


class Part(msgspec.Struct, frozen=True):
    """A struct within a struct."""

    name: str


class Thing(msgspec.Struct, frozen=True):
    """A column of each kind."""

    merchant_id: UUID
    id: UUID
    status: Literal["new", "old"]
    kind: str
    note: str | None
    count: int | None
    is_good: bool
    price: Decimal
    day: date
    at: datetime | None
    metadata: Mapping[str, str]
    part: Part | None = None
    seen: bool = False

    @property
    def bucket(self) -> int:
        """What is derived, and stored beside the rest."""
        return self.id.int % 4


THINGS = TableOf(Thing, "things", words=("kind",), renamed={"note": "remark"}, unstored=("seen",))

(INSERT, LIST, FIND) = parse(
    """
-- name: insert_things
-- path: none
INSERT INTO things
       (region, merchant_id, id, status, kind, remark, count, is_good, price, day, at, metadata,
        part, bucket)
SELECT :region, d.merchant_id, d.id, d.status, d.kind, d.remark, d.count, d.is_good, d.price,
       d.day, d.at, CAST(d.metadata AS JSONB), d.part, d.bucket
  FROM unnest(:things)
       AS d (merchant_id, id, status, kind, remark, count, is_good, price, day, at, metadata, part,
             bucket);

-- name: list_things
-- A page of things, newest first.
-- path: things_pkey, backwards
-- both ways
SELECT *
  FROM things
 WHERE id < :before
 ORDER BY id DESC, merchant_id DESC
 LIMIT CAST(:page_size AS INT8);

-- name: find_things
-- path: things_pkey
SELECT count(*), t.*, t.bucket
  FROM unnest(:things) AS d (region, merchant_id, id)
  JOIN things AS t
    ON t.id = d.id
""",
    {"things": THINGS},
)

MERCHANT = UUID(int=7)
FULL = Thing(
    MERCHANT,
    UUID(int=5),
    "new",
    "box",
    'a "quoted" \\ note, {with} braces',
    count=2**62,
    is_good=True,
    price=Decimal("1.17"),
    day=date(2026, 11, 30),
    at=datetime(2026, 11, 30, 12, 30, 0, 5, UTC),
    metadata={"key": 'va"lue'},
    part=Part("lid"),
)
BARE = Thing(
    MERCHANT,
    UUID(int=6),
    "old",
    "box",
    None,
    count=None,
    is_good=False,
    price=Decimal(10),
    day=date(1999, 1, 1),
    at=None,
    metadata={},
)


@pytest.fixture(scope="module")
def session(server: Server) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a database with the table."""
    url = server.new_database()
    with connect(url) as connection:
        connection.execute(
            "CREATE TABLE things (region TEXT, merchant_id UUID, id UUID PRIMARY KEY, status TEXT,"
            " kind TEXT, remark TEXT, count INT8, is_good BOOL, price DECIMAL, day DATE,"
            " at TIMESTAMPTZ, metadata JSONB, part TEXT, bucket INT8)"
        )
        yield connection
    server.drop_database(url)


def test_structs_come_back_from_the_database(
    session: psycopg.Connection[tuple[Any, ...]],
) -> None:
    """What was written as arrays is read as the same structs, whatever is in them."""
    things = [FULL, BARE]

    session.execute(INSERT.text.encode(), THINGS.arrays_of(INSERT, things) | {"region": "eu"})
    params = {"before": UUID(int=9), "page_size": 5}
    newest = session.execute(LIST.text.encode(), params).fetchall()
    assert LIST.reversed is not None
    oldest = session.execute(LIST.reversed.text.encode(), params).fetchall()
    buckets = session.execute("SELECT bucket, region FROM things ORDER BY id").fetchall()

    assert [THINGS.struct_of(row) for row in newest] == [BARE, FULL]
    assert [THINGS.struct_of(row) for row in oldest] == [FULL, BARE]
    assert buckets == [(1, "eu"), (2, "eu")]


def test_a_statement_is_whole_when_it_is_loaded() -> None:
    """Columns and arrays are put in; what is said otherwise, such as a count, stays as it is."""
    columns = "t.merchant_id, t.id, t.status, t.kind, t.remark, t.count, t.is_good, t.price, t.day"

    assert FIND.source.splitlines()[:3] == [
        f"SELECT count(*), {columns}, t.at, CAST(t.metadata AS TEXT), t.part, t.bucket",
        "  FROM unnest(CAST(:region AS TEXT[]), CAST(:merchant_id AS UUID[]), CAST(:id AS UUID[]))",
        "       AS d (region, merchant_id, id)",
    ]
    assert FIND.batch == ("region", "merchant_id", "id")
    assert FIND.reversed is None


def test_a_list_is_turned_round() -> None:
    """The statement from the other end differs in its order, and says so."""
    other = LIST.reversed

    assert other is not None
    assert other.name == "list_things_reversed"
    assert other.source == LIST.source.replace(" DESC", "")
    assert LIST.comment == "-- A page of things, newest first.\n-- path: things_pkey, backwards"
    assert other.comment == "-- A page of things, oldest first.\n-- path: things_pkey"


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM others", "SELECT o.* FROM others AS o", "SELECT 1 FROM unnest(:o) AS d (id)"],
)
def test_what_is_left_to_nobody_fails(statement: str) -> None:
    """A statement that names a table which is not declared is found when it is loaded."""
    with pytest.raises(KeyError):
        parse(f"-- name: lost\n{statement}", {"things": THINGS})
