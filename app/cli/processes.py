"""Commands that run until they are stopped: dev, serve, worker, acquirer."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.context import load_settings, require_database, run

Home = Annotated[
    Path | None, typer.Option(help="Folder of the embedded database (default: .suya).")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")]
Port = Annotated[int | None, typer.Option(help="Port to listen on (default: 8000).")]
DatabaseUrl = Annotated[
    str | None, typer.Option(help="Database instead of the embedded one (or SUYA_DATABASE_URL).")
]
SupervisorPid = Annotated[int | None, typer.Option(hidden=True)]


def dev(
    home: Home = None,
    port: Port = None,
    logs: Annotated[bool, typer.Option("--logs", help="Show the logs of api and worker.")] = False,
) -> None:
    """Run everything on this machine, with a demo merchant.

    Ctrl-C stops the database and all processes; the next start goes on with the same data.

    Example: suya dev --port 8080
    """
    export(home=home, port=port)
    settings = load_settings()
    from app.devkit.dev import run_dev

    run_dev(settings, show_logs=logs)


def serve(
    host: Host = None,
    port: Port = None,
    home: Home = None,
    database_url: DatabaseUrl = None,
    supervisor_pid: SupervisorPid = None,
) -> None:
    """Serve the HTTP API.

    Example: suya serve --port 8001 --database-url postgresql+psycopg://u@h/db
    """
    export(host=host, port=port, home=home, database_url=database_url)
    settings = load_settings()
    require_database(settings)
    follow(supervisor_pid)
    from app.processes.serving import serve as serve_api

    serve_api(settings)


def worker(
    home: Home = None,
    database_url: DatabaseUrl = None,
    supervisor_pid: SupervisorPid = None,
) -> None:
    """Do the background work; any number of workers may run.

    It expires holds, deletes old idempotency keys, resumes flows and audits the books.

    Example: suya worker --home /var/lib/suya
    """
    export(home=home, database_url=database_url)
    settings = load_settings()
    require_database(settings)
    follow(supervisor_pid)
    from app.operate.verify import audit
    from app.processes.worker import run as run_worker

    run(run_worker(settings, audit))


def acquirer(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (default: 127.0.0.1).")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (default: 8010).")] = None,
    home: Home = None,
    supervisor_pid: SupervisorPid = None,
) -> None:
    """Serve a sandbox of a card network and of banks.

    It needs SUYA_ACQUIRER_KEY; docs/sandbox.md lists its test cards and faults.

    Example: suya acquirer --port 8010
    """
    export(acquirer_host=host, acquirer_port=port, home=home)
    settings = load_settings()
    follow(supervisor_pid)
    from app.sandbox.acquirer import serve as serve_acquirer

    run(serve_acquirer(settings))


def export(**flags: Any) -> None:
    """Export flags as variables: the processes that are started next read their own settings."""
    for name, value in flags.items():
        if value is not None:
            os.environ[f"SUYA_{name.upper()}"] = str(value)


def follow(supervisor_pid: int | None) -> None:
    if supervisor_pid is not None:
        from app.base.process import end_with_parent

        end_with_parent(supervisor_pid)
