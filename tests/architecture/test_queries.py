"""Every named statement keeps to the SQL that both databases speak, and walks an index."""

import re
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.engine import make_url

from app.base.queries import Query
from app.engine.database import migrations
from tests.support.databases import Server
from tests.support.statements import loaded_statements

_QUERIES = loaded_statements()
STATEMENTS = [pytest.param(query, id=name) for name, query in _QUERIES.items()]
# What no other database has is explained on CockroachDB, by tests/cluster.
ON_POSTGRESQL = [
    pytest.param(query, id=name)
    for name, query in _QUERIES.items()
    if "-- only: cockroachdb" not in query.comment
]

BANNED = {
    r"\bSELECT\s+\*|\b\w+\.\*": "name the columns: a changed schema breaks prepared statements",
    r"\bSKIP\s+LOCKED\b": "use a lease",
    r"\badvisory\b": "use a row and FOR UPDATE; these locks do nothing on CockroachDB",
    r"\b(LISTEN|NOTIFY)\b": "poll",
    r"\bxmax\b|\bxmin\b|\bctid\b": "CockroachDB has no such column",
    r"\bMERGE\b": "use INSERT ... ON CONFLICT",
    r"\bDEFERR": "CockroachDB checks constraints at once",
    r"\bnextval\b|\bserial\b": "make ids outside",
    r"\bIS\s+NULL\s+OR\b": "one statement per access path",
    r"::": "write CAST(... AS ...)",
    r"\bnow\(\)": "pass the instant; a statement may run again",
}
_MUTATION = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
_MERCHANTS_OWN = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(accounts|transfers|entries|holds|payments|payment_labels|"
    r"refunds|idempotency_keys|events|fx_quotes|bank_accounts|payouts|customers|"
    r"payment_methods|disputes|dispute_evidence)\b"
)


@pytest.mark.parametrize("query", STATEMENTS)
def test_it_says_what_it_is_for_and_which_way_it_goes(query: Query) -> None:
    """A statement begins with its purpose and names its index, or why it reads everything."""
    lines = query.comment.splitlines()

    assert lines
    assert not lines[0].startswith(("-- path:", "-- full scan:"))
    assert re.search(r"^-- (path|full scan): \S", query.comment, re.MULTILINE)


@pytest.mark.parametrize("query", STATEMENTS)
def test_it_is_portable(query: Query) -> None:
    """A statement uses nothing that one of the databases lacks, or does differently."""
    found = {
        reason
        for pattern, reason in BANNED.items()
        if re.search(pattern, query.source, re.IGNORECASE)
    }

    assert found == set()


@pytest.mark.parametrize("query", STATEMENTS)
def test_it_changes_a_table_once(query: Query) -> None:
    """CockroachDB refuses two changes of one table in one statement."""
    text = re.sub(r"\b(DO UPDATE|FOR UPDATE)\b", "", query.source)
    tables = _MUTATION.findall(text)

    assert len(tables) == len(set(tables))


@pytest.mark.parametrize("query", STATEMENTS)
def test_its_pages_are_ordered(query: Query) -> None:
    """A LIMIT without an order would make a page of chance."""
    if re.search(r"\bLIMIT\b", query.source):
        assert re.search(r"\bORDER BY\b", query.source)


@pytest.mark.parametrize("query", STATEMENTS)
def test_arrays_are_cast(query: Query) -> None:
    """An array without a type would be planned anew for each size of its numbers."""
    for arguments in re.findall(
        r"unnest\((.*?)\)\s*AS|unnest\((.*?)\)\s*\n", query.source, re.DOTALL
    ):
        for argument in filter(None, arguments):
            for name in re.findall(r":(\w+)", argument):
                assert f"CAST(:{name} AS" in argument


@pytest.mark.parametrize("query", STATEMENTS)
def test_a_merchants_rows_are_reached_through_region_and_merchant(query: Query) -> None:
    """A statement on a merchant's rows names region and merchant."""
    every_merchants = "-- full scan:" in query.comment or query.name == "find_next_region"
    if _MERCHANTS_OWN.search(query.source) and not every_merchants:
        assert re.search(r"\bregion\b", query.source)
        assert "merchant_id" in query.source


@pytest.mark.parametrize("query", ON_POSTGRESQL)
def test_it_walks_an_index(query: Query, plans: psycopg.Connection) -> None:
    """PostgreSQL finds an index for it; a full scan has its reason written above it."""
    plan = _explain(plans, query)

    if "-- full scan:" not in query.comment:
        assert "Seq Scan" not in plan, plan


@pytest.mark.parametrize(
    "query", [one for one in ON_POSTGRESQL if not str(one.id).startswith("verify.")]
)
def test_a_batch_is_looked_up_row_by_row(query: Query, plans: psycopg.Connection) -> None:
    """Even a plan made on empty tables does not read a whole region for a batch's rows."""
    plan = _explain(plans, query)

    if "one look-up per" in query.comment and "unnest" in query.source:
        conditions = re.findall(r"Index Cond: (.*)", plan)
        assert conditions, plan
        # Merchants themselves are in no region.
        column = "id" if "JOIN merchants" in query.source else "merchant_id"
        assert all(re.search(rf"\b{column} = \w+\.{column}\b", c) for c in conditions), plan


@pytest.fixture(scope="module")
def plans(server: Server) -> Iterator[psycopg.Connection]:
    """A connection that asks for plans as the product's connections do."""
    made = server.new_database()
    migrations.upgrade(made, migrations.VAULT)  # the vault's are asked for beside the others'
    url = make_url(made)
    with psycopg.connect(
        host=str(url.query["host"]),
        user=url.username,
        dbname=url.database,
        options="-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off",
        autocommit=True,
    ) as connection:
        yield connection


def _explain(connection: psycopg.Connection, query: Query) -> str:
    """The plan for any parameters."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = re.sub(r"(?<![:\w]):([a-z_]+)", number, query.source)
    cursor = psycopg.RawCursor(connection)
    # GENERIC_PLAN takes the placeholders as they are (PostgreSQL 16 and later).
    cursor.execute(f"EXPLAIN (GENERIC_PLAN) {text}".encode())
    return "\n".join(row[0] for row in cursor.fetchall())
