"""Security codes: in memory, for a while, for one use, and never too many."""

import time

from app.base import ids
from app.vault.codes import CODES_MAX, Code, SecurityCodes

MERCHANT = ids.new()


def test_a_code_is_taken_once() -> None:
    """A code can be taken once."""
    codes, card = SecurityCodes(), ids.new()
    codes.put(MERCHANT, card, "123")

    taken = codes.take(card)

    assert taken is not None
    assert taken.digits == "123"
    assert codes.take(card) is None
    assert len(codes) == 0


def test_a_code_ends() -> None:
    """After its time a code cannot be taken, whether or not it was looked for before."""
    codes, card = SecurityCodes(kept_s=0.01), ids.new()
    codes.put(MERCHANT, card, "123")
    time.sleep(0.02)

    codes.put(MERCHANT, ids.new(), "456")

    assert len(codes) == 1
    assert codes.take(card) is None


def test_an_unused_code_is_put_back_for_no_longer() -> None:
    """A code that was put back keeps its end."""
    codes, card = SecurityCodes(), ids.new()
    codes.put(MERCHANT, card, "123")
    taken = codes.take(card)
    assert taken is not None

    codes.put_back(MERCHANT, card, taken)
    assert codes.take(card) == taken

    codes.put_back(MERCHANT, card, Code("123", ends=0.0))
    assert codes.take(card) is None


def test_the_oldest_are_forgotten_first() -> None:
    """Beyond the bound the oldest codes are erased."""
    codes = SecurityCodes(codes_max=3)
    cards = [ids.new() for _ in range(5)]
    for card in cards:
        codes.put(MERCHANT, card, "123")

    assert len(codes) == 3
    assert [codes.take(card) is not None for card in cards] == [False, False, True, True, True]


def test_no_merchant_takes_anothers_codes_away() -> None:
    """However many cards one merchant leaves, another's code is there when it is needed."""
    codes, flooding, card = SecurityCodes(), ids.new(), ids.new()
    codes.put(MERCHANT, card, "123")

    for _ in range(CODES_MAX + 1_000):
        codes.put(flooding, ids.new(), "456")

    assert len(codes) < CODES_MAX
    taken = codes.take(card)
    assert taken is not None
    assert taken.digits == "123"


def test_many_merchants_share_what_there_is() -> None:
    """Where all merchants together have too many, the one that has the most loses its oldest."""
    codes = SecurityCodes(codes_max=10, merchant_codes_max=6)
    small = [(ids.new(), ids.new()) for _ in range(3)]
    for merchant, card in small:
        codes.put(merchant, card, "123")
    first, second = ids.new(), ids.new()
    flood = [(merchant, ids.new()) for merchant in (first, second) for _ in range(20)]

    for merchant, card in flood:
        codes.put(merchant, card, "456")

    assert len(codes) == 10
    assert [codes.take(card) is not None for _, card in small] == [True] * 3
    left = [merchant for merchant, card in flood if codes.take(card) is not None]
    assert sorted((left.count(first), left.count(second))) == [3, 4]
    assert codes._cards == {}


def test_memory_is_wiped() -> None:
    """The memory of an erased code is overwritten."""
    codes, card = SecurityCodes(), ids.new()
    codes.put(MERCHANT, card, "123")
    kept = codes._codes[card].digits

    codes.take(card)

    assert kept == bytes(3)
