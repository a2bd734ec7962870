"""One run of the checks: what they read, report and compare."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from app.engine.database import Query, Rows
from app.operate.verify.model import Check, Findings
from app.operate.verify.store import PAGE_ROWS, Row, Snapshot, Stream, Use, uuid_array
from app.operate.verify.tally import Tally

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is checked, how many rows are done, and about how many there are."""

Said: TypeAlias = tuple[str, str, str, int, int, str]
"""An entry: merchant (hex), transfer, direction, posted and pending minor units, and when it was
booked.
"""


class Audit:
    """What the checks of one run share.

    All regions are read as one: a merchant that moves has rows in two, and one that has moved has
    rows whose counterparts, such as journal blocks, stay where they were written.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        regions: Sequence[str],
        findings: Findings,
        progress: Progress,
    ) -> None:
        self.snapshot = snapshot
        self.regions = regions
        self.findings = findings
        self.add = findings.add
        self._progress = progress
        self.entries = Tally()
        """Lines of transfers less entries, by (account, version)."""
        self.listings = Tally()
        """Blocks that transfers name less transfers that blocks list, by block."""
        self.held = Tally()
        """What open holds hold less what accounts have pending, by account."""
        self.parked = 0
        """Flows that wait for people."""

    def stream(self, query: Query, again: Use | None = None, **after: Any) -> Stream:
        """The rows of a paged statement, in all regions."""
        return self.snapshot.stream(query, self.regions, again, **after)

    def doubled(self, name: Callable[[Row], str], what: str) -> Use:
        """A function that reports a row that is in two regions.

        `what` says what kind of row it is.
        """
        return lambda row: self.add(Check.ONE_REGION, name(row), f"{what} is in two regions")

    async def look_up(self, query: Query, wanted: Mapping[str, str]) -> list[Row]:
        """Read the rows of some objects (id -> merchant), in all regions.

        They begin with the id.
        """
        left = {id_.replace("-", ""): merchant_id for id_, merchant_id in wanted.items()}
        found: list[Row] = []
        for region in self.regions:
            if not left:
                break
            rows = await self.snapshot.rows(
                query,
                {
                    "region": region,
                    "merchant_ids": uuid_array(left.values()),
                    "ids": uuid_array(left),
                },
            )
            found += rows
            for row in rows:
                left.pop(row[0].replace("-", ""), None)
        return found

    async def progress(self, what: str, counting: Query) -> Callable[[int], None]:
        """A function that counts rows that are done, and shows the count now and then."""
        total = await self.snapshot.count(counting, self.regions)
        done = shown = 0
        self._progress(what, done, total)

        def add(count: int) -> None:
            nonlocal done, shown
            done += count
            if done - shown >= PAGE_ROWS or done == total:
                shown = done
                self._progress(what, done, max(done, total))

        return add

    async def pages(self, what: str, stream: Stream, counting: Query) -> AsyncIterator[Rows]:
        """The stream's pages; the progress is shown."""
        add = await self.progress(what, counting)
        async for rows in stream.pages():
            yield rows
            add(len(rows))

    def count_entry(self, key: tuple[str, int], said: Said, times: int = 1) -> None:
        """Count an entry at (account hex, version), or with `times` -1 the line that equals it."""
        # The pending amount is doubled, because a hash is the same for -1 and -2.
        self.entries.add(key, (said, 2 * said[4]), times)

    def count_held(self, account_id: str, side: str, amount_minor: int) -> None:
        """Count what is pending on one side of an account.

        What holds hold is counted below zero.
        """
        if amount_minor:
            self.held.add(account_id, side, amount_minor)
