"""A picture of a run: throughput, latency and the faults over time."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from app.devkit.bench.report import percentile
from app.devkit.chaos.history import History
from app.devkit.chaos.model import Operation, Outcome
from app.devkit.chaos.setup import PREPARATION

_BIN_S = 0.5  # fine enough for an outage of a second, coarse enough for a line

_COLOURS = {
    Outcome.ACKNOWLEDGED: "#2a7f62",
    Outcome.REFUSED: "#e0a030",
    Outcome.UNKNOWN: "#b03030",
}


class PlottingMissing(Exception):
    """A picture needs matplotlib: pip install matplotlib (or the project's extra 'dev')."""

    def __str__(self) -> str:
        return self.__doc__ or ""


def require() -> Any:
    """The plotting library.

    Raises:
        PlottingMissing: it is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415 - half a second, and not always installed
    except ImportError:
        raise PlottingMissing from None
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    return plt


def draw(history: History, path: Path) -> None:
    """Write the timeline of a history to an image file.

    Raises:
        PlottingMissing: matplotlib is not installed.
    """
    pyplot = require()
    run = history.run
    assert run is not None
    began_at = min((mark.began_at for mark in history.phases), default=0.0)
    ended_at = max((mark.ended_at for mark in history.phases), default=began_at + 1)
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(12, 6.5), sharex=True)
    _draw_throughput(above, history, began_at)
    _draw_latency(below, history, began_at)
    for axis in (above, below):
        axis.set_xlim(0, ended_at - began_at)
        axis.grid(alpha=0.3)
        for fault in history.faults:
            axis.axvspan(
                fault.began_at - began_at, fault.healed_at - began_at, color="#b03030", alpha=0.15
            )
    _name_faults(above, history, began_at)
    title = f"{run.scenario} on {run.target}, seed {run.seed}: {len(history.faults)} faults"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    above.set_ylabel("requests per second")
    above.legend(loc="lower left", fontsize=8)
    below.set_ylabel("ms to a decision")
    below.set_xlabel("seconds")
    below.legend(loc="upper left", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_throughput(axis: Any, history: History, began_at: float) -> None:
    counts: dict[Outcome, dict[int, int]] = {outcome: defaultdict(int) for outcome in Outcome}
    for request in history.requests.values():
        if request.phase == PREPARATION or request.operation is Operation.READ:
            continue
        decision = history.decision(request.key)
        if decision is None or decision.resolving:
            counts[Outcome.UNKNOWN][int((request.due_at - began_at) / _BIN_S)] += 1
        else:
            counts[decision.outcome][int((decision.at - began_at) / _BIN_S)] += 1
    last = max((max(bins, default=0) for bins in counts.values()), default=0)
    for outcome, bins in counts.items():
        values = [bins[number] / _BIN_S for number in range(last + 1)]
        instants = [number * _BIN_S for number in range(last + 1)]
        axis.plot(instants, values, color=_COLOURS[outcome], label=str(outcome), linewidth=1)


def _draw_latency(axis: Any, history: History, began_at: float) -> None:
    bins: dict[int, list[float]] = defaultdict(list)
    for request in history.requests.values():
        decision = history.decision(request.key)
        if request.phase != PREPARATION and decision is not None and not decision.resolving:
            due = int((request.due_at - began_at) / _BIN_S)
            bins[due].append((decision.at - request.due_at) * 1000)
    instants = [number * _BIN_S for number in sorted(bins)]
    for share, style in ((0.5, "-"), (0.99, ":")):
        values = [percentile(sorted(bins[number]), share) for number in sorted(bins)]
        axis.plot(instants, values, style, color="#205080", label=f"p{share * 100:.0f}")
    axis.set_yscale("log")


def _name_faults(axis: Any, history: History, began_at: float) -> None:
    if len(history.faults) > 40:
        return  # their names would cover each other
    for fault in history.faults:
        axis.annotate(
            fault.kind,
            (fault.began_at - began_at, 1.0),
            xycoords=("data", "axes fraction"),
            rotation=35,
            fontsize=6,
            va="bottom",
        )
