"""`suya verify --against-acquirer`: checks whether Suya's books and the acquirer's agree.

The acquirer's records are read page by page and looked up here, so that memory does not grow with
either side. What is here and must be there is counted against that in fixed memory.

Payments go on meanwhile. Suya writes before it asks the acquirer, so the acquirer is read first:
whatever it has is known here by the time of the look-up. An object with a flow under way need not
agree, and is counted as open; any other difference is compared again until it agrees or the time is
over. Disputes begin at the acquirer: one without a notification yet is a difference, and one that
went on there and is being looked at here is open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from app.base import clock
from app.base.settings import Settings
from app.engine.database import Database, Query, Rows
from app.operate.verify.model import FINDINGS_MAX, wire
from app.operate.verify.ours import KINDS, PROCESSOR, Ours, processor_of, queries
from app.operate.verify.records import AcquirerSilent, Records
from app.operate.verify.store import FIRST, PAGE_ROWS, Row
from app.operate.verify.tally import Tally

MISSING: Final = "it is not known there"

_AGAIN_S: Final = 1.0  # between two comparisons of a difference; a notification takes less


def _taken(row: Row, *, by_card: bool) -> str | None:
    is_there = processor_of(row[3]) == PROCESSOR and (row[2] == "card") == by_card
    return wire("payment", row[1]) if is_there else None


EXPECTED: Final[dict[str, tuple[Query, Callable[[Row], str | None]]]] = {
    "authorizations": (queries.list_taken_payments, lambda row: _taken(row, by_card=True)),
    "bank_transfers": (queries.list_taken_payments, lambda row: _taken(row, by_card=False)),
    "payouts": (queries.list_paid_payouts, lambda row: wire("payout", row[1])),
    "disputes": (queries.list_told_disputes, lambda row: row[3] if row[2] == PROCESSOR else None),
}
"""Kinds that are also looked for from here, and how a row names the record that must be there.

None: it need not be there. Captures and refunds are not in this table: they sum to what their
authorization says, which is compared.
"""


class Disagreement(msgspec.Struct, frozen=True):
    """A difference between both sides."""

    kind: str
    object: str
    """Suya's reference; of a dispute the acquirer's."""
    detail: str


class Summary(msgspec.Struct):
    """How many records of a kind were compared."""

    kind: str
    there: int = 0
    """Records that the acquirer has."""
    agreed: int = 0
    open: int = 0
    """How many do not agree yet, because a flow is under way."""
    disagreed: int = 0


class Comparison(msgspec.Struct, frozen=True):
    kinds: list[Summary]
    findings: list[Disagreement]


async def compare(url: str, settings: Settings, *, settle_s: float) -> Comparison:
    """Compare everything; differences are compared again for `settle_s` seconds.

    Raises:
        AcquirerSilent: the acquirer does not answer.
    """
    async with Database.open(settings, url) as database, Records.open(settings) as records:
        run = _Run(Ours(database), records)
        await run.ours.find_regions()
        for kind in KINDS:
            await run.read(kind)
        return await run.settle(settle_s)


class _Run:
    """One comparison."""

    def __init__(self, ours: Ours, records: Records) -> None:
        self.ours = ours
        self.records = records
        self.started = clock.now()
        self.summaries = {kind: Summary(kind) for kind in KINDS}
        self.doubts: list[Disagreement] = []

    async def read(self, kind: str) -> None:
        """Compare all records of a kind."""
        tally = Tally()
        summary = self.summaries[kind]
        async for page in self.records.pages(kind):
            summary.there += len(page)
            verdicts = await self.ours.judge(kind, page)
            for record, (what, is_open, expected) in zip(page, verdicts, strict=True):
                self._note(summary, record.reference, what, is_open=is_open)
                if expected is not None and expected < self.started:
                    tally.add(record.reference, 1)
        if kind in EXPECTED:
            await self._look_back(kind, tally)

    def _note(self, summary: Summary, reference: str, what: str | None, *, is_open: bool) -> None:
        if what is None:
            summary.agreed += 1
        elif is_open:
            summary.open += 1
        else:
            summary.disagreed += 1
            if summary.disagreed <= FINDINGS_MAX:
                self.doubts.append(Disagreement(summary.kind, reference, what))

    async def _look_back(self, kind: str, tally: Tally) -> None:
        """Report what is here, must be there, and is missing."""
        async for reference in self._expected(kind):
            tally.add(reference, 1, -1)
        suspects = tally.suspects()
        if not suspects:
            return
        summary = self.summaries[kind]
        async for reference in self._expected(kind):
            if reference in suspects and await self.records.find(kind, reference) is None:
                self._note(summary, reference, MISSING, is_open=False)
        if suspects.more:
            what = f"in at least {suspects.more} more places something is missing there"
            self.doubts.append(Disagreement(kind, "", what))

    async def _expected(self, kind: str) -> AsyncIterator[str]:
        query, reference_of = EXPECTED[kind]
        async for row in self._pages(query):
            reference = reference_of(row)
            if reference is not None:
                yield reference

    async def _pages(self, query: Query) -> AsyncIterator[Row]:
        for region in self.ours.regions:
            after = (FIRST, FIRST)
            while True:
                rows: Rows = await self.ours.database.read(
                    query,
                    {
                        "region": region,
                        "before": self.started,
                        "after_merchant_id": after[0],
                        "after_id": after[1],
                        "page_size": PAGE_ROWS,
                    },
                )
                for row in rows:
                    yield row
                if len(rows) < PAGE_ROWS:
                    break
                after = rows[-1][0], rows[-1][1]

    async def settle(self, settle_s: float) -> Comparison:
        """Compare again what differs, until it agrees or the time is over."""
        until = clock.monotonic() + settle_s
        while self.doubts:
            self.doubts = [left for doubt in self.doubts if (left := await self._again(doubt))]
            if not self.doubts or clock.monotonic() >= until:
                break
            await asyncio.sleep(_AGAIN_S)
        return Comparison(list(self.summaries.values()), self.doubts)

    async def _again(self, doubt: Disagreement) -> Disagreement | None:
        """Compare one difference again; returns what is left of it."""
        if not doubt.object:
            return doubt
        summary = self.summaries[doubt.kind]
        try:
            record = await self.records.find(doubt.kind, doubt.object)
        except AcquirerSilent:
            return doubt  # such as a record that its bank has not decided yet
        if record is None:
            return doubt
        ((what, is_open, _),) = await self.ours.judge(doubt.kind, [record])
        if what is not None and not is_open:
            return msgspec.structs.replace(doubt, detail=what)
        summary.disagreed -= 1
        if what is None:
            summary.agreed += 1
        else:
            summary.open += 1
        return None
