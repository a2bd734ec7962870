"""A merchant that moves: how long processes cache its home, and where its rows are."""

# ruff: noqa: S608 - the tables are named by us

from typing import Any
from uuid import UUID

from app.engine.database import Database
from app.operate.rehoming import TABLES, move
from tests.support.databases import rows

QUICK: dict[str, Any] = {
    "request_timeout_ms": 2_000,
    "idle_in_transaction_timeout_ms": 500,
}
"""Settings under which a change of a home is known after 9.5 s instead of 55."""


def places(url: str, merchant_id: UUID) -> dict[str, dict[str, int]]:
    """Region -> table -> how many rows of the merchant are there."""
    found: dict[str, dict[str, int]] = {}
    for table in TABLES:
        counted = rows(
            url,
            f"SELECT region, count(*) FROM {table.name} WHERE merchant_id = %s GROUP BY region",
            [merchant_id],
        )
        for region, count in counted:
            found.setdefault(region, {})[table.name] = count
    return found


def rows_in_two_regions(url: str, merchant_id: UUID) -> list[str]:
    """The tables in which a row is twice, read without Suya's code."""
    keys = {
        "payment_labels": "name, value, payment_id",
        "entries": "account_id, booked_at, version",
    }
    return [
        table.name
        for table in TABLES
        if rows(
            url,
            f"SELECT 1 FROM {table.name} WHERE merchant_id = %s"
            f" GROUP BY {keys.get(table.name, 'id')} HAVING count(*) > 1",
            [merchant_id],
        )
    ]


async def rehome(database: Database, merchant_id: UUID, region: str) -> move.MoveResult:
    """Move a merchant that no process has cached, so that no wait is needed."""
    mover = move._Move(database, merchant_id, region, lambda *_: None)
    mover._spread_s = 0.0
    return await mover.run()
