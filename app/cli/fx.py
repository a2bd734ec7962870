"""`suya fx`: the rates that conversions use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.context import with_database
from app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from app.domains.fx.admin import Imported
    from app.engine.database import Database

app = typer.Typer(help="Import and show exchange rates.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A eurofxref file: XML, CSV, or zipped.")],
    json: Json = False,
) -> None:
    """Import the European Central Bank's reference rates.

    The file replaces the rates of days that were imported before; a quote keeps its rate.

    Example: suya fx import eurofxref-daily.xml
    """
    from app.domains.fx.admin import import_rates
    from app.domains.fx.formats import BYTES_MAX, NotRates, parse

    try:
        with file.open("rb") as opened:
            content = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from None
    if len(content) > BYTES_MAX:
        raise CommandFailed(f"{file} is larger than {BYTES_MAX} bytes.")

    async def work(database: "Database") -> "Imported":
        return await import_rates(database, days)

    try:
        days = parse(content)
        imported = with_database(work)
    except NotRates as error:
        raise CommandFailed(f"{file} is no eurofxref file: {error}.") from None
    if json:
        output.write_json(imported)
    else:
        newest = imported.newest.isoformat()
        output.write(f"Imported {imported.rates} rates; the newest are of {newest}.")


@app.command()
def rates(json: Json = False) -> None:
    """Show the newest imported rates: units of each currency for one euro.

    Example: suya fx rates
    """
    from app.domains.fx.model import rate_text
    from app.domains.fx.reads import ECB, list_latest_rates

    found = with_database(lambda database: list_latest_rates(database, ECB))
    if not found:
        raise CommandFailed("No rates were imported: see 'suya fx import --help'.")
    shown = [(day.isoformat(), currency, rate_text(rate)) for day, currency, rate in found]
    columns = ("day", "currency", "rate")
    if json:
        output.write_json({"data": [dict(zip(columns, row, strict=True)) for row in shown]})
    else:
        output.write_table(columns, shown)
