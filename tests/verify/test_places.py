"""Books in two regions: sound while a merchant moves, and every edit is found there, too."""

# ruff: noqa: S608 - the tables are named by us

import re
from collections.abc import Iterator
from random import Random

import pytest

from app.operate.rehoming import TABLES
from app.operate.verify import Check
from tests.support.databases import Server, rows
from tests.verify.conftest import Books, copy_of
from tests.verify.edits import EDITS
from tests.verify.test_corrupted import _about, _expected

SCATTERED = (
    "accounts",
    "fx_quotes",
    "refunds",
    "transfers",
    "entries",
    "events",
    "idempotency_keys",
    "sagas",
    "disputes",
    "dispute_evidence",
)


@pytest.fixture(scope="module")
def moving_template(server: Server, template: Books) -> Iterator[Books]:
    """The history in the middle of a move, made once; no test may change it or stay connected."""
    with copy_of(server, template) as books:
        yield _begin_to_move(books)


@pytest.fixture
def moving(server: Server, moving_template: Books) -> Iterator[Books]:
    """The history in the middle of a move, of this test's own."""
    with copy_of(server, moving_template) as copied:
        yield copied


def _begin_to_move(books: Books) -> Books:
    """Move a random half of each table's rows."""
    chance = Random(7)
    columns = {"entries": "account_id, booked_at, version"}
    merchant = books.history.names["merchant_2"]
    books.change("UPDATE merchants SET home_region = 'eu', former_region = 'local'")
    for table in SCATTERED:
        key = columns.get(table, "id")
        found = rows(books.url, f"SELECT {key} FROM {table} WHERE merchant_id = %s", [merchant])
        for row in found:
            if chance.random() < 0.5:
                names = [f"k{n}" for n in range(len(row))]
                places = ", ".join(f"%({name})s" for name in names)
                books.change(
                    f"UPDATE {table} SET region = 'eu' WHERE merchant_id = %(merchant_2)s"
                    f" AND ({key}) = ({places})",
                    **dict(zip(names, row, strict=True)),
                )
    for payment in ("held", "canceled", "paid_1", "refunded"):
        books.change(f"UPDATE payments SET region = 'eu' WHERE id = %({payment})s")
    books.change(
        "UPDATE holds SET region = 'eu' WHERE id IN (%(held_transfer)s, %(canceled_transfer)s)"
    )
    return books


async def test_a_move_is_no_fault(moving: Books) -> None:
    """In the middle of a move nothing is found."""
    assert await moving.named() == set()


@pytest.mark.parametrize(("statements", "expected"), EDITS.values(), ids=EDITS)
async def test_an_edit_is_named_during_a_move(
    moving: Books, statements: str, expected: str
) -> None:
    """The edited object is named, and nothing else, wherever the merchant's rows are."""
    moving.change(*statements.split(";"))

    found = {(str(finding.check), _about(finding)) for finding in await moving.findings()}

    assert found == _expected(expected, moving.history)


DOUBLES = {
    # table: whose row is doubled, and the kind and name of what is found; see `History`.
    "accounts": ("id = %(ada)s", "account ada"),
    "entries": ("account_id = %(ada)s AND transfer_id = %(gift)s", "account ada"),
    "transfers": ("id = %(gift)s", "transfer gift"),
    "holds": ("id = %(held_transfer)s", "transfer held_transfer"),
    "payments": ("id = %(paid_2)s", "payment paid_2"),
    "refunds": ("id = %(refunded_refund)s", "refund refunded_refund"),
    "fx_quotes": ("id = %(used_quote)s", "fx_quote used_quote"),
    "disputes": ("id = %(won_dispute)s", "dispute won_dispute"),
    "dispute_evidence": ("id = %(won_evidence)s", "dispute_evidence won_evidence"),
    "events": ("object_id = %(paid_2)s", ""),
    "sagas": ("id = %(card_unknown_flow)s", "saga card_unknown_flow"),
    "idempotency_keys": ("body LIKE '%%' || 'refund' || '%%' AND status = 201", ""),
}


@pytest.mark.parametrize("table", DOUBLES)
async def test_a_row_in_both_regions_is_named(books: Books, table: str) -> None:
    """While a merchant moves, a row that is in both regions is named, and nothing else."""
    where, expected = DOUBLES[table]
    books.change("UPDATE merchants SET home_region = 'eu', former_region = 'local'")
    columns = [
        name
        for (name,) in rows(
            books.url,
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = %s AND column_name <> 'region'",
            [table],
        )
    ]
    names = ", ".join(columns)

    books.change(
        f"INSERT INTO {table} (region, {names}) SELECT 'eu', {names} FROM {table} WHERE {where}"
    )

    # A hold is looked for beside its payment, so the one that is alone is named for that as well.
    alone = {Check.HOLD_AMOUNTS} if table == "holds" else set()
    found = [f for f in await books.findings() if f.check not in alone]
    assert found
    assert {finding.check for finding in found} == {Check.ONE_REGION}
    assert all(re.search(r"in two regions$", finding.detail) for finding in found)
    if expected:
        kind, name = expected.split()
        assert {finding.object for finding in found} == {books.history.wire(kind, name)}


@pytest.mark.parametrize("table", [table.name for table in TABLES])
async def test_a_row_left_behind_is_named(books: Books, table: str) -> None:
    """A row in a region where its merchant is not, and from which it does not move, is named."""
    books.change(f"UPDATE {table} SET region = 'us' WHERE merchant_id = %(merchant_2)s")

    found = await books.findings()

    merchant = books.history.wire("merchant", "merchant_2")
    named = [finding for finding in found if finding.check == Check.ONE_REGION]
    assert [(finding.object, finding.detail) for finding in named] == [
        (merchant, f"it has {table} in us, which is not its home")
    ]
    # Payments and their holds belong together; all else is found wherever it is.
    apart = {"payments", "holds"} & {table}
    assert bool(apart) == (len(found) > len(named))
