"""Which publishable keys are good: of a merchant's those from some generation on."""

from functools import partial
from typing import Final
from uuid import UUID

from cachetools import TLRUCache

from app.base import clock
from app.engine.database import Database, LookUps, Tx, transact
from app.vault import store

_FIRST: Final = 1


class KeyGenerations:
    """The lowest good generation of each merchant's keys, remembered for some seconds.

    They are in the vault's own database, so they hold whether or not any api can be asked.
    """

    CACHED_S = 3.0
    """A rotation must work within 5 s in every vault process; a look-up fits in the rest."""
    ENTRIES_MAX = 10_000
    """Merchants that left a card within these seconds; only genuine keys are looked up."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lookups: LookUps[UUID, int] = LookUps(partial(store.find_generations, database))
        # An entry is kept until a time counted from before its look-up, which may take long.
        self._known: TLRUCache[UUID, tuple[int, float], float] = TLRUCache(
            self.ENTRIES_MAX, ttu=lambda _merchant, known, _now: known[1], timer=clock.monotonic
        )

    async def is_good(self, merchant_id: UUID, generation: int) -> bool:
        """Whether a merchant's keys of a generation may be used.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            return generation >= self._known[merchant_id][0]
        except KeyError:
            ends = clock.monotonic() + self.CACHED_S
            lowest = await self._lookups.find(merchant_id) or _FIRST
            self._known[merchant_id] = lowest, ends
            return generation >= lowest

    async def raise_lowest(self, merchant_id: UUID, generation: int) -> None:
        """End a merchant's keys of lower generations; a lower number than before ends nothing."""

        async def work(tx: Tx) -> None:
            store.raise_generation(tx, merchant_id, generation)

        await transact(self._database, work)
        self._known.pop(merchant_id, None)
