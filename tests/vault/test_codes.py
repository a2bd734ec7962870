"""Security codes: in memory, for a while, for one use, and never too many."""

import time

from app.base import ids
from app.vault.codes import Code, SecurityCodes


def test_a_code_is_taken_once() -> None:
    """A code can be taken once."""
    codes, card = SecurityCodes(), ids.new()
    codes.put(card, "123")

    taken = codes.take(card)

    assert taken is not None
    assert taken.digits == "123"
    assert codes.take(card) is None
    assert len(codes) == 0


def test_a_code_ends() -> None:
    """After its time a code cannot be taken, whether or not it was looked for before."""
    codes, card = SecurityCodes(kept_s=0.01), ids.new()
    codes.put(card, "123")
    time.sleep(0.02)

    codes.put(ids.new(), "456")

    assert len(codes) == 1
    assert codes.take(card) is None


def test_an_unused_code_is_put_back_for_no_longer() -> None:
    """A code that was put back keeps its end."""
    codes, card = SecurityCodes(), ids.new()
    codes.put(card, "123")
    taken = codes.take(card)
    assert taken is not None

    codes.put_back(card, taken)
    assert codes.take(card) == taken

    codes.put_back(card, Code("123", ends=0.0))
    assert codes.take(card) is None


def test_the_oldest_are_forgotten_first() -> None:
    """Beyond the bound the oldest codes are erased."""
    codes = SecurityCodes(codes_max=3)
    cards = [ids.new() for _ in range(5)]
    for card in cards:
        codes.put(card, "123")

    assert len(codes) == 3
    assert [codes.take(card) is not None for card in cards] == [False, False, True, True, True]


def test_memory_is_wiped() -> None:
    """The memory of an erased code is overwritten."""
    codes, card = SecurityCodes(), ids.new()
    codes.put(card, "123")
    kept = codes._codes[card][1]

    codes.take(card)

    assert kept == bytes(3)
