"""Tests as tables: one row per case, in the words of the domain."""

from collections.abc import Callable
from typing import Any

import pytest


class Row:
    """One case; its columns are attributes: whole numbers, texts, or None for a dash."""

    def __init__(self, cells: dict[str, int | str | None]) -> None:
        self._cells = cells

    def __getattr__(self, name: str) -> Any:
        try:
            return self._cells[name]
        except KeyError:
            raise AttributeError(f"the table has no column '{name}'") from None

    def __repr__(self) -> str:
        return " ".join(str(cell) for cell in self._cells.values())


def table(text: str) -> Callable[[Any], Any]:
    """Run the test once per row, as its argument `row`.

    The first line names the columns; cells are words apart by spaces; `--` begins a remark.
    """
    lines = [line.split("--")[0].split() for line in text.strip().splitlines()]
    columns, *cases = [line for line in lines if line]
    rows = [Row(dict(zip(columns, map(_value, cells), strict=True))) for cells in cases]
    return pytest.mark.parametrize("row", rows, ids=[str(row).replace(" ", "-") for row in rows])


def _value(cell: str) -> int | str | None:
    if cell == "-":
        return None
    # What begins with a zero is a code and not a number.
    is_number = cell.lstrip("-").isdecimal() and (cell == "0" or not cell.startswith("0"))
    return int(cell) if is_number else cell
