"""Named statements: SQL lives in `.sql` files, is read as SQL, and is called by name.

    -- name: lock_accounts
    -- What it is for, in a sentence.
    -- path: the index it walks
    SELECT ... WHERE merchant_id = :merchant_id;

Parameters are written `:name`. An unknown name fails at import, not at the first payment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

_HEAD = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
# `::TYPE` is a cast and not a parameter, hence the look-behind.
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Query:
    """One statement: its name, its comment lines, and its text in the driver's parameter style."""

    name: str
    comment: str
    text: str
    source: str
    """As written, with `:name` parameters; what the lint and EXPLAIN tests read."""


class Queries:
    """The statements of one file of a package, as attributes."""

    def __init__(self, package: str, file: str = "queries.sql") -> None:
        self.file = f"{package}/{file}"
        text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
        self._queries = {query.name: query for query in parse(text)}

    def __getattr__(self, name: str) -> Query:
        try:
            return self._queries[name]
        except KeyError:
            raise AttributeError(f"{self.file} has no statement '{name}'") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._queries.values())


def parse(text: str) -> list[Query]:
    """All statements of a file, in order."""
    pieces = _HEAD.split(text)
    found = []
    for name, body in zip(pieces[1::2], pieces[2::2], strict=True):
        lines = body.strip().splitlines()
        comment = "\n".join(line for line in lines if line.startswith("--"))
        sql = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
        driver = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
        found.append(Query(name=name, comment=comment, text=driver, source=sql))
    return found
