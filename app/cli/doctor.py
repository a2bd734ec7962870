"""`suya doctor`: finds what is wrong with an installation."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.context import load_settings, require_database, run
from app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from app.operate.doctor import Diagnosis


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check this installation; exit 1 if anything is wrong.

    It checks settings, database, schema, clocks, nodes, licence, worker and port, and changes
    nothing.

    Example: suya doctor --json
    """
    found = _look()
    if json:
        output.write_json({"found": found})
    else:
        rows = [(one.verdict, one.check, one.said, one.mend) for one in found]
        output.write_table(("", "check", "found", "to mend it"), rows)
    if any(one.verdict == "fail" for one in found):
        raise typer.Exit(1)


def _look() -> "list[Diagnosis]":
    from app.base.settings import SettingsError
    from app.operate.doctor import Diagnosis, examine

    try:
        settings = load_settings()
    except SettingsError as error:
        return [
            Diagnosis("settings", "fail", line, "correct or unset the variable")
            for line in str(error).splitlines()
        ]
    try:
        url = require_database(settings)
    except CommandFailed as error:
        return [Diagnosis("database", "fail", str(error), "suya dev")]
    with output.status("looking ..."):
        return run(examine(settings, url))
