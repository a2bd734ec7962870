"""Edited books: each edit is named by its check and its object."""

import re

import pytest

from app.operate.verify import Check, Finding, model
from tests.verify.conftest import Books
from tests.verify.edits import EDITS
from tests.verify.history import History

_ID = re.compile(r"\b(?:acct|ba|dp|dpe|fxq|pay|po|re|tr)_\w{26}")


def _about(finding: Finding) -> str:
    """The object of a finding; one on an event or a key names it in its sentence."""
    if finding.check in {Check.EVENT_OBJECT, Check.IDEMPOTENCY_ANSWER}:
        match = _ID.search(finding.detail)
        return match[0] if match else finding.object
    if finding.check is Check.PROVISIONAL_ANSWER:
        return finding.object.partition("/")[0]
    return finding.object


def _expected(text: str, history: History) -> set[tuple[str, str]]:
    words = [line.split() for line in text.strip().splitlines()]
    return {(w[0], history.wire(w[1], w[2]) if len(w) > 2 else w[1]) for w in words}


@pytest.mark.parametrize(("statements", "expected"), EDITS.values(), ids=EDITS)
async def test_an_edit_is_named(books: Books, statements: str, expected: str) -> None:
    """The edited object is named, and nothing else."""
    books.change(*statements.split(";"))

    found = {(str(finding.check), _about(finding)) for finding in await books.findings()}

    assert found == _expected(expected, books.history)


async def test_an_answer_that_cannot_be_read_is_named(books: Books) -> None:
    """A kept answer that was changed is named by merchant and key."""
    name = books.history.wire("payment", "paid_3")
    books.change(
        "UPDATE idempotency_keys SET key = 'mine', body = 'gone' WHERE body LIKE %(like)s",
        like=f'{{"id":"{name}"%',
    )

    (finding,) = await books.findings()

    merchant = books.history.wire("merchant", "merchant_2")
    assert (finding.check, finding.object) == (Check.IDEMPOTENCY_ANSWER, f"{merchant}/mine")


async def test_findings_are_bounded(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that finds too much shows the first, and says that there is more."""
    monkeypatch.setattr(model, "FINDINGS_MAX", 2)
    books.change("DELETE FROM events WHERE object_id IN (SELECT id FROM payments)")

    findings = await books.findings()

    assert [finding.check for finding in findings] == [Check.EVENT_SEQUENCE] * 3
    assert findings[-1].object == ""
    assert "more" in findings[-1].detail


async def test_metadata_may_be_written_in_any_order(books: Books) -> None:
    """The order of names in an event's data means nothing."""
    books.change(
        """
        UPDATE events
           SET data = replace(data, '"table":"7","waiter":"Bola"', '"waiter":"Bola","table":"7"')
         WHERE object_id = %(paid_1)s
        """
    )

    assert await books.findings() == []
