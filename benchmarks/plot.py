"""Draw the newest results as the pictures of docs/measured.md.

Reads the newest file of each kind in benchmarks/results/ and writes docs/benchmark-<kind>.png.

    python benchmarks/plot.py
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import lab

DOCS = lab.ROOT / "docs"
OURS, OTHERS = "#c2410c", "#94a3b8"  # ember and ash
BARS = (
    # figure, name in the picture, whether it is ours
    ("bulk_per_s", "Suya, bulk", True),
    ("single_per_s", "Suya, single", True),
    ("hot_per_s", "Suya, one hot merchant", True),
    ("single_wallet_per_s", "Suya, one wallet pays all", True),
    ("pgbench_per_s", "pgbench TPC-B", False),
    ("naive_per_s", "naive peer", False),
    ("naive_hot_per_s", "naive peer, one hot merchant", False),
)
COSTS = (
    ("insert_us", "insert one payment (bulk)"),
    ("payment_ms", "read one payment"),
    ("page_ms", "read one page"),
    ("as_of_ms", "balance as of an instant"),
)


def newest(kind: str) -> dict[str, Any] | None:
    """The latest result of a kind, by the time it says itself."""
    results = [json.loads(path.read_text()) for path in lab.RESULTS.glob(f"*-{kind}.json")]
    return max(results, key=lambda result: str(result["at"]), default=None)


def draw_compare(result: dict[str, Any]) -> Figure:
    """Payments (or pgbench's transactions) per second, as bars."""
    bars = [bar for bar in BARS if result.get(bar[0]) is not None]
    figure = Figure(figsize=(8, 0.5 * len(bars) + 1.2), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(
        [name for _, name, _ in bars],
        [result[key] for key, _, _ in bars],
        color=[OURS if ours else OTHERS for _, _, ours in bars],
    )
    axes.bar_label(drawn, fmt="{:,.0f}", padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("settled payments per second")
    axes.set_title(_title(result))
    return figure


def draw_growth(result: dict[str, Any]) -> Figure:
    """Cost relative to the first mark, over the size of the history."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    payments = [mark["payments"] for mark in result["marks"]]
    for key, name in COSTS:
        axes.plot(payments, result["ratios"][key], marker="o", label=name)
    axes.axhline(1.25, color=OTHERS, linestyle="--", label="promised at most")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("payments in the history")
    axes.set_ylabel(f"cost, relative to {payments[0]:,} payments")
    axes.set_title(_title(result))
    axes.legend()
    return figure


def draw_group_commit(result: dict[str, Any]) -> Figure:
    """Rate and batch over the number of connections."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    connections = [step["connections"] for step in result["steps"]]
    axes.plot(connections, [s["settled_per_s"] for s in result["steps"]], marker="o", color=OURS)
    axes.set_xscale("log", base=2)
    axes.set_xticks(connections, [str(number) for number in connections])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("connections")
    axes.set_ylabel("settled payments per second", color=OURS)
    batches = axes.twinx()
    batches.plot(connections, [s["batch_mean"] for s in result["steps"]], marker="s", color=OTHERS)
    batches.set_ylim(bottom=0)
    batches.set_ylabel("payments per commit", color=OTHERS)
    axes.set_title(_title(result))
    return figure


def _title(result: dict[str, Any]) -> str:
    server = result["settings"]["server_version"]
    where = f"{result['machine']}, {result['cores']} cores, PostgreSQL {server}"
    return f"{where}, fsync {result['settings']['fsync']} ({result['commit']})"


def main() -> None:
    """Draw whatever there is."""
    mpl.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 10})
    drawings = {"compare": draw_compare, "growth": draw_growth, "group-commit": draw_group_commit}
    for kind, draw in drawings.items():
        result = newest(kind)
        if result is None:
            lab.say(f"there is no result of kind {kind} in {lab.RESULTS.relative_to(lab.ROOT)}")
            continue
        path = DOCS / f"benchmark-{kind}.png"
        draw(result).savefig(path, dpi=150)
        lab.say(f"drew {path.relative_to(lab.ROOT)} from {result['at']}")


if __name__ == "__main__":
    main()
