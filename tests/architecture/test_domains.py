"""Each domain is made of the same files, so that a reader of one has read them all."""

from pathlib import Path

import pytest

DOMAINS = Path(__file__).parents[2] / "app" / "domains"

FILES = {
    "__init__.py",  # the door: what it guarantees and owns
    "model.py",  # what there is, its states, and what flows keep of themselves
    "commands.py",  # what may be asked
    "decisions.py",  # pure: what comes of it
    "batch.py",  # what the steps of a batch have loaded, and will write
    "steps.py",  # atomic: claim, load, decide, write
    "asks.py",  # external: what is asked of the world outside
    "bookings.py",  # atomic: what the asks brought back
    "flow.py",  # which steps follow each other
    "follow.py",  # what a notification leads to: a flow is woken, or begun
    "store.py",  # inside a transaction: locks and writes
    "queries.sql",  # the statements of store.py
    "reads.py",  # outside a transaction
    "reads.sql",  # the statements of reads.py
    "views.py",  # what the outside sees
    "errors.py",  # refusals
    "formats.py",  # pure: texts that the outside prescribes
    "admin.py",  # what people do, one thing at a time
    "jobs.py",  # what the worker does by the clock
}
"""Docs/decisions/0014 says what each is for; a domain has those it needs."""

FOLDERS = sorted(path for path in DOMAINS.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("domain", FOLDERS, ids=lambda path: path.name)
def test_a_domain_has_no_other_files(domain: Path) -> None:
    """A domain's files are some of the set."""
    files = {path.name for path in domain.iterdir() if path.suffix in {".py", ".sql"}}

    assert files <= FILES, sorted(files - FILES)
