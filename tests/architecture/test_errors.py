"""Errors are a contract: clients distinguish them by their codes and follow their advice."""

import ast
import importlib
import pkgutil
import string
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args

import pytest

import app
from app.base.errors import PlatformError, Retry


def _import_everything() -> None:
    for module in pkgutil.walk_packages(app.__path__, "app."):
        # Importing a program's entry would run it.
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _leaves(family: type[PlatformError]) -> list[type[PlatformError]]:
    below = [leaf for member in family.__subclasses__() for leaf in _leaves(member)]
    return below or [family]


_import_everything()
LEAVES = [leaf for leaf in _leaves(PlatformError) if leaf.__module__.startswith("app.")]


def _template(error: type[PlatformError]) -> str:
    return (error.__doc__ or "").split("\n\n")[0].strip()


def test_codes_are_unique() -> None:
    """No two errors share a code."""
    codes = Counter(leaf.code for leaf in LEAVES)

    assert [code for code, count in codes.items() if count > 1] == []


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.__name__)
def test_an_error_says_what_to_do(error: type[PlatformError]) -> None:
    """Each error has a code, a status of the 4xx or 5xx and an advice, and 503 says when."""
    assert error.code == error.code.lower()
    assert error.code.replace("_", "").isalnum()
    assert HTTPStatus(error.status) >= HTTPStatus.BAD_REQUEST
    assert error.retry in get_args(Retry)
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE and error.retry == "same_key":
        assert error.retry_after_s


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.__name__)
def test_an_error_is_a_sentence_over_its_facts(error: type[PlatformError]) -> None:
    """Each error's docstring is a template whose fields are names of facts."""
    fields = [name for _, name, _, _ in string.Formatter().parse(_template(error)) if name]
    facts: dict[str, Any] = {name: f"<{name}>" for name in fields}

    message = error(**facts).message

    assert all(name.isidentifier() for name in fields)
    assert message
    assert all(fact in message for fact in facts.values())
    assert message.endswith((".", "'", ">"))


def test_every_error_can_happen() -> None:
    """Each error is raised or returned somewhere, so that /docs/errors lists no other."""
    used = {
        name
        for path in Path(*app.__path__).rglob("*.py")
        for name in _names_used(ast.parse(path.read_text("utf-8")))
    }

    assert [leaf.__name__ for leaf in LEAVES if leaf.__name__ not in used] == []


def _names_used(node: ast.AST) -> Iterator[str]:
    # An import, a base of a class and the list in a route's `Doc` use no error: they only name it.
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "Doc":
            continue
        if isinstance(child, ast.ClassDef):
            for inner in child.body:
                yield from _names_used(inner)
            continue
        if isinstance(child, ast.Name):
            yield child.id
        elif isinstance(child, ast.Attribute):
            yield child.attr
        yield from _names_used(child)
