"""Runs all checks over one snapshot."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from app.base.settings import Settings
from app.engine.database import Database
from app.operate.verify import (
    accounts,
    answers,
    disputes,
    events,
    flows,
    holds,
    journal,
    payments,
    payouts,
    places,
    quotes,
    transfers,
)
from app.operate.verify.audit import Audit, Progress
from app.operate.verify.model import AuditReport, Finding, Findings
from app.operate.verify.store import Snapshot

_ALLOCATIONS = 100_000  # between two collections: ten pages of rows, a few MB


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Search for cycles seldom: rows have none, and each search takes a fifth of a page."""
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def verify(url: str, progress: Progress) -> list[Finding]:
    """Verify the database at `url` as of now; empty where the books are in order."""
    return (await report(url, progress)).findings


async def report(url: str, progress: Progress) -> AuditReport:
    """As `verify`, with the number of parked flows."""
    async with Database.open(Settings.load(), url) as database:
        return await _report(database, progress)


async def verify_database(database: Database, progress: Progress) -> list[Finding]:
    """As `report`, over a database that is open."""
    return (await _report(database, progress)).findings


async def _report(database: Database, progress: Progress) -> AuditReport:
    findings = Findings()
    async with Snapshot.take(database) as snapshot:
        with _seldom_collecting():
            audit = Audit(snapshot, await snapshot.regions(), findings, progress)
            await _verify(audit)
    return AuditReport(findings.all(), audit.parked)


async def _verify(audit: Audit) -> None:
    if not audit.regions:
        return
    await places.check(audit)
    # Three comparisons have transfers on one side; they end when the other side has been read.
    await transfers.check(audit)
    await accounts.check(audit)
    await transfers.compare_entries(audit)
    await holds.check(audit)
    await holds.compare_pending(audit)
    await payments.check(audit)
    await flows.check(audit)
    await quotes.check(audit)
    await payouts.check(audit)
    await disputes.check(audit)
    await events.check(audit)
    await journal.check(audit)
    await transfers.compare_listings(audit)
    await answers.check(audit)
