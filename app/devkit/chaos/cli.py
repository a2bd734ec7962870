"""`suya chaos run|list|check`."""

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import psycopg
import typer
from rich.console import Console
from rich.table import Table

from app.base.settings import Settings, SettingsError
from app.devkit.chaos import balancer, faults, timeline
from app.devkit.chaos.checker import check as check_history
from app.devkit.chaos.history import History, HistoryUnreadable
from app.devkit.chaos.plan import PROFILES, SCENARIOS, Kind, Scenario, draw, kinds_for
from app.devkit.chaos.reading import read_books
from app.devkit.chaos.report import ChaosReport, Measured, report, table, verdict
from app.devkit.chaos.run import ChaosPlan
from app.devkit.chaos.run import run as run_plan
from app.devkit.chaos.setup import NotPrepared
from app.devkit.chaos.start import make_target, why_not_target
from app.devkit.chaos.targets import CannotRun, Options, TargetKind
from app.devkit.cluster import ClusterError
from app.devkit.stack import DidNotStart
from app.engine.database.embedded import EmbeddedPostgresError
from app.operate.verify import verify

T = TypeVar("T")

RATES_PER_S = {
    # Two cores keep up with this rate, though they run everything else, too.
    TargetKind.EMBEDDED: 100,
    TargetKind.CLUSTER: 40,  # three nodes take most of the two cores
    TargetKind.COMPOSE: 100,
}
_CARD_RATE_PER_S = 20  # each passes a vault, an acquirer and two commits, all on this machine
_WIDTH_OF_PIPE = 200

app = typer.Typer(
    help="Break things under load, and check that no money was lost.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class Balancing(StrEnum):
    """Who chooses the api process for a request."""

    AUTO = "auto"
    """HAProxy where it is installed and the scenario is about api processes."""
    HAPROXY = "haproxy"
    NONE = "none"
    """The clients themselves, which go to the next address when one does not answer."""


_ABOUT_APIS = {Kind.API_KILL, Kind.API_PAUSE, Kind.ROLLING_RESTART}


@app.command()
def run(
    *,
    scenario: Annotated[str, typer.Option(help="Which; see 'suya chaos list'.")] = "storm",
    target: Annotated[
        TargetKind, typer.Option(help="The target; all but compose are started for the run.")
    ] = TargetKind.EMBEDDED,
    faults_: Annotated[
        int | None,
        typer.Option(
            "--faults", min=1, max=10_000, help="How many faults. Default: the scenario's."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The seed of faults and load. Default: a new one.")
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=5_000,
            help="Requests per second, whatever happens. Default: 100, on a local cluster 40,"
            " with payments by card 20.",
        ),
    ] = None,
    apis: Annotated[int, typer.Option(min=1, max=3, help="Api processes.")] = 2,
    balancing: Annotated[
        Balancing, typer.Option("--balancer", help="auto: HAProxy where it is about the apis.")
    ] = Balancing.AUTO,
    in_memory: Annotated[
        bool, typer.Option("--in-memory", help="A local cluster's data in the machine's memory.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Write a timeline (PNG) there.")] = None,
    history: Annotated[
        Path | None, typer.Option(help="Write the history there. Default: kept if it fails.")
    ] = None,
    keep: Annotated[bool, typer.Option(help="Keep the folder with data and logs.")] = False,
    json: Json = False,
) -> None:
    """Run a scenario under load, then check every request against the database.

    Exit code 0: nothing is wrong; 1: something was lost, doubled or otherwise wrong; 2: wrong
    arguments.

    Example: suya chaos run --scenario storm --target embedded --faults 20 --seed 7
    """
    chosen = _scenario(scenario, target)
    seed = _any_seed() if seed is None else seed
    injections = draw(chosen, target, faults_ or chosen.faults, seed)
    kinds = {injection.kind for injection in injections}
    options = Options(
        apis=apis,
        is_proxied=any(PROFILES[kind].is_proxied for kind in kinds),
        is_balanced=_is_balanced(balancing, kinds),
        has_rails=any(PROFILES[kind].is_outside for kind in kinds),
        is_in_memory=in_memory,
    )
    plan = ChaosPlan(
        scenario=scenario,
        seed=seed,
        rate_per_s=rate or (_CARD_RATE_PER_S if options.has_rails else RATES_PER_S[target]),
        injections=injections,
    )
    with _explained():
        if plot is not None:
            timeline.require()
        reason = why_not_target(target)
        if reason:
            raise CannotRun(f"The target {target} cannot be had here: {reason}.")
        found = _run_in_a_folder(plan, target, options, history=history, plot=plot, keep=keep)
    _show(found, json=json)


@app.command(name="list")
def list_all(*, json: Json = False) -> None:
    """List the scenarios, and on which targets each can run here.

    Example: suya chaos list
    """
    rows = []
    for scenario in SCENARIOS.values():
        where = {target: _why_not(scenario, target) for target in TargetKind}
        rows.append({"scenario": scenario.name, "what": scenario.what, "why_not": where})
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows)).decode() + "\n")
        return
    shown = Table("scenario", "what", *TargetKind, box=None)
    for scenario in SCENARIOS.values():
        where_not = [_why_not(scenario, target) or "yes" for target in TargetKind]
        shown.add_row(scenario.name, scenario.what, *where_not)
    _console().print(shown)


