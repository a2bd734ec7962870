"""How commands show results: tables for people, JSON for scripts, progress only on a terminal."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

_WIDTH_OF_PIPE = 200  # a table cut off at 80 columns would lose the ids a reader greps for


def write(text: str) -> None:
    """Write a line for people or scripts."""
    sys.stdout.write(f"{text}\n")


def write_json(value: Any) -> None:
    """Write `value` as indented JSON; structs become objects, ids strings."""
    import msgspec

    write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as a table for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    Console(width=None if sys.stdout.isatty() else _WIDTH_OF_PIPE).print(table)


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(sorted(map(str, value)))
    return "" if value is None else str(value)


def stderr() -> "Console":
    """Return the console for progress and remarks, which is stderr: scripts read stdout."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def status(text: str) -> Iterator[None]:
    """Show a spinner while something takes time; on a terminal only."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


@contextmanager
def progress_bars() -> Iterator["Callable[[str, int, int], None]"]:
    """Yield a function (what, done, total) that moves one bar per `what`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = stderr()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total)

        yield show
