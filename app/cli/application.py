"""All commands under one name."""

from collections.abc import Sequence

import typer

from app.cli import (
    doctor,
    fx,
    keys,
    merchants,
    operations,
    payouts,
    processes,
    regions,
    sagas,
    vault,
)


def build(words: Sequence[str]) -> typer.Typer:
    """Build the application for a command line that begins with `words`."""
    app = typer.Typer(
        name="suya",
        help="A payments platform that does not lose money.",
        no_args_is_help=True,
        add_completion=False,
        # Plain help appears in a quarter of a second, and its examples can be copied whole.
        rich_markup_mode=None,
        context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
        # A traceback means a bug. It is plain, because the pretty one is longer than a screen.
        pretty_exceptions_enable=False,
    )
    for command in (
        *(processes.dev, processes.serve, processes.worker, processes.acquirer),
        *(operations.migrate, operations.verify, operations.trace, operations.openapi),
        doctor.doctor,
    ):
        app.command()(command)
    _add_bench(app, words)
    _add_chaos(app, words)
    app.add_typer(merchants.app, name="merchants")
    app.add_typer(keys.app, name="keys")
    app.add_typer(regions.app, name="regions")
    app.add_typer(sagas.app, name="sagas")
    app.add_typer(vault.app, name="vault")
    app.add_typer(fx.app, name="fx")
    app.add_typer(payouts.app, name="payouts")
    return app


def _add_bench(app: typer.Typer, words: Sequence[str]) -> None:
    """Register `bench` whole only when it is called: its imports take half a second."""
    command = _bench_elsewhere
    if list(words[:1]) == ["bench"]:
        from app.devkit.bench.cli import bench as command
    app.command(name="bench", short_help="Measure a running api.")(command)


def _bench_elsewhere() -> None:
    """A stand-in with the same help, for the list of commands."""


def _add_chaos(app: typer.Typer, words: Sequence[str]) -> None:
    """Register `chaos` whole only when it is called, as `bench`."""
    short_help = "Break things under load, and check that no money was lost."
    if list(words[:1]) == ["chaos"]:
        from app.devkit.chaos.cli import app as chaos

        app.add_typer(chaos, name="chaos", short_help=short_help)
    else:
        app.command(name="chaos", short_help=short_help)(_chaos_elsewhere)


def _chaos_elsewhere() -> None:
    """A stand-in with the same help, for the list of commands."""
