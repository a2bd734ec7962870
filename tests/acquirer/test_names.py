"""The ids of the sandbox's records."""

import pytest

from app.base.pan import contains_pan
from app.sandbox.acquirer.unit import Ids, new_tag

FILES, RECORDS = 200, 100


@pytest.mark.parametrize("prefix", ["dp", "auth", "po"])
def test_no_name_looks_like_a_card_number(prefix: str) -> None:
    """In any file an id has letters beside its digits, and its number can be read back."""
    for _ in range(FILES):
        names = Ids(new_tag(), last=270)
        for _ in range(RECORDS):
            number = names.next()
            name = names.name(prefix, number)
            assert not contains_pan(name)
            assert Ids.number(name) == number
