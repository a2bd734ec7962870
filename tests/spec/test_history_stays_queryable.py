"""Promise 8: what a reading costs does not depend on how much history there is.

Cost is what the database says it read (EXPLAIN ANALYZE), not time, which depends on the machine.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from app.base import clock, ids
from app.domains.ledger import MakeDeposit, OpenAccount
from app.domains.ledger import steps as ledger_steps
from app.domains.ledger.reads import queries as of_ledger
from app.domains.merchants import admin
from app.domains.payments.commands import OpenPayment
from app.domains.payments.reads import queries as of_payments
from app.domains.payments.steps import open_payments
from app.engine.database import LAST, GroupCommit, Query
from app.engine.database.arrays import by_keys
from app.engine.events.store import queries as of_events
from tests.support.databases import Server, connect, execute
from tests.support.engine import opened

FEW, MANY = 100, 5_000
PAGE = 20
READ_MAX = 3 * PAGE  # a page, one row more to know of the next, and rows of its inner look-ups


class History:
    """A merchant with a wallet and payments, all of them by the product's own road."""

    def __init__(self) -> None:
        self.merchant = self.wallet = ids.NIL
        self.payments: list[UUID] = []

    async def make(self, url: str, count: int) -> "History":
        """Make `count` payments."""
        async with opened(url) as database:
            group = GroupCommit(database)
            self.merchant = (
                await admin.create_merchant(database, name="stall", home_region="local")
            ).id
            self.wallet = ids.new()
            head = ("local", self.merchant, None, "req_1", None)
            soon = clock.monotonic() + 60
            account = OpenAccount(*head, self.wallet, "USD", "ada")
            await group.submit(ledger_steps.open_accounts, "local", [account], deadline=soon)
            deposit = MakeDeposit(*head, ids.new(), self.wallet, "USD", 10**9)
            await group.submit(ledger_steps.make_deposits, "local", [deposit], deadline=soon)
            self.payments = [ids.new() for _ in range(count)]
            commands = [
                OpenPayment(
                    *head, payment_id, ids.new(), self.wallet, 100, "USD",
                    "manual" if n % 10 == 0 else "automatic", None, {"kind": "a"}, 290, 30,
                )
                for n, payment_id in enumerate(self.payments)
            ]  # fmt: skip
            receipt = await group.submit(open_payments, "local", commands, deadline=soon)
            assert not [o for o in receipt.outcomes if isinstance(o, Exception) or o.status != 201]
        return self

    def params(self, **more: Any) -> dict[str, Any]:
        """Parameters of any reading statement, from the middle of the history on."""
        middle = self.payments[len(self.payments) // 2]
        return {
            "region": "local",
            "merchant_id": self.merchant,
            "account_id": self.wallet,
            "id": middle,
            "payment_id": middle,
            "object_id": middle,
            "before": LAST,
            "after": ids.NIL,
            "page_size": PAGE + 1,
            "as_of": clock.now(),
            "before_at": clock.now(),
            "before_version": len(self.payments),
            "after_at": clock.now().replace(year=2000),
            "after_version": 0,
            "customer": "ada",
            "status": "authorized",
            "name": "kind",
            "value": "a",
        } | more

    def params_of(self, query: Query) -> dict[str, Any]:
        """The same for one statement: keys go to it in arrays where it takes a batch of them."""
        keys = by_keys("local", [(self.merchant, self.payments[len(self.payments) // 2])])
        return self.params() | (keys if query.batch else {})


@pytest.fixture(scope="module")
def url(server: Server) -> Iterator[str]:
    made = server.new_database()
    yield made
    server.drop_database(made)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def histories(url: str) -> tuple[History, History]:
    """A short history and a long one, in one database."""
    few, many = await History().make(url, FEW), await History().make(url, MANY)
    execute(url, "ANALYZE")
    return few, many


def plan_of(url: str, query: Query, params: dict[str, Any]) -> dict[str, Any]:
    """How the database read, and how much, planned as a reader of the product plans."""
    with connect(url) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_hashjoin = off")
        connection.execute("SET enable_mergejoin = off")
        text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.text}"
        row = connection.execute(text.encode(), params).fetchone()
    assert row is not None
    plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return dict(plan[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node of a plan."""
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows the tables and indexes gave, those filtered away included."""
    read = 0
    for node in nodes(plan):
        # The keys that are asked for are a function's rows.
        if "Scan" in node["Node Type"] and node["Node Type"] != "Function Scan":
            removed = node.get("Rows Removed by Filter", 0)
            removed += node.get("Rows Removed by Index Recheck", 0)
            read += round((node["Actual Rows"] + removed) * node["Actual Loops"])
    return read


PAGES = {
    "list_payments", "list_payments_by_customer", "list_payments_by_status",
    "list_payments_by_label", "list_refunds_of_payment", "list_entries", "list_transfers",
    "list_accounts", "list_events", "list_events_of_object",
}  # fmt: skip
"""Each from both its ends."""

READINGS = [
    (of_payments.find_payments, 1),
    (of_ledger.find_account, 1),
    (of_ledger.find_balance_as_of, 1),
    *[
        (query, READ_MAX)
        for queries in (of_payments, of_ledger, of_events)
        for query in queries
        if query.name.removesuffix("_reversed") in PAGES
    ],
]


@pytest.mark.parametrize(("query", "limit"), READINGS, ids=[q.name for q, _ in READINGS])
async def test_a_reading_is_bounded(
    url: str, histories: tuple[History, History], query: Query, limit: int
) -> None:
    """A payment, a page or a balance is found by an index, over a bounded number of rows."""
    plans = [plan_of(url, query, history.params_of(query)) for history in histories]

    for plan in plans:
        assert [n["Node Type"] for n in nodes(plan) if n["Node Type"] == "Seq Scan"] == []
        assert [n["Node Type"] for n in nodes(plan) if n["Node Type"] == "Sort"] == []
        assert rows_read(plan) <= limit
    pages = [plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans]
    # Fifty times the rows make an index one level higher, and each look-up one page longer.
    assert pages[1] <= pages[0] + limit + 5


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
async def test_the_balance_as_of_any_instant_costs_one_look_up(
    url: str, histories: tuple[History, History], at: float
) -> None:
    """The balance at the beginning, in the middle or at the end of a history reads one entry."""
    for history in histories:
        with connect(url) as connection:
            found = connection.execute(
                "SELECT booked_at FROM entries WHERE account_id = %s ORDER BY booked_at, version"
                " OFFSET %s LIMIT 1",
                [history.wallet, round(at * len(history.payments))],
            ).fetchone()
        assert found is not None
        plan = plan_of(url, of_ledger.find_balance_as_of, history.params(as_of=found[0]))
        assert rows_read(plan) == 1


async def test_a_page_deep_in_the_history_costs_what_the_first_one_does(
    url: str, histories: tuple[History, History]
) -> None:
    """A cursor is a position and not an offset."""
    _, many = histories
    deep = many.payments[PAGE * 2]

    plan = plan_of(url, of_payments.list_payments, many.params(before=deep))

    assert rows_read(plan) <= PAGE + 1
