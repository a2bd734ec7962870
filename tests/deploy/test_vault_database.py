"""The role that the compose file makes for the vault: its own database is all it may use."""

import os
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from app.engine.database import embedded_host, migrations
from tests.support.compose import ROOT, SERVICES
from tests.support.databases import Server, connect, execute, rows

PASSWORD = "it's \\ a 'password'"  # noqa: S105 - of the tests


@pytest.fixture(scope="module")
def fresh() -> Iterator[Server]:
    """A PostgreSQL without the vault's database and role, as the image begins."""
    with Server() as server:
        for statement in (
            "DROP DATABASE suya_vault",
            "DROP ROLE suya_vault",
            "ALTER ROLE postgres PASSWORD 'the same'",
        ):
            execute(server.url_of("postgres"), statement)
        yield server


@pytest.fixture(scope="module")
def vault_url(fresh: Server) -> str:
    """The vault's address after the script ran."""
    [mounted] = [
        volume.split(":")[0]
        for volume in SERVICES["vault-database"]["volumes"]
        if "initdb" in volume
    ]
    program = embedded_host.install_dir() / "bin"
    subprocess.run(
        [ROOT / mounted],
        env={
            "PATH": f"{program}:{os.environ['PATH']}",
            "PGHOST": str(fresh.postgres.socket_dir),
            "VAULT_DATABASE_PASSWORD": PASSWORD,
        },
        check=True,
        timeout=30,
    )
    return fresh.postgres.vault_url


def test_the_vault_can_work_with_it(vault_url: str) -> None:
    """Its migrations run under that role."""
    assert migrations.upgrade(vault_url, migrations.VAULT)
    assert rows(vault_url, "SELECT count(*) FROM cards") == [(0,)]


def test_it_may_use_nothing_else(fresh: Server, vault_url: str) -> None:
    """It is no administrator, and no other database lets it in."""
    [may] = rows(
        vault_url,
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles"
        " WHERE rolname = current_user",
    )

    assert may == (False,)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        connect(vault_url.replace("/suya_vault?", "/postgres?"))


def test_the_password_is_its_own(fresh: Server, vault_url: str) -> None:
    """The role's password is stored hashed, and the administrator has none any more."""
    [(sealed,)] = rows(
        fresh.url_of("postgres"), "SELECT rolpassword FROM pg_authid WHERE rolname = 'suya_vault'"
    )
    [(other,)] = rows(
        fresh.url_of("postgres"), "SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'"
    )

    assert str(sealed).startswith("SCRAM-SHA-256$")
    assert other is None
