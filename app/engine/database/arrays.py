"""Columns of values as array literals, the form in which batches travel to the database.

A statement takes a batch as `unnest(CAST(:ids AS UUID[]), ...)`. Both databases parse the text form
of arrays, and building it costs a join, a tenth of what adapting each element by its type costs.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from decimal import Context, Decimal, Inexact
from typing import Final
from uuid import UUID

import msgspec

_EXACT: Final = Context(prec=60, traps=[Inexact])  # several times the digits of any rate


def uuids(values: Iterable[UUID | None]) -> str:
    # `v.hex` and a format string take half as long again.
    hexes = ["NULL" if v is None else "%032x" % v.int for v in values]  # noqa: UP031
    return "{" + ",".join(hexes) + "}"


def ints(values: Iterable[int | None]) -> str:
    return "{" + ",".join(["NULL" if v is None else str(v) for v in values]) + "}"


def bools(values: Iterable[bool]) -> str:
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
    return "{" + ",".join(["NULL" if v is None else f'"{v.isoformat()}"' for v in values]) + "}"


def dates(values: Iterable[date]) -> str:
    return words([v.isoformat() for v in values])


def decimals(values: Iterable[Decimal]) -> str:
    """A literal for DECIMAL[], without idle zeros."""
    return words([format(_EXACT.normalize(v), "f") for v in values])


def jsons(values: Iterable[msgspec.Struct | Mapping[str, str] | None]) -> str:
    """A literal for TEXT[] of JSON; mappings are metadata, of which most are empty."""
    encode = msgspec.json.encode
    return texts([None if v is None else encode(v).decode() if v else "{}" for v in values])


def by_keys(region: str, keys: Collection[tuple[UUID, UUID]]) -> dict[str, str]:
    """The parameters of a statement that looks up some (merchant, id) in a region."""
    return {
        "region": same(region, len(keys)),
        "merchant_id": uuids([merchant_id for merchant_id, _ in keys]),
        "id": uuids([object_id for _, object_id in keys]),
    }
