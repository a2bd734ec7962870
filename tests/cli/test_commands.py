"""The command line: it explains itself, and a mistake is one sentence and an exit code."""

import json
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from app.cli.application import build
from tests.support.commands import COMMAND, COMMAND_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cli.conftest import Suya

COMMANDS = (
    *("dev", "serve", "worker", "migrate", "verify", "bench", "trace", "openapi", "doctor"),
    *("merchants create", "merchants list", "merchants show"),
    *("keys create", "keys list", "keys revoke"),
    *("regions show", "regions plan", "regions apply"),
    *("fx import", "fx rates"),
    *("chaos run", "chaos list", "chaos check"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    """The help of a command shows a line to copy."""
    words = command.split()
    result = CliRunner().invoke(build(words), [*words, "--help"])

    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"suya {command}" in " ".join(result.output.split("Example:")[1].split())


def test_the_list_of_commands_is_complete() -> None:
    """Help names each command once, with a sentence that is not cut off."""
    listed = CliRunner().invoke(build([]), ["--help"]).output.split("Commands:")[1]

    assert {command.split()[0] for command in COMMANDS} <= set(listed.split())
    assert "..." not in listed


def test_help_is_there_at_once(environ: "Mapping[str, str]") -> None:
    """Help imports nothing that takes long: no server, no database, no client."""
    # From nothing: what the tests fork commands from has imported all of it.
    result = subprocess.run(
        [*COMMAND, "--help"],
        env={**environ, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
    )

    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert result.returncode == 0
    assert "typer" in imported
    slow = {"litestar", "granian", "sqlalchemy", "psycopg", "aiohttp", "alembic"}
    assert imported & slow == set()


def test_all_faults_of_the_configuration_are_named(suya: "Suya") -> None:
    """An unknown variable and a bad value are both named, with exit code 2."""
    result = suya("migrate", SUYA_PROT="1", SUYA_PORT="none")

    assert result.returncode == 2
    assert "SUYA_PROT: unknown setting" in result.stderr
    assert "SUYA_PORT" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command", ["serve", "worker", "migrate", "verify", "trace req_1", "merchants list"]
)
def test_no_database_is_one_sentence(suya: "Suya", command: str) -> None:
    """Without a database every command says how to get one."""
    result = suya(*command.split())

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "suya dev" in result.stderr
    assert "SUYA_DATABASE_URL" in result.stderr


def test_an_unreachable_database_is_one_sentence(suya: "Suya", free_port: int) -> None:
    """A URL at which nothing answers ends the command without a traceback."""
    url = f"postgresql+psycopg://postgres@127.0.0.1:{free_port}/suya"

    for command in ("migrate", "serve"):
        result = suya(command, SUYA_DATABASE_URL=url)

        assert result.returncode == 1
        assert "database cannot be reached" in result.stderr
        assert "Traceback" not in result.stderr


def test_an_id_of_another_kind_is_refused(suya: "Suya") -> None:
    """A payment's id in the place of a merchant's is a sentence that shows the right form."""
    result = suya("merchants", "show", "pay_01k9z3v5t8e0jr4x6m2n7q1w5y")

    assert result.returncode == 1
    assert "mer_" in result.stderr


@pytest.mark.usefixtures("postgres")
def test_a_taken_port_is_one_sentence(suya: "Suya") -> None:
    """Neither `serve` nor `dev` starts on a port that is taken, and both say so."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        served = suya("serve", "--port", str(port))
        developed = suya("dev", "--port", str(port))

    for result in (served, developed):
        assert result.returncode == 1
        assert f"Port {port} of 127.0.0.1 cannot be used" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("postgres")
def test_serving_an_old_schema_is_refused(suya: "Suya", free_port: int) -> None:
    """An api does not start on an empty database, and names the command that migrates it."""
    result = suya("serve", "--port", str(free_port))

    assert result.returncode == 1
    assert "suya migrate" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("postgres")
def test_migrating_twice_changes_nothing(suya: "Suya") -> None:
    """The first run applies every revision, the second none."""
    first = json.loads(suya("migrate", "--json").stdout)
    second = json.loads(suya("migrate", "--json").stdout)

    assert first["applied"][-1] == first["head"]
    assert second == {"applied": [], "head": first["head"], "keys_expire": "worker"}


@pytest.mark.usefixtures("postgres")
def test_merchants_and_keys_are_made_shown_and_revoked(suya: "Suya") -> None:
    """What one command creates, the others find by the ids it printed."""
    suya("migrate")

    made = json.loads(
        suya("merchants", "create", "Ada's suya", "--fee-bps", "150", "--json").stdout
    )
    key = json.loads(suya("keys", "create", made["id"], "--scope", "read", "--json").stdout)
    shown = json.loads(suya("merchants", "show", made["id"], "--json").stdout)
    listed = json.loads(suya("merchants", "list", "--json").stdout)
    suya("keys", "revoke", key["id"])
    keys = json.loads(suya("keys", "list", made["id"], "--json").stdout)

    assert shown == made
    assert listed["data"] == [made]
    assert made["fee_bps"] == 150
    assert key["secret"].startswith("sk_test_")
    assert [(k["id"], k["scopes"], bool(k["revoked_at"])) for k in keys["data"]] == [
        (key["id"], ["read"], True)
    ]
    assert "secret" not in keys["data"][0]
    assert made["id"] in suya("merchants", "list").stdout


@pytest.mark.usefixtures("postgres")
def test_a_missing_merchant_is_one_sentence(suya: "Suya") -> None:
    """Asking for a merchant that does not exist ends with exit code 1 and its id."""
    suya("migrate")

    result = suya("merchants", "show", "mer_01k9z3v5t8e0jr4x6m2n7q1w5y")

    assert result.returncode == 1
    assert result.stderr == "There is no merchant mer_01k9z3v5t8e0jr4x6m2n7q1w5y.\n"


def test_an_unknown_scope_is_refused(suya: "Suya") -> None:
    """A misspelt scope names the ones there are."""
    result = suya("keys", "create", "mer_01k9z3v5t8e0jr4x6m2n7q1w5y", "--scope", "wirte")

    assert result.returncode == 1
    assert "wirte" in result.stderr
    assert "write" in result.stderr


def test_the_document_of_the_api_can_be_written(suya: "Suya", tmp_path: "Path") -> None:
    """`openapi --file` writes what `openapi` prints."""
    printed = suya("openapi").stdout
    suya("openapi", "--file", str(tmp_path / "openapi.json"))

    assert (tmp_path / "openapi.json").read_text() == printed
    assert json.loads(printed)["openapi"].startswith("3.1")


def test_the_application_has_no_command_twice() -> None:
    """Building it for any command line gives the same names."""
    names = [typer.main.get_command(build(words)) for words in ([], ["bench"])]

    assert sorted(names[0].commands) == sorted(names[1].commands)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("command", ["show", "plan", "apply"])
def test_regions_need_cockroachdb(suya: "Suya", command: str) -> None:
    """On PostgreSQL every command about regions is one sentence, and changes nothing."""
    result = suya("regions", command)

    assert result.returncode == 1
    assert result.stderr == (
        "Regions need CockroachDB, and this database is a PostgreSQL; nothing was changed.\n"
    )
