"""`suya payouts`: when merchants are paid out, and files for the bank."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from app.cli import output
from app.cli.context import load_settings, with_database, with_world
from app.cli.failures import CommandFailed
from app.cli.views import parse_id

if TYPE_CHECKING:
    from app.domains.payouts import PayoutFile
    from app.processors import World

app = typer.Typer(help="Set how merchants are paid out, and make files.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Schedule(StrEnum):
    """When a merchant is paid out."""

    MANUAL = "manual"
    DAILY = "daily"


@app.command()
def plan(
    merchant: Annotated[str, typer.Argument(help="Id of the merchant (mer_...).")],
    currency: Annotated[str, typer.Argument(help="ISO 4217 code, such as EUR.")],
    *,
    schedule: Annotated[
        Schedule, typer.Option(help="By request, or all that is available every day.")
    ] = Schedule.MANUAL,
    bank_account: Annotated[
        str | None, typer.Option(help="The bank account of daily payouts (ba_...).")
    ] = None,
    approval_minor: Annotated[
        int | None,
        typer.Option(min=0, help="Limit above which a second key approves (default: everybody's)."),
    ] = None,
    json: Json = False,
) -> None:
    """Set how a merchant is paid out in a currency; this replaces the former plan.

    Example: suya payouts plan mer_01k9... EUR --schedule daily --bank-account ba_01k9...
    """
    from app.base.money import EXPONENTS
    from app.domains.payouts import PayoutPlan
    from app.domains.payouts.admin import keep_plan

    if currency not in EXPONENTS:
        raise CommandFailed(f"'{currency}' is not an ISO 4217 currency code.")
    if schedule is Schedule.DAILY and bank_account is None:
        raise CommandFailed("Daily payouts need a bank account: name it by --bank-account.")
    made = PayoutPlan(
        merchant_id=parse_id("merchant", merchant),
        currency=currency,
        schedule=schedule.value,
        bank_account_id=parse_id("bank_account", bank_account) if bank_account else None,
        approval_minor=approval_minor,
    )
    with_database(lambda database: keep_plan(database, made))
    limit = "everybody's" if approval_minor is None else str(approval_minor)
    if json:
        output.write_json(
            {
                "merchant": merchant,
                "currency": currency,
                "schedule": schedule.value,
                "bank_account": bank_account,
                "approval_minor": approval_minor,
            }
        )
    else:
        output.write(f"{merchant} is paid out in {currency} {schedule}; limit: {limit}.")


@app.command()
def file(
    *,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="When the bank executes (default: now)."),
    ] = None,
    currency: Annotated[str, typer.Option(help="Of the payouts; SEPA takes euros only.")] = "EUR",
    folder: Annotated[
        Path | None, typer.Option(help="Write the files there as well, as <id>.xml.")
    ] = None,
    send: Annotated[bool, typer.Option(help="Give them to the bank.")] = True,
    json: Json = False,
) -> None:
    """Put the waiting payouts into a file (pain.001), and send it to the bank.

    Files that the bank has not confirmed are sent again. The worker does the same once a day.

    Example: suya payouts file --date 2026-01-31 --folder /var/spool/suya
    """
    from app.base import clock
    from app.domains.payouts.jobs import CURRENCY

    if currency != CURRENCY:
        raise CommandFailed(f"There are files for {CURRENCY}; {currency} goes one by one.")
    when = day.date() if day is not None else clock.now().date()
    if load_settings().payout_debtor_iban is None:
        raise CommandFailed("A file needs the account it pays from: set SUYA_PAYOUT_DEBTOR_IBAN.")
    files = with_world(lambda world: _make(world, when, send=send))
    for made in files if folder is not None else ():
        assert folder is not None
        folder.mkdir(parents=True, exist_ok=True)
        # Files contain account numbers, so only their owner may read them.
        path = folder / f"{made.name}.xml"
        path.touch(mode=0o600)
        path.write_text(made.content, encoding="utf-8")
    rows = [
        (made.name, made.region, str(made.day), made.payouts, made.sum_minor, made.status)
        for made in files
    ]
    columns = ("file", "region", "day", "payouts", "sum_minor", "status")
    if json:
        output.write_json({"data": [dict(zip(columns, row, strict=True)) for row in rows]})
    elif rows:
        output.write_table(columns, rows)
    else:
        output.write("Nothing waits for a file.")


@app.command()
def reject(
    file: Annotated[str, typer.Argument(help="Id of the file, as `suya payouts file` shows it.")],
    json: Json = False,
) -> None:
    """Mark a file as never taken by the bank, so that its payouts are booked back.

    Ask your bank first. This command asks it, too, about each payout: it must know none. The
    payouts fail with `file_rejected`, and their money is available again.

    Example: suya payouts reject 019b5a1f3c7e7d40a1b2c3d4e5f60718
    """
    from app.domains.payouts.admin import NotRejected, reject_file

    try:
        file_id = UUID(file)
    except ValueError as error:
        raise CommandFailed(f"'{file}' is no id of a file.") from error
    try:
        rejected = with_world(lambda world: reject_file(world, file_id))
    except NotRejected as error:
        raise CommandFailed(str(error)) from error
    done = rejected.payouts - rejected.waiting
    if json:
        output.write_json({"file": file_id.hex, "failed": done, "waiting": rejected.waiting})
        return
    output.write(f"File {file_id.hex} is rejected; {done} of {rejected.payouts} payouts failed.")
    if rejected.waiting:
        output.write(
            "Another process has the others in hand. Run the command again to see how they ended."
        )


@app.command()
def paid(
    payout: Annotated[str, typer.Argument(help="Id of the payout (po_...).")], json: Json = False
) -> None:
    """Book a payout as paid that had failed or was canceled here, and that its bank paid.

    The bank is asked first: it must say that it paid this amount. The money comes from what the
    merchant has available, which may then be less than nothing. Such payouts are among
    `suya sagas list --parked`. Where the bank takes the money back, `suya sagas retry` ends the
    flow instead.

    Example: suya payouts paid po_01k9...
    """
    from app.domains.payouts.admin import NotPaid, pay_after_all

    payout_id = parse_id("payout", payout)
    try:
        made = with_world(lambda world: pay_after_all(world, payout_id))
    except NotPaid as error:
        raise CommandFailed(str(error)) from error
    if json:
        output.write_json({"payout": made.name, "status": made.status})
    else:
        output.write(f"Payout {made.name} of {made.amount_minor} {made.currency} is paid.")


async def _make(world: "World", day: date, *, send: bool) -> "list[PayoutFile]":
    """Make and send the files of all regions; returns them in their new states."""
    from app.domains.merchants.admin import list_home_regions
    from app.domains.payouts import jobs, reads

    made: list[UUID] = []
    for region in await list_home_regions(world.database):
        new = await jobs.make_due(world.database, region, day)
        made += (await jobs.send_due(world, region)).files if send else [file.id for file in new]
    latest = [await reads.find_file(world.database, file_id) for file_id in made]
    return [each for each in latest if each is not None]
