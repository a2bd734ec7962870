"""Commands on a database and on the application: migrate, verify, trace, openapi."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import output
from app.cli.context import load_settings, require_database, run
from app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from app.base.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def migrate(json: Json = False) -> None:
    """Migrate the database's schema to this version's.

    Example: SUYA_DATABASE_URL=cockroachdb+psycopg://root@h/db suya migrate
    """
    settings = load_settings()
    url = require_database(settings)
    from app.engine.database import Database, migrations
    from app.operate.regions import set_ttl

    async def expire_keys() -> bool:
        async with Database.open(settings) as database:
            return await set_ttl(database)

    with output.status("migrating ..."):
        applied = migrations.upgrade(url)
        by_database = run(expire_keys())
    if json:
        swept_by = "database" if by_database else "worker"
        output.write_json({"applied": applied, "head": migrations.head(), "keys_expire": swept_by})
        return
    if applied:
        output.write("\n".join(f"Applied {revision}." for revision in applied))
    else:
        output.write(f"Nothing to do: the schema is at {migrations.head()}.")
    if by_database:
        output.write("Idempotency keys expire in the database itself.")


def verify(
    *,
    json: Json = False,
    against_acquirer: Annotated[
        bool, typer.Option("--against-acquirer", help="Compare with the acquirer's books instead.")
    ] = False,
    settle_s: Annotated[
        float, typer.Option(min=0, help="How long to compare again what disagrees.")
    ] = 5.0,
) -> None:
    """Check every promise; exit 1 if anything is wrong.

    The whole database is read as of one moment, while payments go on. With --against-acquirer, all
    records of the acquirer are compared with this database; unfinished ones are counted as open.

    Example: suya verify --json
    """
    settings = load_settings()
    url = require_database(settings)
    if against_acquirer:
        _verify_against_acquirer(settings, url, settle_s=settle_s, json=json)
        return
    from app.operate.verify import report

    with output.progress_bars() as show:
        found = run(report(url, show))
    findings = found.findings
    if json:
        output.write_json(found)
    elif findings:
        output.write_table(
            ("check", "object", "detail"), [(f.check, f.object, f.detail) for f in findings]
        )
    else:
        output.write("Nothing found: the books are in order.")
    if found.parked and not json:
        output.write(f"Flows that wait for people: {found.parked} (suya sagas list --parked).")
    if findings:
        raise typer.Exit(1)


def _verify_against_acquirer(
    settings: "Settings", url: str, *, settle_s: float, json: bool
) -> None:
    from app.operate.verify import AcquirerSilent, compare

    if settings.acquirer_url is None or settings.acquirer_key is None:
        raise CommandFailed("There is no acquirer: set SUYA_ACQUIRER_URL and SUYA_ACQUIRER_KEY.")
    try:
        found = run(compare(url, settings, settle_s=settle_s))
    except AcquirerSilent as error:
        raise CommandFailed(str(error)) from error
    if json:
        output.write_json(found)
    else:
        columns = ("kind", "there", "agreed", "open", "disagreed")
        output.write_table(
            columns, [(k.kind, k.there, k.agreed, k.open, k.disagreed) for k in found.kinds]
        )
        if found.findings:
            rows = [(f.kind, f.object, f.detail) for f in found.findings]
            output.write_table(("kind", "object", "detail"), rows)
        else:
            output.write("Nothing found: both books agree.")
    if found.findings:
        raise typer.Exit(1)


def trace(
    correlation_id: Annotated[
        str, typer.Argument(help="The X-Request-Id of an answer, or a payment's id.")
    ],
    json: Json = False,
) -> None:
    """Print everything one request caused, in order.

    A payment's id prints the payment's whole life.

    Example: suya trace req_01k9z3v5t8e0jr4x6m2n7q1w5y
    """
    url = require_database(load_settings())
    from app.operate.trace import trace as trace_request

    steps = run(trace_request(url, correlation_id))
    if json:
        output.write_json({"steps": steps})
    elif steps:
        output.write_table(
            ("at", "what", "object", "detail"),
            [(step.at.isoformat(), step.what, step.object, step.detail) for step in steps],
        )
    if not steps:
        raise CommandFailed(f"Nothing carries the id {correlation_id}.")


def openapi(
    file: Annotated[Path | None, typer.Option(help="Write there instead of to stdout.")] = None,
) -> None:
    """Print the OpenAPI document of the HTTP API.

    Example: suya openapi --file openapi.json
    """
    settings = load_settings()
    import msgspec

    from app import __version__
    from app.api.http.openapi import document
    from app.processes.api import create_app

    edge: Any = create_app(settings)
    spec = msgspec.json.encode(document(edge.app.routes, __version__))
    text = msgspec.json.format(spec, indent=2).decode()
    if file is None:
        output.write(text)
    else:
        file.write_text(f"{text}\n", encoding="utf-8")
