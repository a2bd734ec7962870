"""The same checks on CockroachDB."""

import pytest

from app.operate.verify import Check
from tests.verify.conftest import Books
from tests.verify.history import make_history

pytestmark = pytest.mark.cluster


async def test_cockroachdb_is_verified(cockroach_url: str) -> None:
    """On CockroachDB a sound history has no findings, and an edit is named."""
    books = Books(cockroach_url, await make_history(cockroach_url))
    assert await books.findings() == []

    books.change(
        "UPDATE accounts SET posted_credits_minor = posted_credits_minor + 1 WHERE id = %(ada)s",
        "DELETE FROM entries WHERE account_id = %(eve)s AND transfer_id = %(euros_transfer)s",
        "UPDATE holds SET status = 'open' WHERE id = %(canceled_transfer)s",
        "DELETE FROM events WHERE object_id = %(paid_1)s",
        "UPDATE transfers SET block_sequence = 99 WHERE id = %(gift)s",
        "DELETE FROM payments WHERE id = %(paid_3)s",
    )

    checks = {check for check, _ in await books.named()}
    assert checks == {
        *(Check.ACCOUNT_SUMS, Check.ACCOUNT_VERSIONS, Check.MONEY_CONSERVED),
        *(Check.TRANSFER_ENTRIES, Check.JOURNAL_TRANSFERS),
        *(Check.HELD_IS_PENDING, Check.HOLD_AMOUNTS, Check.HOLD_ENDS_ONCE),
        *(Check.PAYMENT_STATUS, Check.PAYMENT_TRANSFERS),
        *(Check.EVENT_SEQUENCE, Check.EVENT_OBJECT, Check.IDEMPOTENCY_ANSWER),
    }