@app.command()
def check(
    *,
    file: Annotated[Path, typer.Argument(help="A history that a run has written.")],
    database_url: Annotated[
        str | None, typer.Option(help="The database it ran on (or SUYA_DATABASE_URL).")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a timeline (PNG) there.")] = None,
    json: Json = False,
) -> None:
    """Check an old history against the database it ran on.

    Example: suya chaos check history.jsonl --database-url cockroachdb+psycopg://root@h/suya
    """
    with _explained():
        settings = Settings.load(database_url=database_url)
        if settings.database_url is None:
            raise CannotRun("Name the database by --database-url or SUYA_DATABASE_URL.")
        found = asyncio.run(_check(file, settings.database_url.get_secret_value(), plot))
    _show(found, json=json)


async def _check(file: Path, url: str, plot: Path | None) -> ChaosReport:
    history = History.read(file)
    assert history.run is not None
    books = await read_books(url, history.run.shops)
    findings = check_history(history, books)
    measured = Measured(
        findings=findings, verify=await verify(url, lambda *_: None), history=str(file)
    )
    if plot is not None:
        timeline.draw(history, plot)
    return report(history, measured)


def _scenario(name: str, target: TargetKind) -> Scenario:
    if name not in SCENARIOS:
        raise typer.BadParameter(f"there is no scenario '{name}'; there are {', '.join(SCENARIOS)}")
    scenario = SCENARIOS[name]
    reason = _why_not(scenario, target)
    if reason:
        raise typer.BadParameter(f"'{name}' cannot run on {target}: {reason}")
    return scenario


def _why_not(scenario: Scenario, target: TargetKind) -> str:
    """Why a scenario cannot run on a target; empty if it can."""
    kinds = kinds_for(scenario, target)
    if not kinds:
        return "no such fault"
    reasons = [faults.why_not(kind) for kind in kinds]
    return reasons[0] if all(reasons) else ""


def _is_balanced(balancing: Balancing, kinds: set[Kind]) -> bool:
    if balancing is Balancing.AUTO:
        return kinds <= _ABOUT_APIS and not balancer.why_not()
    return balancing is Balancing.HAPROXY


def _any_seed() -> int:
    import secrets  # noqa: PLC0415 - only without a seed

    return secrets.randbelow(10**6)


def _run_in_a_folder(
    plan: ChaosPlan,
    kind: TargetKind,
    options: Options,
    *,
    history: Path | None,
    plot: Path | None,
    keep: bool,
) -> ChaosReport:
    _quiet()
    # Not in the home: the database may run under another account, which must reach its data.
    folder = Path(tempfile.mkdtemp(prefix="suya-chaos-"))
    written = history or folder / "history.jsonl"
    try:
        recorded = History.recorded(written)
        try:
            measured = _interruptible(
                run_plan(plan, make_target(kind, folder, options), recorded, _say)
            )
        finally:
            recorded.close()
        found = report(recorded, measured)
        if not found.passed and history is None and not keep:
            written = Path(shutil.copy(written, f"chaos-{plan.scenario}-{plan.seed}.jsonl"))
        if history is not None or keep or not found.passed:
            found = msgspec.structs.replace(found, history=str(written))
        if plot is not None:
            timeline.draw(recorded, plot)
        return found
    finally:
        if keep:
            _say(f"Data and logs are in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; Ctrl-C and SIGTERM cancel it, and it ends in order.

    Raises:
        CannotRun: one of them came.
    """

    async def main() -> T:
        task = asyncio.ensure_future(work)
        was_ended: list[signal.Signals] = []

        def end(how: signal.Signals) -> None:
            # A second one changes nothing: the task is ending already.
            if not was_ended:
                task.cancel()
            was_ended.append(how)

        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(how, end, how)
        return await task

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise CannotRun("interrupted; everything that was started is stopped") from None


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Print a known error as one sentence, and exit with 1."""
    try:
        yield
    except (
        CannotRun,
        ClusterError,
        EmbeddedPostgresError,
        HistoryUnreadable,
        NotPrepared,
        DidNotStart,
        SettingsError,
        psycopg.Error,
        timeline.PlottingMissing,
        OSError,
    ) as error:
        sys.stderr.write(f"suya chaos: {error}\n")
        raise typer.Exit(1) from None


def _quiet() -> None:
    """Silence the driver's warnings: connections break here all the time."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_PIPE)


def _show(found: ChaosReport, *, json: bool) -> None:
    if json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        _console().print(table(found))
        for line in verdict(found):
            sys.stdout.write(f"{line}\n")
        if found.history:
            sys.stdout.write(f"History: {found.history}\n")
    raise typer.Exit(0 if found.passed else 1)
