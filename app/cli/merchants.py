"""`suya merchants`: the tenants of the platform."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.context import load_settings, with_database
from app.cli.views import COLUMNS_OF_MERCHANT, merchant_row, merchant_view, parse_id

if TYPE_CHECKING:
    from app.domains.merchants import Merchant
    from app.engine.database import Database
    from app.operate.rehoming import MoveResult
    from app.operate.verify import Finding

app = typer.Typer(help="Create, list, show and move merchants.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Mode(StrEnum):
    """Whether a merchant's money is real."""

    TEST = "test"
    LIVE = "live"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    *,
    home_region: Annotated[
        str | None, typer.Option(help="Where its rows live (default: SUYA_REGION).")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Whether its money is real.")] = Mode.TEST,
    fee_bps: Annotated[
        int, typer.Option(min=0, max=10_000, help="Fee, in hundredths of a percent.")
    ] = 290,
    fee_fixed_minor: Annotated[
        int, typer.Option(min=0, help="Fee per payment, in minor units of its currency.")
    ] = 30,
    json: Json = False,
) -> None:
    """Create a merchant.

    Example: suya merchants create "Ada's suya" --fee-bps 150
    """
    from app.domains.merchants.admin import create_merchant

    region = home_region or load_settings().region
    merchant = with_database(
        lambda database: create_merchant(
            database,
            name=name,
            home_region=region,
            mode=mode.value,
            fee_bps=fee_bps,
            fee_fixed_minor=fee_fixed_minor,
        )
    )
    if json:
        output.write_json(merchant_view(merchant))
    else:
        output.write_table(COLUMNS_OF_MERCHANT, [merchant_row(merchant)])


@app.command(name="list")
def list_all(json: Json = False) -> None:
    """List all merchants.

    Example: suya merchants list --json
    """
    merchants = with_database(_every_merchant)
    if json:
        output.write_json({"data": [merchant_view(merchant) for merchant in merchants]})
    else:
        output.write_table(COLUMNS_OF_MERCHANT, map(merchant_row, merchants))


@app.command()
def show(
    merchant: Annotated[str, typer.Argument(help="Id of the merchant (mer_...).")],
    json: Json = False,
) -> None:
    """Show one merchant.

    Example: suya merchants show mer_01k9z3v5t8e0jr4x6m2n7q1w5y
    """
    from app.domains.merchants.admin import get_merchant

    merchant_id = parse_id("merchant", merchant)
    found = with_database(lambda database: get_merchant(database, merchant_id))
    if json:
        output.write_json(merchant_view(found))
    else:
        output.write_table(("field", "value"), merchant_view(found).items())


@app.command()
def rehome(
    merchant: Annotated[str, typer.Argument(help="Id of the merchant (mer_...).")],
    region: Annotated[str, typer.Argument(help="The new region of its rows.")],
    *,
    verify: Annotated[bool, typer.Option(help="Verify all books afterwards.")] = True,
    json: Json = False,
) -> None:
    """Move a merchant's rows to another region, while its payments go on.

    If the command was interrupted, run it again to finish. All processes must be of this version.

    Example: suya merchants rehome mer_01k9z3v5t8e0jr4x6m2n7q1w5y eu-west1
    """
    merchant_id = parse_id("merchant", merchant)
    from app.engine.database import checks, faults
    from app.operate.rehoming import rehome as rehome_merchant
    from app.operate.verify import verify_database

    async def work(database: "Database") -> "tuple[MoveResult, list[Finding]]":
        faults.arm(database.settings.faults)
        await checks.check_schema(database)
        with output.progress_bars() as show:
            moved = await rehome_merchant(database, merchant_id, region, progress=show)
            checked = verify and moved.former_region is not None
            return moved, await verify_database(database, show) if checked else []

    moved, findings = with_database(work)
    if json:
        output.write_json({"moved": moved, "findings": findings})
    else:
        _tell_moved(moved)
        if findings:
            output.write_table(
                ("check", "object", "detail"), [(f.check, f.object, f.detail) for f in findings]
            )
    if findings:
        raise typer.Exit(1)


def _tell_moved(moved: "MoveResult") -> None:
    if moved.former_region is None:
        output.write(f"Nothing to do: {moved.merchant} is at home in {moved.home_region}.")
        return
    output.write_table(("table", "rows moved"), moved.rows.items())
    output.write(
        f"{moved.merchant} is at home in {moved.home_region}, not in {moved.former_region}."
    )


async def _every_merchant(database: "Database") -> list["Merchant"]:
    from app.domains.merchants.admin import MERCHANTS_PAGE, list_merchants

    merchants = await list_merchants(database)
    while merchants and len(merchants) % MERCHANTS_PAGE == 0:
        page = await list_merchants(database, merchants[-1].id)
        if not page:
            break
        merchants += page
    return merchants
