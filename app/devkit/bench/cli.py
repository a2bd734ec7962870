"""`suya bench`: load a running api and print what it settled."""

import asyncio
import contextlib
import sys
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from app.base.settings import Settings, SettingsError
from app.devkit.bench.client import Client, Endpoint, UnsupportedAnswer
from app.devkit.bench.data import Dataset, PreparationFailed, adopt, prepare
from app.devkit.bench.report import Measurement, SendMode, table
from app.devkit.bench.run import LoadProfile, run

PREPARATION_CONNECTIONS = 32  # wallets are opened this many at a time, so that they share commits
CONNECTIONS = {
    SendMode.SINGLE: 128,  # the number that the project quotes
    SendMode.BULK: 4,  # of 1,000 payments each: one always waits to be committed
}


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where the payments of a run come from."""

    endpoint: Endpoint
    key: str
    is_merchant: bool
    """Whether `key` is a merchant's or the admin's."""
    merchants: int
    accounts: int


def bench(
    *,
    mode: Annotated[
        SendMode, typer.Option(help="single: one payment per request; bulk: many.")
    ] = SendMode.SINGLE,
    connections: Annotated[
        int | None,
        typer.Option(min=1, max=4096, help="Connections. Default: 128, in bulk 4."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Requests per second at a constant rate (open loop); latencies count from the "
            "moment a request was due. Without it, each connection sends as it is answered.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of the measured window.")] = 20.0,
    warmup: Annotated[float, typer.Option(min=0, help="Seconds of load before it.")] = 3.0,
    hot_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of payments that go to one hot merchant.")
    ] = 0.0,
    single_wallet: Annotated[bool, typer.Option(help="One wallet pays everything.")] = False,
    merchants: Annotated[int, typer.Option(min=1, help="Merchants to open.")] = 10,
    accounts: Annotated[int, typer.Option(min=1, help="Wallets, over all merchants.")] = 10_000,
    bulk_size: Annotated[
        int, typer.Option(min=1, max=10_000, help="Payments per bulk request.")
    ] = 1_000,
    seed: Annotated[int, typer.Option(help="Of the choice of wallets and amounts.")] = 1,
    url: Annotated[
        str | None, typer.Option(help="Address of the api. Default: where SUYA_PORT says.")
    ] = None,
    admin_key: Annotated[
        str | None,
        typer.Option(help="Opens the merchants. Default: SUYA_ADMIN_KEY, else <home>/admin_key."),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(help="Pay as this merchant, from its wallets, instead of opening merchants."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Load a running api with payments and print how many it settled, and how fast.

    Example: suya bench --mode single --connections 64 --seconds 10 --hot-share 0.5 --json
    """
    plan = LoadProfile(
        mode=mode,
        connections=connections or CONNECTIONS[mode],
        rate=rate,
        seconds=seconds,
        warmup_s=warmup,
        hot_share=hot_share,
        bulk_size=bulk_size,
        seed=seed,
    )
    try:
        settings = Settings.load(admin_key=admin_key)
        source = _Source(
            endpoint=Endpoint(url or f"http://{settings.host}:{settings.port}"),
            key=api_key or _admin_key(settings),
            is_merchant=api_key is not None,
            merchants=1 if single_wallet else merchants,
            accounts=1 if single_wallet else accounts,
        )
        report = uvloop.run(_measure(source, plan))
    except (ValueError, SettingsError, PreparationFailed, UnsupportedAnswer) as error:
        raise _failure(str(error)) from None
    except OSError as error:
        raise _failure(f"the api does not answer (is `suya serve` running?): {error}") from None

    if json:
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        Console().print(table(report))


def _failure(reason: str) -> typer.Exit:
    sys.stderr.write(f"suya bench: {reason}\n")
    return typer.Exit(1)


def _admin_key(settings: Settings) -> str:
    """The admin key of the settings, or the one that `suya dev` left in the home.

    Raises:
        PreparationFailed: there is neither.
    """
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    with contextlib.suppress(FileNotFoundError):
        return (settings.home / "admin_key").read_text().strip()
    raise PreparationFailed("give --admin-key or SUYA_ADMIN_KEY, or --api-key of a merchant")


async def _measure(source: _Source, plan: LoadProfile) -> Measurement:
    """Prepare and run; stderr shows a progress bar for each if it is a terminal."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=2,  # drawing takes CPU time from what is measured
        disable=not console.is_terminal,
    )
    with bars:
        dataset = await _prepare(source, bars)
        running = bars.add_task("measuring, s", total=round(plan.warmup_s + plan.seconds))
        ticking = asyncio.create_task(_tick(bars, running))
        try:
            return await run(source.endpoint, dataset, plan)
        finally:
            ticking.cancel()


async def _prepare(source: _Source, bars: Progress) -> Dataset:
    preparing = bars.add_task("preparing wallets", total=source.accounts)

    def advance(wallets: int) -> None:
        bars.advance(preparing, wallets)

    client = Client(source.endpoint, PREPARATION_CONNECTIONS)
    try:
        if source.is_merchant:
            return await adopt(client, source.key, accounts=source.accounts, progress=advance)
        return await prepare(
            client,
            source.key,
            merchants=source.merchants,
            accounts=source.accounts,
            progress=advance,
        )
    finally:
        client.close()


async def _tick(bars: Progress, task: TaskID) -> None:
    while True:
        await asyncio.sleep(1)
        bars.advance(task)
