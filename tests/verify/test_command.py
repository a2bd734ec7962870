"""`suya verify` as its users run it."""

import json
import subprocess
from pathlib import Path

from tests.support.commands import environ_of, run_suya
from tests.verify.conftest import Books


def _verify(books: Books, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_suya({**environ_of(folder), "SUYA_DATABASE_URL": books.url}, "verify", *words)


def test_books_in_order_are_a_success(books: Books, tmp_path: Path) -> None:
    """Exit code 0 and a sentence, or an empty list."""
    told = _verify(books, tmp_path)
    listed = _verify(books, tmp_path, "--json")

    assert (told.returncode, listed.returncode) == (0, 0)
    assert told.stdout == "Nothing found: the books are in order.\n"
    assert json.loads(listed.stdout) == {"findings": [], "parked": 0}


def test_findings_are_a_failure(books: Books, tmp_path: Path) -> None:
    """Findings give exit code 1 and a table, or a list, that names them."""
    books.change("DELETE FROM events WHERE object_id = %(paid_1)s")
    payment = books.history.wire("payment", "paid_1")

    shown = _verify(books, tmp_path)
    listed = _verify(books, tmp_path, "--json")

    assert (shown.returncode, listed.returncode) == (1, 1)
    assert "event_sequence" in shown.stdout
    assert payment in shown.stdout
    assert json.loads(listed.stdout) == {
        "findings": [{"check": "event_sequence", "object": payment, "detail": "it has no event"}],
        "parked": 0,
    }


def test_parked_flows_are_no_findings_and_visible(books: Books, tmp_path: Path) -> None:
    """Flows that wait for people are counted, and the books are in order all the same."""
    books.change("UPDATE sagas SET status = 'parked' WHERE id = %(card_unknown_flow)s")

    told = _verify(books, tmp_path)
    listed = _verify(books, tmp_path, "--json")

    assert (told.returncode, listed.returncode) == (0, 0)
    assert told.stdout.splitlines() == [
        "Nothing found: the books are in order.",
        "Flows that wait for people: 1 (suya sagas list --parked).",
    ]
    assert json.loads(listed.stdout) == {"findings": [], "parked": 1}
