"""Each domain is made of the same files, and each file says who may import it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

APP = Path(__file__).parents[2] / "app"
DOMAINS = APP / "domains"

ANYONE: Final = frozenset(path.name for path in APP.iterdir())
"""Whoever stands above, by the contracts in pyproject.toml."""
ITSELF: Final[frozenset[str]] = frozenset()
"""The files of its own domain only."""
MONEY: Final = frozenset({"domains", "operate"})
"""The domains above, which compose it in their own transactions, and what checks and moves rows."""

RUNS: Final = frozenset({"api", "processes"})
"""Who submits a step by itself, where it is all there is to do."""

FILES = {
    # file: who imports it beside its own domain
    "__init__.py": ANYONE,  # what the domain guarantees, owns and never does
    "model.py": ANYONE,  # what there is, its states, and what flows keep of themselves
    "commands.py": ANYONE,  # what may be asked
    "decisions.py": MONEY,  # pure: what comes of it
    "batch.py": MONEY,  # what the steps of a batch have loaded, and will write
    "steps.py": RUNS,  # atomic: claim, load, decide, write
    "asks.py": ITSELF,  # external: what is asked of the world outside
    "bookings.py": ITSELF,  # atomic: what the asks brought back
    "flow.py": ANYONE,  # which steps follow each other
    "follow.py": ANYONE,  # what a notification leads to: a flow is woken, or begun
    "store.py": MONEY,  # inside a transaction: locks and writes
    "queries.sql": ITSELF,  # the statements of store.py
    "reads.py": ANYONE,  # outside a transaction
    "reads.sql": ITSELF,  # the statements of reads.py
    "views.py": ANYONE,  # what the outside sees
    "errors.py": ANYONE,  # refusals
    "formats.py": ANYONE,  # pure: texts that the outside prescribes
    "admin.py": ANYONE,  # what people do, one thing at a time
    "jobs.py": ANYONE,  # what the worker does by the clock
}
"""Docs/decisions/0014 says what each is for, and 0017 who imports it."""

FOLDERS = sorted(path for path in DOMAINS.iterdir() if (path / "__init__.py").exists())
MODULES = sorted(path for path in APP.rglob("*.py"))


@pytest.mark.parametrize("domain", FOLDERS, ids=lambda path: path.name)
def test_a_domain_has_no_other_files(domain: Path) -> None:
    """A domain's files are some of the set."""
    files = {path.name for path in domain.iterdir() if path.suffix in {".py", ".sql"}}

    assert files <= FILES.keys(), sorted(files - FILES.keys())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(APP)))
def test_it_imports_what_is_meant_for_it(module: Path) -> None:
    """Nobody imports a file of a domain that is not for him; a door makes no difference."""
    floor, *below = module.relative_to(APP).parts
    own = below[0] if floor == "domains" else None
    strange = {
        f"{domain}/{file}: {name}"
        for domain, file, name in _imported(ast.parse(module.read_text("utf-8")))
        if domain != own and floor not in FILES[file]
    }

    assert strange == set()


def _imported(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(domain, file, name) of all that a module imports from domains."""
    doors: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="app.domains", names=names):
                doors |= {alias.asname or alias.name: alias.name for alias in names}
            case ast.ImportFrom(module=str(path), names=names) if path.startswith("app.domains."):
                _, _, domain, *file = path.split(".")
                for alias in names:
                    named = f"{file[0]}.py" if file else _behind(domain).get(alias.name)
                    yield domain, named or "__init__.py", alias.name
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in doors:
                domain = doors[name]
                yield domain, _behind(domain).get(attribute, "__init__.py"), attribute


@cache
def _behind(domain: str) -> dict[str, str]:
    """Name -> the file that it comes from, of what a domain's door passes on, and of its files."""
    folder = DOMAINS / domain
    found = {path.stem: path.name for path in folder.glob("*.py")}
    for node in ast.walk(ast.parse((folder / "__init__.py").read_text("utf-8"))):
        match node:
            case ast.ImportFrom(module=str(path), names=names):
                found |= {alias.name: f"{path.rpartition('.')[2]}.py" for alias in names}
    return found
