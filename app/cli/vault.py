"""`suya vault`: the process that keeps card numbers, its schema and its keys."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.context import load_settings, run
from app.cli.failures import CommandFailed
from app.cli.processes import DatabaseUrl, Home, Host, SupervisorPid, export, follow

if TYPE_CHECKING:
    from app.base.settings import Settings

app = typer.Typer(help="Keep card numbers, apart from everything else.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VaultPort = Annotated[int | None, typer.Option(help="Port to listen on (default: 8020).")]


@app.command()
def serve(
    host: Host = None,
    port: VaultPort = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    supervisor_pid: SupervisorPid = None,
) -> None:
    """Serve the vault.

    Example: suya vault serve --port 8020
    """
    export(host=host, vault_port=port, home=home, vault_database_url=database_url)
    settings = load_settings()
    _require_database(settings)
    follow(supervisor_pid)
    from app.vault import run as run_vault

    run(run_vault(settings))


@app.command()
def migrate(json: Json = False) -> None:
    """Bring the schema of the vault's database to this version's.

    Example: SUYA_VAULT_DATABASE_URL=postgresql+psycopg://vault@h/vault suya vault migrate
    """
    url = _require_database(load_settings())
    from app.engine.database import migrations

    applied = migrations.upgrade(url, migrations.VAULT)
    if json:
        output.write_json({"applied": applied, "head": migrations.head(migrations.VAULT)})
    elif applied:
        output.write("\n".join(f"Applied {revision}." for revision in applied))
    else:
        output.write(f"Nothing to do: the schema is at {migrations.head(migrations.VAULT)}.")


@app.command()
def rotate(
    *,
    only_master: Annotated[
        bool,
        typer.Option(
            "--only-master", help="Only wrap the data keys again; do not encrypt cards again."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Change the vault's keys while it serves: a new data key, under the first master key.

    If the command was interrupted, run it again to finish. To change the master key, put the new
    one before the old one in the file, rotate, and remove the old one.

    Example: suya vault rotate
    """
    settings = load_settings()
    url = _require_database(settings)
    from app.engine.database import Database, checks, faults, migrations
    from app.vault import MasterKeys, Rotated
    from app.vault import rotate as rotate_keys
    from app.vault.cipher import Ciphers

    async def work() -> Rotated:
        faults.arm(settings.faults)
        async with Database.open(settings, url) as database:
            await checks.check_schema(database, migrations.VAULT)
            with output.progress_bars() as show:
                return await rotate_keys(
                    database,
                    Ciphers(MasterKeys.load(settings)),
                    only_master=only_master,
                    progress=lambda count: show("cards", count, count),
                )

    done = run(work())
    if json:
        output.write_json(done)
        return
    output.write_table(
        ("", ""),
        [
            ("master key", done.master_key),
            ("keys wrapped again", done.keys_rewrapped),
            ("cards sealed again", done.cards_resealed),
            ("keys forgotten", done.keys_forgotten),
            ("finished an earlier rotation", "yes" if done.resumed else "no"),
        ],
    )


@app.command(name="new-key")
def new_key(
    file: Annotated[Path, typer.Argument(help="The file; the new key is put before those in it.")],
) -> None:
    """Make a master key, in a file that only its owner can read.

    Example: suya vault new-key /etc/suya/vault.key
    """
    from app.vault import new_master_key

    before = file.read_text("ascii") if file.exists() else ""
    fresh = file.with_name(f"{file.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandFailed(f"{fresh} cannot be made: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{new_master_key()}\n{before}")
    fresh.replace(file)
    output.write(f"The first master key in {file} is new; keep a copy where the database is not.")


def _require_database(settings: "Settings") -> str:
    """Return the URL of the vault's database; the embedded one must be running.

    Raises:
        CommandFailed: no database is configured, and the embedded one does not run.
    """
    if settings.vault_database_url is None:
        from app.engine.database.embedded import EmbeddedPostgres

        if not EmbeddedPostgres(settings.home).is_running():
            raise CommandFailed(
                f"No database runs under {settings.home}: start it with 'suya dev', "
                "or name the vault's by SUYA_VAULT_DATABASE_URL."
            )
    from app.vault import vault_database_url

    return vault_database_url(settings)
