"""A database with a history, made once, and a copy of it for each test to corrupt."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio

from app.operate.verify import Finding, verify
from tests.support.databases import Server, connect, execute
from tests.verify.history import History, make_history

_numbers = itertools.count(1)


class Books:
    """A copy of the history."""

    def __init__(self, url: str, history: History) -> None:
        self.url = url
        self.history = history

    def change(self, *statements: str, **more: Any) -> None:
        """Change a row as no code of Suya does; the history's names are parameters (`%(ada)s`)."""
        with connect(self.url) as connection:
            for statement in statements:
                params: dict[str, Any] = {**self.history.names, **more}
                connection.execute(statement.encode(), params)

    async def findings(self) -> list[Finding]:
        """The findings of `verify`."""
        return await verify(self.url, lambda *_: None)

    async def named(self) -> set[tuple[str, str]]:
        """The findings of `verify`, as (check, object)."""
        return {(finding.check, finding.object) for finding in await self.findings()}


@pytest_asyncio.fixture(scope="session")
async def template(server: Server) -> Books:
    """The history; nobody may change it or stay connected to it."""
    url = server.new_database()
    return Books(url, await make_history(url))


@pytest.fixture
def books(server: Server, template: Books) -> Iterator[Books]:
    """A copy of the history, of this test's own."""
    with copy_of(server, template) as copied:
        yield copied


@contextmanager
def copy_of(server: Server, original: Books) -> Iterator[Books]:
    """A copy of some books without connections; it is dropped afterwards."""
    name = f"books_{next(_numbers)}"
    source = original.url.partition("@/")[2].partition("?")[0]
    execute(server.url_of("postgres"), f"CREATE DATABASE {name} TEMPLATE {source}")
    url = server.url_of(name)
    yield Books(url, original.history)
    server.drop_database(url)
