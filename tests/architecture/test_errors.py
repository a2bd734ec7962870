"""Errors are a contract: clients branch on their codes and obey their advice."""

import importlib
import pkgutil
import string
from collections import Counter
from http import HTTPStatus
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
