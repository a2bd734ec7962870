"""Reading cards, many at a time.

As with commits there is no timer: cards that are asked for while a look-up is under way form the
next one. A busy vault asks the database once for dozens of them, which costs a tenth.
"""

import asyncio
from typing import Final
from uuid import UUID

from app.database import Database
from app.vault import store
from app.vault.model import CardRow

CARDS_MAX: Final = 256  # of one look-up, which takes milliseconds


class CardReader:
    """Looks cards up by their ids; what it found is not remembered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[UUID, asyncio.Future[CardRow | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, card_id: UUID) -> CardRow | None:
        """A card and the key that opens it, as they are now; none if there is no such card.

        Raises:
            DatabaseUnreachable
        """
        future = self._asked.get(card_id)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._asked[card_id] = loop.create_future()
            if self._task is None:
                self._task = loop.create_task(self._run())
        # Whoever goes away takes nobody's answer along.
        return await asyncio.shield(future)

    async def _run(self) -> None:
        """Look up what is asked for until nothing is."""
        try:
            while self._asked:
                ids = list(self._asked)[:CARDS_MAX]
                futures = {card_id: self._asked.pop(card_id) for card_id in ids}
                await self._answer(futures)
        finally:
            self._task = None

    async def _answer(self, futures: dict[UUID, "asyncio.Future[CardRow | None]"]) -> None:
        try:
            found = {row.id: row for row in await store.find_cards(self._database, list(futures))}
        except Exception as error:  # noqa: BLE001 - it is whoever asked that can do something
            for future in futures.values():
                if not future.done():
                    future.set_exception(error)
            return
        for card_id, future in futures.items():
            if not future.done():
                future.set_result(found.get(card_id))
