"""Compares two large sets that are read in different orders, in fixed memory. Pure.

Each item of one side is added, and each item of the other is subtracted, under its key, as a number
derived from a keyed hash. Equal sides leave every slot at zero; different sides leave some slot at
another number, but for a chance of 2**-60. Only the keys of such slots are read again and compared
exactly, so a sound database is read once.
"""

from typing import Final

SLOTS: Final = 2**16  # 65,536 integers are 3 MB; of 10**9 keys a slot gets 15,000
# Slots that are compared exactly: 10**6 keys of 10**9, which fit in memory.
SUSPECTS_MAX: Final = 64


class Tally:
    """The sums of one comparison.

    CPython hashes texts with a key of the process (SipHash), so nobody can prepare rows that cancel
    each other out. It hashes -1 and -2 alike, so signed numbers must not be hashed as they are.
    """

    def __init__(self) -> None:
        self._sums = [0] * SLOTS

    def add(self, key: object, value: object, times: int = 1) -> None:
        """Count `value` under `key` (both hashable) `times` times.

        A negative number subtracts it.
        """
        place = hash(key)
        self._sums[place % SLOTS] += times * hash((place, value))

    def suspects(self) -> "Suspects":
        """The slots in which the sides differ."""
        slots = [slot for slot, left in enumerate(self._sums) if left]
        return Suspects(frozenset(slots[:SUSPECTS_MAX]), max(0, len(slots) - SUSPECTS_MAX))


class Suspects:
    """The slots whose keys must be compared exactly."""

    def __init__(self, slots: frozenset[int], more: int) -> None:
        self._slots = slots
        self.more = more
        """Slots that differ as well, but are not compared."""

    def __bool__(self) -> bool:
        return bool(self._slots)

    def __contains__(self, key: object) -> bool:
        return hash(key) % SLOTS in self._slots
