"""Imports point down; the contract is in pyproject.toml."""

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_imports_point_down() -> None:
    """No package imports a sibling or one above it."""
    assert lint_imports() == EXIT_STATUS_SUCCESS
