"""Comparing two large sets that are read in different orders, in fixed memory. Pure.

What is on one side is added and what is on the other is taken away, each under its key, as numbers
that derive from a keyed hash. Equal sides leave every slot at zero, and sides that differ leave
some slot at another number, up to a chance of 2**-60. Only what falls into such slots is then read
again and compared exactly, so a sound database is read once.
"""

from typing import Final

SLOTS: Final = 2**16  # 65,536 integers are 3 MB; of 10**9 keys a slot gets 15,000
SUSPECTS_MAX: Final = 64  # slots that are looked into: 10**6 keys of 10**9, which memory can hold


class Tally:
    """The sums of one comparison.

    CPython hashes texts with a key of the process (SipHash), so nobody can prepare rows that cancel
    each other out. It hashes -1 and -2 alike, so signed numbers must not be hashed as they are.
    """

    def __init__(self) -> None:
        self._sums = [0] * SLOTS

    def add(self, key: object, value: object, times: int = 1) -> None:
        """Count `value` under `key` (both hashable) `times` times; below zero takes it away."""
        place = hash(key)
        self._sums[place % SLOTS] += times * hash((place, value))

    def suspects(self) -> "Suspects":
        """Where the sides differ."""
        slots = [slot for slot, left in enumerate(self._sums) if left]
        return Suspects(frozenset(slots[:SUSPECTS_MAX]), max(0, len(slots) - SUSPECTS_MAX))


class Suspects:
    """The slots whose keys must be compared exactly."""

    def __init__(self, slots: frozenset[int], more: int) -> None:
        self._slots = slots
        self.more = more
        """Slots that differ too and are not looked into."""

    def __bool__(self) -> bool:
        return bool(self._slots)

    def __contains__(self, key: object) -> bool:
        return hash(key) % SLOTS in self._slots
