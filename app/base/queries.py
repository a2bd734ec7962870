"""Named statements: SQL lives in `.sql` files, is read as SQL, and is called by name.

    -- name: lock_accounts
    -- What it is for, in a sentence.
    -- path: the index it walks
    SELECT ... WHERE merchant_id = :merchant_id;

Parameters are written `:name`. An unknown name fails at import, not at the first payment.

What follows from the declaration of a table is not written again in each statement, and is put in
when the file is loaded; statements as the database, the log and the tests see them are whole:

    SELECT p.*                                   all columns of the struct, in its order
    unnest(:payments) AS d (merchant_id, id)     an array for each of the named columns
    -- both ways                                 a page of a list, and the page from its other end
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final, Protocol

_HEAD = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
# `::TYPE` is a cast and not a parameter, hence the look-behind.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_STAR = re.compile(r"\bSELECT \*(?=[,\s])|\b(\w+)\.\*")
_BATCH = re.compile(r"unnest\(:(\w+)\)\s+AS d \(([^)]*)\)")
_BOTH_WAYS: Final = "-- both ways"


class Declared(Protocol):
    """What a statement needs to know of a table; `app.engine.database.TableOf` knows it."""

    name: str

    def selected(self, alias: str) -> str:
        """The columns of its struct as a SELECT lists them; without an alias where it is empty."""

    def cast(self, column: str) -> str:
        """The parameter that is an array of a column's values, with its type."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement: its name, its comment lines, and its text in the driver's parameter style."""

    name: str
    comment: str
    text: str
    source: str
    """With `:name` parameters; what the EXPLAIN tests read."""
    batch: tuple[str, ...] = ()
    """The columns of which it takes an array each."""
    reversed: "Query | None" = None
    """Of a page of a list: the page from the other end."""


class Queries:
    """The statements of one file of a package, as attributes."""

    def __init__(
        self, package: str, file: str = "queries.sql", tables: Iterable[Declared] = ()
    ) -> None:
        self.file = f"{package}/{file}"
        text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
        known = {table.name: table for table in tables}
        self._queries = {query.name: query for query in parse(text, known)}

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"{self.file} has no statement '{name}'") from None

    def __iter__(self) -> Iterator[Query]:
        """All statements, pages from the other end too."""
        for query in self._queries.values():
            yield query
            if query.reversed is not None:
                yield query.reversed


def parse(text: str, tables: Mapping[str, Declared] | None = None) -> list[Query]:
    """All statements of a file, in order.

    Raises:
        KeyError: a statement leaves to a table, which is not among these, what its columns are.
    """
    pieces = _HEAD.split(text)
    return [
        _query(name, body, tables or {})
        for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
    ]


def _query(name: str, body: str, tables: Mapping[str, Declared]) -> Query:
    lines = body.strip().splitlines()
    comment = "\n".join(line for line in lines if line.startswith("--"))
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
    batch = _BATCH.search(sql)
    columns = () if batch is None else tuple(re.split(r",\s*", batch[2]))
    whole = _with_arrays(_with_columns(sql, tables), tables)
    if _BOTH_WAYS not in lines:
        return _made(name, comment, whole, columns)
    comment = comment.replace(f"\n{_BOTH_WAYS}", "")
    other_comment = comment.replace("newest first", "oldest first").replace(", backwards", "")
    other = _made(f"{name}_reversed", other_comment, _from_other_end(whole), columns)
    return _made(name, comment, whole, columns, other)


def _made(
    name: str, comment: str, sql: str, batch: tuple[str, ...], other: Query | None = None
) -> Query:
    driver = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
    return Query(name, comment, driver, sql, batch, other)


def _with_columns(sql: str, tables: Mapping[str, Declared]) -> str:
    """The statement with the columns that `*` stands for."""

    def columns(match: re.Match[str]) -> str:
        alias = match[1] or ""
        place = rf"\b(\w+) AS {alias}\b" if alias else r"\bFROM (\w+)"
        found = re.search(place, sql)
        selected = tables[found[1] if found else ""].selected(alias)
        return selected if alias else f"SELECT {selected}"

    return _STAR.sub(columns, sql)


def _with_arrays(sql: str, tables: Mapping[str, Declared]) -> str:
    """The statement with an array for each column of its batch."""

    def arrays(match: re.Match[str]) -> str:
        casts = [tables[match[1]].cast(column) for column in re.split(r",\s*", match[2])]
        return f"unnest({', '.join(casts)})\n       AS d ({match[2]})"

    return _BATCH.sub(arrays, sql)


def _from_other_end(sql: str) -> str:
    """The statement with its order turned round."""
    order = re.search(r"\bORDER BY (.*)$", sql, re.MULTILINE)
    assert order is not None, sql
    keys = order[1].split(", ")
    assert all(key.endswith(" DESC") for key in keys), sql
    turned = ", ".join(key.removesuffix(" DESC") for key in keys)
    return f"{sql[: order.start(1)]}{turned}{sql[order.end(1) :]}"
