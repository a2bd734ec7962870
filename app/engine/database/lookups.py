"""Looking rows up by their keys, many at a time.

As with commits there is no timer: keys that are asked for while a look-up is under way form the
next one. A busy process asks the database once for dozens of rows, which costs both a tenth of what
as many statements cost; an idle one asks at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeAlias, TypeVar
from uuid import UUID

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEYS_MAX: Final = 256  # of one look-up, which takes milliseconds
STUCK_S: Final = 0.1  # a look-up that takes longer may be on a silent connection: others go past it
RUNNERS_MAX: Final = 4  # half of a process's reading connections

Find: TypeAlias = Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]
"""Distinct keys -> what was found; missing ones are left out."""

Key: TypeAlias = tuple[UUID, UUID]
"""(merchant, id)."""


class LookUps(Generic[K, V]):
    """Rows by their keys, as they are once they are asked for: nothing is remembered."""

    def __init__(self, find: Find[K, V]) -> None:
        self._find = find
        self._asked: dict[K, asyncio.Future[V | None]] = {}
        self._runners: dict[asyncio.Task[None], float] = {}
        """Each with when its look-up began, on the loop's clock."""

    async def find(self, key: K) -> V | None:
        """What there is by this key; none if there is nothing.

        Raises: whatever the look-up raises, to all who share it.
        """
        loop = asyncio.get_running_loop()
        future = self._asked.get(key)
        if future is None:
            future = self._asked[key] = loop.create_future()
        if self._needs_runner(loop.time()):
            runner = loop.create_task(self._run())
            self._runners[runner] = loop.time()
        # A caller that is cancelled does not cancel the look-up, which others may share.
        return await asyncio.shield(future)

    def _needs_runner(self, now: float) -> bool:
        """Whether no task looks keys up, or all that do seem to be stuck."""
        if len(self._runners) >= RUNNERS_MAX:
            return False
        return all(now - began > STUCK_S for began in self._runners.values())

    async def _run(self) -> None:
        """Look up what is asked for until nothing is."""
        runner = asyncio.current_task()
        assert runner is not None
        try:
            while self._asked:
                keys = list(self._asked)[:KEYS_MAX]
                self._runners[runner] = asyncio.get_running_loop().time()
                await self._answer({key: self._asked.pop(key) for key in keys})
        finally:
            # At once and not when the task is found done: who asks in between must start another.
            self._runners.pop(runner, None)

    async def _answer(self, futures: "dict[K, asyncio.Future[V | None]]") -> None:
        try:
            found = await self._find(list(futures))
        except Exception as error:  # noqa: BLE001 - the callers get it
            for future in futures.values():
                future.set_exception(error)
                future.exception()  # the caller may be gone, and the error concerns no other one
            return
        except BaseException:
            for future in futures.values():
                future.cancel()
            raise
        for key, future in futures.items():
            future.set_result(found.get(key))
