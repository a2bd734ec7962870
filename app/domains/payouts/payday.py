"""A worker's round of a day: daily payouts, then the files of what waits for one.

Nothing here decides whether money moves: it spares work that is done, in this process. Another one
begins anew, and finds what there is in the database.
"""

from datetime import date
from uuid import UUID

from app.domains.payouts import files, reads
from app.domains.payouts.daily import make_daily_payouts
from app.processors import World


class PayDay:
    """How far a process is with a day's payouts and files."""

    def __init__(self, day: date) -> None:
        self.day = day
        self._count = 0
        self._counted: dict[str, int] = {}
        """By region: how many daily payouts there were when its files were made."""
        self._refused: set[UUID] = set()
        """Files that would be refused again; tomorrow the bank may think otherwise."""

    async def make_payouts(self, world: World) -> bool:
        """Make the day's payouts; whether none is left to try again."""
        made = await make_daily_payouts(world, self.day)
        self._count = made.count
        return not made.failed

    async def send_files(self, world: World, region: str) -> bool:
        """Make a region's files and send them; whether nothing is left to do today.

        They are made once a day, and once more where daily payouts could be made only later. What
        the bank refuses is left to people, and to tomorrow.
        """
        if await self._is_to_make(world, region):
            # Until all are made: whoever fails here begins again.
            self._counted[region] = -1
            await files.make_due(world.database, region, self.day)
        self._counted[region] = self._count
        sent = await files.send_due(world, region, leave=self._refused)
        self._refused |= sent.refused
        return not sent.silent

    async def _is_to_make(self, world: World, region: str) -> bool:
        if region in self._counted:
            return self._counted[region] < self._count
        return not await reads.list_files_of_day(world.database, region, files.CURRENCY, self.day)
