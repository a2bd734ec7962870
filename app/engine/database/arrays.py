"""Columns of values as array literals, the form in which batches travel to the database.

A statement takes a batch as `unnest(CAST(:ids AS UUID[]), ...)`. Both databases parse the text form
of arrays, and building it costs a join, a tenth of what adapting each element by its type costs.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID


def uuids(values: Iterable[UUID | None]) -> str:
    """A literal for UUID[]."""
    return "{" + ",".join(["NULL" if v is None else v.hex for v in values]) + "}"


def ints(values: Iterable[int | None]) -> str:
    """A literal for INT8[]."""
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def bools(values: Iterable[bool]) -> str:
    """A literal for BOOL[]."""
    return "{" + ",".join(["t" if v else "f" for v in values]) + "}"


def words(values: Iterable[str]) -> str:
    """A literal for TEXT[] of plain words (enum values, codes): letters, digits, `_`, `.`, `-`."""
    return "{" + ",".join(values) + "}"


def same(word: str, count: int) -> str:
    """A literal for TEXT[] that holds one plain word `count` times."""
    return words([word] * count)


def texts(values: Iterable[str | None]) -> str:
    """A literal for TEXT[] of any text; only the quote and the backslash need escaping."""
    return (
        "{"
        + ",".join(
            [
                "NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'
                for v in values
            ]
        )
        + "}"
    )


def times(values: Iterable[datetime | None]) -> str:
    """A literal for TIMESTAMPTZ[]."""
    return "{" + ",".join(["NULL" if v is None else f'"{v.isoformat()}"' for v in values]) + "}"
