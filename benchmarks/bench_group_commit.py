"""What does sharing a commit do as more clients come?

Setup: one embedded PostgreSQL, Suya's api, single payments in a closed loop over 1 to 256
connections. With one client a commit carries one payment; the batch should grow with the clients
and the rate with the batch, while the latency of a single client stays that of one commit.

What would change our mind: a rate that falls as connections are added.

    python benchmarks/bench_group_commit.py --seconds 5 --json --save
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import uvloop
from rich.table import Table

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.devkit.bench import Dataset, LoadProfile, run
from benchmarks import lab

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FIGURES = ("settled_per_s", "p50_ms", "p99_ms", "batch_mean", "retries", "errors")


def measure(api: lab.Api, dataset: Dataset, seconds: float) -> list[dict[str, Any]]:
    """The figures for every number of connections."""
    steps = []
    for connections in CONNECTIONS:
        plan = LoadProfile(connections=connections, seconds=seconds, warmup_s=2.0)
        report = uvloop.run(run(api.endpoint, dataset, plan))
        figures = {name: getattr(report, name) for name in FIGURES}
        rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}
        steps.append({"connections": connections, **rounded})
        lab.say(json.dumps(steps[-1]))
    return steps


def main() -> None:
    """Measure, and print one JSON object or a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10, help="of each window")
    lab.add_output_flags(parser)
    arguments = parser.parse_args()

    with lab.postgres() as server, lab.suya(server) as api:
        facts = lab.facts(server)
        dataset = uvloop.run(lab.open_wallets(api))
        lab.execute(server, "suya", "ANALYZE")
        steps = measure(api, dataset, arguments.seconds)
    result = {"steps": steps, **facts}
    rows = Table("connections", *FIGURES, title="Group commit")
    for step in steps:
        rows.add_row(*("-" if value is None else f"{value:,}" for value in step.values()))
    lab.publish("group-commit", result, rows, arguments)


if __name__ == "__main__":
    main()
