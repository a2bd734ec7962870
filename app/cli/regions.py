"""`suya regions`: the regions of a CockroachDB database."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.context import load_settings, require_database, run

if TYPE_CHECKING:
    from app.operate.regions import DatabaseRegions, Goal, RegionPlan, Statement

app = typer.Typer(help="Make the database multi-region (CockroachDB).", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Regions = Annotated[
    str | None,
    typer.Option(help="Comma separated, the primary first (or SUYA_REGIONS; default: all)."),
]


class Loss(StrEnum):
    """What a database survives without losing writes."""

    ZONE = "zone"
    REGION = "region"


Survive = Annotated[
    Loss | None,
    typer.Option(
        help="What a loss must not harm: zone, region (or SUYA_SURVIVE; default: as it is)."
    ),
]


@app.command()
def show(json: Json = False) -> None:
    """Show the database's regions, what it survives, and where each table's rows live.

    Example: suya regions show
    """
    settings = load_settings()
    require_database(settings)
    from app.engine.database import Database
    from app.operate.regions import read_state

    async def work() -> "DatabaseRegions":
        async with Database.open(settings) as database:
            return await read_state(database)

    state = run(work())
    if json:
        output.write_json(state)
        return
    primary = f"primary {state.primary}, survives the loss of a {state.goal}"
    output.write(f"database  {state.database}: {primary if state.primary else 'in one region'}")
    output.write(f"regions   {', '.join(state.regions) or 'none'}")
    output.write(f"cluster   {', '.join(state.cluster) or 'no node names its region'}")
    output.write(f"merchants at home in {', '.join(state.homes) or 'no region yet'}\n")
    rows = [(table.name, table.locality or "in one region") for table in state.tables]
    output.write_table(("table", "rows live"), rows)


@app.command()
def plan(regions: Regions = None, survive: Survive = None, json: Json = False) -> None:
    """Print the statements that 'apply' would run; change nothing.

    Example: suya regions plan --regions eu-west1,us-east1,ap-south1 --survive region
    """
    settings = load_settings(regions=regions, survive=survive and survive.value)
    require_database(settings)
    from app.engine.database import Database
    from app.operate.regions import make_plan

    async def work() -> "RegionPlan":
        async with Database.open(settings) as database:
            return await make_plan(database, settings.regions, settings.survive)

    planned = run(work())
    if json:
        output.write_json({"statements": planned.statements, "remarks": planned.remarks})
        return
    for statement in planned.statements:
        output.write(f"-- {statement.why}\n{statement.sql};")
    if not planned.statements:
        output.write("-- Nothing to do: the database is as it should be.")
    _remark(planned.remarks)


@app.command()
def apply(regions: Regions = None, survive: Survive = None, json: Json = False) -> None:
    """Make the database multi-region, while payments go on; it may be run again.

    Run it again after a migration that adds tables, and to add a region. A cluster without the
    licence stays as it is: the command says so, and does not fail.

    Example: suya regions apply --regions eu-west1,us-east1,ap-south1 --survive region
    """
    settings = load_settings(regions=regions, survive=survive and survive.value)
    require_database(settings)
    from app.engine.database import Database
    from app.operate.regions import NoLicence, make_plan
    from app.operate.regions import apply as apply_plan

    def tell(statement: "Statement") -> None:
        if not json:
            output.write(f"-- {statement.why}\n{statement.sql};")

    async def work() -> "tuple[list[Statement], tuple[str, ...]]":
        async with Database.open(settings) as database:
            goal: Goal | None = settings.survive
            done = await apply_plan(database, settings.regions, goal, tell)
            return done, (await make_plan(database, settings.regions, goal)).remarks

    try:
        done, remarks = run(work())
    except NoLicence as error:
        if json:
            output.write_json({"done": [], "refused": error.message})
        else:
            _remark((error.message,))
        return
    if json:
        output.write_json({"done": done, "remarks": remarks})
        return
    output.write(
        f"Done: {len(done)} statements." if done else "Nothing to do: it is as it should be."
    )
    _remark(remarks)


def _remark(remarks: tuple[str, ...]) -> None:
    for remark in remarks:
        output.stderr().print(f"Note: {remark}", highlight=False, soft_wrap=True)
