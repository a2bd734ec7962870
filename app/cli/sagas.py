"""`suya sagas`: the flows that have not ended, for people."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.context import with_database
from app.cli.failures import CommandFailed
from app.cli.views import COLUMNS_OF_FLOW, flow_row, flow_view, parse_id

if TYPE_CHECKING:
    from app.engine.database import Database
    from app.engine.saga import Flow

app = typer.Typer(help="List, show and retry flows that wait.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SagaId = Annotated[str, typer.Argument(help="Its id (saga_...).")]
FLOWS_MAX = 1_000  # more than a person reads; the metrics count all


@app.command(name="list")
def list_all(
    *,
    parked: Annotated[
        bool, typer.Option("--parked", help="Only flows that were given up.")
    ] = False,
    older_than_s: Annotated[
        int, typer.Option(min=0, help="Only flows that began at least so many seconds ago.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, max=FLOWS_MAX, help="How many.")] = 100,
    json: Json = False,
) -> None:
    """List the flows that have not ended.

    Example: suya sagas list --older-than-s 60
    """
    from app.base import clock
    from app.engine.saga import list_flows

    async def work(database: "Database") -> list["Flow"]:
        age, now = timedelta(seconds=older_than_s), clock.now()
        found = await list_flows(database, "parked", age, now, limit)
        if not parked:
            found += await list_flows(database, "running", age, now, limit)
        return found[:limit]

    flows = with_database(work)
    if json:
        output.write_json({"data": [flow_view(flow) for flow in flows]})
    else:
        output.write_table(COLUMNS_OF_FLOW, [flow_row(flow) for flow in flows])


@app.command()
def show(saga: SagaId, json: Json = False) -> None:
    """Show one flow with all its data.

    Example: suya sagas show saga_01m7wja69ceh5v2e3vcwyr9msk
    """
    from app.engine.saga import find_anywhere

    flow_id = parse_id("saga", saga)
    flow = with_database(lambda database: find_anywhere(database, flow_id))
    if flow is None:
        raise CommandFailed(f"There is no saga {saga}.")
    view = flow_view(flow)
    if json:
        output.write_json(view)
    else:
        output.write_table(("what", "value"), list(view.items()))


@app.command()
def retry(saga: SagaId) -> None:
    """Let a worker resume a flow now, also one that was given up.

    Example: suya sagas retry saga_01m7wja69ceh5v2e3vcwyr9msk
    """
    from app.engine.saga import find_anywhere, wake

    flow_id = parse_id("saga", saga)

    async def work(database: "Database") -> str:
        flow = await find_anywhere(database, flow_id)
        if flow is None:
            raise CommandFailed(f"There is no saga {saga}.")
        return await wake(database, flow)

    output.write(f"{saga}: {with_database(work)}")
