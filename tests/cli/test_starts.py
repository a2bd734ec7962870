"""Starting is quick: a process imports only what it needs."""

import subprocess
import sys

import pytest

CANNOT_NEED = {
    # What a process is made of -> what takes a tenth of a second and is of no use to it.
    "app.processes.api": {"alembic", "rich", "aiohttp.web", "app.vault.process"},
    "app.processes.worker": {"alembic", "rich", "aiohttp.web", "app.vault.process", "litestar"},
    "app.vault.process": {"alembic", "rich", "litestar"},
    "app.sandbox.acquirer": {"alembic", "rich", "sqlalchemy", "psycopg", "litestar"},
    "app.devkit.dev": {
        "alembic",
        "rich",
        "sqlalchemy",
        "psycopg",
        "aiohttp",
        "structlog",
        "litestar",
    },
}


def run(code: str) -> str:
    """The output of a fresh interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("module", CANNOT_NEED)
def test_a_process_imports_what_it_needs(module: str) -> None:
    """No process imports a slow module for which it has no use."""
    imported = set(run(f"import sys, {module}; print(*sys.modules)").split())

    assert module in imported
    assert imported & CANNOT_NEED[module] == set()


@pytest.mark.parametrize("door", ["app.engine.database", "app.vault"])
def test_a_door_has_all_it_names(door: str) -> None:
    """Each name of a lazy package is its module's, even after direct imports of the module."""
    code = f"""
import importlib, pkgutil, types, {door} as door
for module in pkgutil.iter_modules(door.__path__, "{door}."):
    importlib.import_module(module.name)
odd = [n for n in door.__all__ if n != "arrays" and isinstance(getattr(door, n), types.ModuleType)]
print(odd, hasattr(door, "nothing_of_this_name"))
"""
    assert run(code) == "[] False\n"
