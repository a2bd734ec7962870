"""All named statements of the product, as they are when their files are loaded."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TypeGuard

import app
from app.base.queries import Queries, Query

_ROOT = Path(app.__file__).parent


def loaded_statements() -> dict[str, Query]:
    """`<package>.<statement>` -> the statement; the sandbox's, which are SQLite's, left out.

    Raises:
        AssertionError: nobody loads a file.
    """
    files = {path for path in _ROOT.rglob("*.sql") if path.parent.name != "acquirer"}
    found: dict[str, Query] = {}
    for folder in sorted({path.parent for path in files}):
        loaded = {queries.file: queries for queries in _loaded_in(folder)}
        assert len(loaded) == sum(path.parent == folder for path in files), folder
        for file in sorted(loaded):
            found |= {f"{folder.name}.{query.name}": query for query in loaded[file]}
    return found


def _loaded_in(folder: Path) -> Iterator[Queries]:
    package = ".".join(folder.relative_to(_ROOT.parent).parts)
    for module in sorted(folder.glob("*.py")):
        name = package if module.stem == "__init__" else f"{package}.{module.stem}"
        yield from (each for each in vars(import_module(name)).values() if _is_of(each, package))


def _is_of(value: object, package: str) -> TypeGuard[Queries]:
    return isinstance(value, Queries) and value.file.startswith(f"{package}/")
