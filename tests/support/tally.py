"""How many rows a merchant has in each table: what was written, whatever the api says."""

import contextlib
from collections.abc import Iterator

import psycopg

from app.base import ids
from tests.support.databases import connect

TABLES = (
    *("accounts", "transfers", "entries", "holds", "payments", "payment_labels", "refunds"),
    *("bank_accounts", "payouts", "events", "idempotency_keys", "fx_quotes"),
    *("customers", "payment_methods"),
)
_COUNTS = " UNION ALL ".join(
    f"SELECT '{table}', count(*) FROM {table} WHERE merchant_id = %(merchant)s"  # noqa: S608
    for table in TABLES
)


class Tally:
    """Counts the rows of merchants over one connection."""

    def __init__(self, url: str) -> None:
        self._connection: psycopg.Connection[tuple[str, int]] = connect(url)

    def of(self, merchant_id: str) -> dict[str, int]:
        """Rows per table of a merchant (`mer_...`)."""
        params = {"merchant": ids.decode("merchant", merchant_id)}
        return dict(self._connection.execute(_COUNTS.encode(), params).fetchall())

    @contextlib.contextmanager
    def unchanged(self, *merchant_ids: str) -> Iterator[None]:
        """Within this block nothing is written for these merchants."""
        before = [self.of(merchant_id) for merchant_id in merchant_ids]
        yield
        assert [self.of(merchant_id) for merchant_id in merchant_ids] == before

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
