"""The histories of the schema, as far as they can be read without the tool that applies them.

There are two histories, for there are two databases: that of the api and its workers, and that of
the vault, which no other process reads. Every process asks for the newest revision when it starts
and needs nothing else, so the revision is read from the names of the files.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

import schema

_CREATED = re.compile(r"^\s*CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)


class MigrationHistory(NamedTuple):
    """The revisions of one database."""

    name: str
    """As in the command that applies it."""
    folder: str
    """Of its revisions, under `schema/`."""
    version_table: str
    """Where a database says which revision it is at. Each history has its own, so that the one's
    database is never taken for the other's."""

    @property
    def home(self) -> Path:
        """The folder itself."""
        return Path(schema.__file__).parent / self.folder


MAIN: Final = MigrationHistory("", "versions", "alembic_version")
VAULT: Final = MigrationHistory("vault", "vault", "vault_version")


def _files(history: MigrationHistory) -> list[Path]:
    """Its revisions, oldest first: each is named by its file, whose number is its place."""
    return sorted(history.home.glob("[0-9]*.py"))


def head(history: MigrationHistory = MAIN) -> str:
    """The newest revision this code knows."""
    return _files(history)[-1].stem


def tables() -> frozenset[str]:
    """The tables that revisions ever made; what else is in a database is not ours."""
    texts = [path.read_text(encoding="utf-8") for path in _files(MAIN)]
    return frozenset(name for text in texts for name in _CREATED.findall(text))
