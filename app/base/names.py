"""Names in JSON objects: one that stands twice is refused, because readers disagree which counts.

RFC 8259, section 4, leaves open what a reader makes of it; here the last one used to win, while a
proxy or an auditor may have read the first.
"""

import re

import jiter

_PLACE = re.compile(r"Detected duplicate key .* at (line \d+ column \d+)$", re.DOTALL)


class NameTwice(ValueError):
    """A name stands twice in one object; the message says where the second one ends."""


def check_names(text: bytes) -> None:
    """Look for a name that stands twice in one object of JSON, however it is spelled.

    The name itself is not repeated: it may be anything, including a card number.

    Raises:
        NameTwice
    """
    try:
        jiter.from_json(text, catch_duplicate_keys=True, cache_mode="none")
    except ValueError as error:
        found = _PLACE.match(str(error))
        if found is not None:
            raise NameTwice(f"a name stands twice in one object at {found[1]}") from None
