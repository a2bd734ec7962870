"""Tables and the structs their rows become: declared once, for all statements of a table.

    PAYMENTS = TableOf(Payment, "payments", words=("method", "currency"))
    queries = Queries(__package__, tables=[PAYMENTS])

    [PAYMENTS.struct_of(row) for row in rows]     rows of `SELECT *` or `p.*`
    PAYMENTS.arrays_of(query, payments)           parameters of `unnest(:payments) AS d (...)`

Columns and their types are those of the struct's fields, in their order. A mapping is a column of
JSON, and a struct within the struct is a text of JSON. Plans are made when a table is declared or a
statement is first used: on the way of a payment nothing is looked up by a name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

import msgspec

from app.base.queries import Query
from app.engine.database import arrays

S = TypeVar("S", bound=msgspec.Struct)

_Written = tuple[str, Callable[[Iterable[Any]], str]]
"""A column's SQL type, and what makes an array literal of its values."""

_Plan = tuple[Callable[[Any], tuple[Any, ...]], list[tuple[str, Callable[[Iterable[Any]], str]]]]
"""The values of a row, and each column's name with what makes an array literal of it."""

_WORD: Final[_Written] = ("TEXT", arrays.words)
_JSON: Final[_Written] = ("TEXT", arrays.jsons)
_WRITTEN: Final[Mapping[Any, _Written]] = {
    UUID: ("UUID", arrays.uuids),
    int: ("INT8", arrays.ints),
    bool: ("BOOL", arrays.bools),
    str: ("TEXT", arrays.texts),
    datetime: ("TIMESTAMPTZ", arrays.times),
    date: ("DATE", arrays.dates),
    Decimal: ("DECIMAL", arrays.decimals),
}

_PLACES: Final = frozenset({"region", "former_region"})
"""Columns of a batch that no struct knows: who asks says where its rows are."""


class TableOf(Generic[S]):
    """A table, or what of it a struct has."""

    def __init__(
        self,
        struct: type[S],
        name: str,
        *,
        words: Sequence[str] = (),
        renamed: Mapping[str, str] | None = None,
        unstored: Sequence[str] = (),
    ) -> None:
        """Declare what a row becomes.

        Args:
            words: texts of plain words (codes): letters, digits, `_`, `.`, `-`. Literals are, too.
            renamed: field -> column, where they differ.
            unstored: fields at the struct's end that no column has.
        """
        self.name = name
        self._struct = struct
        self._words = frozenset(words)
        self._fields = {
            (renamed or {}).get(field.name, field.name): field
            for field in msgspec.structs.fields(struct)
            if field.name not in unstored
        }
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self.struct_of: Callable[[Sequence[Any]], S] = self._reader()
        """The struct of a row that has all columns, as `SELECT *` gives it."""

    def selected(self, alias: str) -> str:
        """The columns as a SELECT lists them."""
        prefix = f"{alias}." if alias else ""
        return ", ".join(
            f"CAST({prefix}{column} AS TEXT)"
            if _is_mapping(_plain(field.type))
            else f"{prefix}{column}"
            for column, field in self._fields.items()
        )

    def cast(self, column: str) -> str:
        """The parameter that is an array of a column's values, with its type."""
        return f"CAST(:{column} AS {self._written(column)[0]}[])"

    def arrays_of(self, query: Query, items: Sequence[S]) -> dict[str, str]:
        """An array for each column of the statement's batch, but for the regions."""
        plan = self._plans.get(query.batch)
        if plan is None:
            plan = self._plans[query.batch] = self._plan(query.batch)
        values, literals = plan
        columns = zip(*map(values, items), strict=True)
        return {name: literal(next(columns)) for name, literal in literals}

    def _plan(self, batch: Sequence[str]) -> _Plan:
        names = [column for column in batch if column not in _PLACES]
        assert len(names) > 1, "a key has a merchant and an id"
        values = attrgetter(*map(self._attribute, names))
        return values, [(name, self._written(name)[1]) for name in names]

    def _attribute(self, column: str) -> str:
        return self._fields[column].name if column in self._fields else column

    def _written(self, column: str) -> _Written:
        """How a column is written: a field, a region, or what a property derives from the row."""
        if column in self._words or column in _PLACES:
            return _WORD
        if column in self._fields:
            plain = _plain(self._fields[column].type)
        else:
            plain = get_type_hints(getattr(self._struct, column).fget)["return"]
        if get_origin(plain) is Literal:
            return _WORD
        return _WRITTEN.get(plain, _JSON)

    def _reader(self) -> Callable[[Sequence[Any]], S]:
        struct = self._struct
        decoders = [
            (at, msgspec.json.Decoder(plain).decode)
            for at, field in enumerate(self._fields.values())
            if _is_json(plain := _plain(field.type))
        ]
        if not decoders:
            return lambda row: struct(*row)

        def struct_of(row: Sequence[Any]) -> S:
            values = list(row)
            for at, decode in decoders:
                if values[at] is not None:
                    values[at] = decode(values[at])
            return struct(*values)

        return struct_of


def _plain(hint: Any) -> Any:
    if get_origin(hint) not in {Union, UnionType}:
        return hint
    (plain,) = [each for each in get_args(hint) if each is not NoneType]
    return plain


def _is_mapping(plain: Any) -> bool:
    origin = get_origin(plain)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_json(plain: Any) -> bool:
    return _is_mapping(plain) or (isinstance(plain, type) and issubclass(plain, msgspec.Struct))
