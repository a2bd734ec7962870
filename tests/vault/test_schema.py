"""The vault's schema: every constraint listed, and nothing of it in the api's database."""

import re
from pathlib import Path

import schema
from tests.support.databases import Server, rows

NAMES = (
    "SELECT conrelid::REGCLASS::TEXT, conname FROM pg_constraint "
    "WHERE connamespace = 'public'::REGNAMESPACE AND contype IN ('c', 'f', 'p', 'u')"
)


def test_the_table_of_constraints_is_complete(server: Server) -> None:
    """`schema/vault/constraints.md` lists exactly the constraints there are."""
    found = {name for _, name in rows(server.new_vault_database(), NAMES)} - {"vault_version_pkc"}
    document = Path(schema.__file__).parent / "vault" / "constraints.md"

    listed = re.findall(r"^\| `(\w+)`", document.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(listed) == found


def test_constraints_are_named_after_their_table(server: Server) -> None:
    """A violation's name says where it happened."""
    found = rows(server.new_vault_database(), NAMES)

    assert [name for table, name in found if not name.startswith(table)] == []


def test_the_two_schemas_have_nothing_in_common(server: Server) -> None:
    """No table of the one is in the other, not even the one that holds the version."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    ours, theirs = (
        {name for (name,) in rows(url, tables)}
        for url in (server.new_vault_database(), server.new_database())
    )

    assert "cards" in ours
    assert ours & theirs == set()
