"""Every promise is kept on both databases."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a database on each kind of it.

    Tests that are about one of them, its plans or its crash, ask for that one by name instead.
    """
    if "databases" in metafunc.fixturenames:
        kinds = [None, pytest.param("cockroachdb", marks=pytest.mark.cluster)]
        ids = ["postgresql", "cockroachdb"]
        metafunc.parametrize("databases", kinds, ids=ids, indirect=True, scope="session")
