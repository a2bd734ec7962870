"""Tallies: equal sets leave nothing, different ones leave a trace where they differ."""

import random

from app.operate.verify.tally import SUSPECTS_MAX, Tally


def test_equal_sets_in_any_order_leave_nothing() -> None:
    """What is added in one order and taken away in another cancels out."""
    rows = [(f"account {n % 50}", n) for n in range(1_000)]
    tally = Tally()
    for key, value in rows:
        tally.add(key, value)

    random.Random(7).shuffle(rows)
    for key, value in rows:
        tally.add(key, value, -1)

    assert not tally.suspects()


def test_a_changed_value_is_suspected_under_its_key() -> None:
    """The key of what differs is among the suspects, and few others are."""
    tally = Tally()
    for n in range(1_000):
        tally.add(n, "same")
        tally.add(n, "other" if n == 321 else "same", -1)

    suspects = tally.suspects()

    assert 321 in suspects
    assert sum(n in suspects for n in range(1_000)) == 1


def test_values_may_not_be_exchanged_between_keys() -> None:
    """Two keys that changed their values are suspected, though the values are the same."""
    tally = Tally()
    for key, value in (("a", "x"), ("b", "y")):
        tally.add(key, value)
    for key, value in (("a", "y"), ("b", "x")):
        tally.add(key, value, -1)

    assert tally.suspects()


def test_amounts_add_up() -> None:
    """Amounts of one key are compared by their sum."""
    tally = Tally()
    for amount in (3, 4):
        tally.add("account", "debit", amount)

    tally.add("account", "debit", -7)

    assert not tally.suspects()


def test_too_many_suspects_are_counted() -> None:
    """Suspects that are not compared are counted."""
    tally = Tally()
    for n in range(SUSPECTS_MAX + 10):
        tally.add(n, n)

    suspects = tally.suspects()

    assert suspects.more == 10
