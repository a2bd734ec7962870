"""How many payments per second does Suya settle, beside the textbook way and PostgreSQL's own?

Setup: one embedded PostgreSQL with its durability on; Suya's api, the naive peer and pgbench on
it in one run; the load generator on the same machine. The parts alternate, each after a warm-up,
and each figure is the median of its runs, so that a slow minute of the machine hits all alike.
Throughput comes from closed loops, p99 from an open loop at 70 % of the measured rate. The peer
runs under two isolation levels, and the one that serves it better is what Suya is compared with.

What would change our mind: the floors at the end of this file.

    python benchmarks/compare.py --seconds 20 --json
"""

import argparse
import contextlib
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvloop
from rich.table import Table

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.devkit.bench import LoadProfile, Measurement, SendMode, run
from app.engine.database.embedded import EmbeddedPostgres
from benchmarks import lab, pgbench
from benchmarks.lab import Api, say

SIDE_S_MAX = 10.0  # figures that no floor depends on; the peer's settle within seconds
IDLE_S_MAX = 5.0  # one client's latency needs a thousand samples, not a long window
OPEN_LOOP_SHARE = 0.7  # of the single rate: busy, but not in the queue's own territory
CONNECTIONS, BULK_CONNECTIONS = 128, 4

Figures = dict[str, Any]


class Bench(NamedTuple):
    """Everything that is measured, running, and how long to measure it."""

    server: EmbeddedPostgres
    ours: Api
    serializable: Api
    read_committed: Api
    pgbench: Path | None
    seconds: float
    warmup: float


class Part(NamedTuple):
    """One measurement of a round."""

    name: str
    measure: Callable[[], Figures]
    """Figures by the end of their names, to which `name` is the beginning."""


def parts(bench: Bench) -> Iterator[Part]:
    """A round: what the floors depend on in full length, the rest shorter."""
    ours, rc, serializable = bench.ours, bench.read_committed, bench.serializable
    full = LoadProfile(connections=CONNECTIONS, seconds=bench.seconds, warmup_s=bench.warmup)
    hot = msgspec.structs.replace(full, hot_share=1.0)
    side = msgspec.structs.replace(full, seconds=min(bench.seconds, SIDE_S_MAX))
    side_hot = msgspec.structs.replace(side, hot_share=1.0)
    bulk = msgspec.structs.replace(full, mode=SendMode.BULK, connections=BULK_CONNECTIONS)
    idle = msgspec.structs.replace(
        full, connections=1, seconds=min(bench.seconds, IDLE_S_MAX), warmup_s=1.0
    )
    yield Part("single", lambda: load(ours, full))
    yield Part("naive_read_committed", lambda: load(rc, full))
    yield Part("bulk", lambda: load(ours, bulk))
    if bench.pgbench is not None:
        program = bench.pgbench
        yield Part("pgbench", lambda: {"per_s": pgbench.run(program, bench.server, bench.seconds)})
    yield Part("hot", lambda: load(ours, hot))
    yield Part("naive_serializable", lambda: load(serializable, side))
    yield Part("single_wallet", lambda: load(ours, full, single_wallet=True))
    yield Part("naive_read_committed_hot", lambda: load(rc, side_hot))
    yield Part("naive_serializable_hot", lambda: load(serializable, side_hot))
    yield Part("single_idle", lambda: load(ours, idle))
    yield Part("naive_idle", lambda: load(rc, idle))


def load(api: Api, plan: LoadProfile, *, single_wallet: bool = False) -> Figures:
    """Drive an api; what is said of one run."""
    assert api.dataset is not None
    dataset = api.dataset.only_one_wallet() if single_wallet else api.dataset
    report: Measurement = uvloop.run(run(api.endpoint, dataset, plan))
    return {
        "per_s": report.settled_per_s,
        "p50_ms": report.p50_ms,
        "p99_ms": report.p99_ms,
        "p999_ms": report.p999_ms,
        "errors": report.errors,
        "refused": report.refused,
        "retries": report.retries,
        "batch_mean": report.batch_mean,
        "generator_cpu_share": report.generator_cpu_share,
        "kept_up": report.kept_up,
    }


def measure(bench: Bench, runs: int) -> dict[str, list[Figures]]:
    """All parts in turn, `runs` times over, then the open loop at a rate that they yield."""
    measured: dict[str, list[Figures]] = defaultdict(list)

    def add(part: Part, number: int) -> None:
        figures = part.measure()
        measured[part.name].append(figures)
        say(f"{number}/{runs} {part.name}: {_line(figures)}")

    for number in range(1, runs + 1):
        for part in parts(bench):
            add(part, number)
    single_per_s = statistics.median(figures["per_s"] for figures in measured["single"])
    plan = LoadProfile(
        connections=CONNECTIONS,
        rate=max(1.0, OPEN_LOOP_SHARE * single_per_s),
        seconds=bench.seconds,
        warmup_s=bench.warmup,
    )
    for number in range(1, runs + 1):
        add(Part("single_open_loop", lambda: load(bench.ours, plan)), number)
    return measured


def summarize(measured: dict[str, list[Figures]], ours: Api) -> Figures:
    """The one object: medians under flat names, sums of errors, ratios, and every single run."""

    def median(part: str, figure: str = "per_s") -> float | None:
        values = [figures[figure] for figures in measured.get(part, ())]
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    def best(*names: str) -> float | None:
        return max(filter(None, map(median, names)), default=None)

    def total(figure: str, *, of_peer: bool) -> int:
        return sum(
            figures.get(figure, 0)
            for part, runs in measured.items()
            for figures in runs
            if part.startswith("naive") is of_peer
        )

    result: Figures = {f"{part}_per_s": median(part) for part in measured if "idle" not in part}
    result |= {
        "pgbench_per_s": median("pgbench"),
        "naive_per_s": best("naive_read_committed", "naive_serializable"),
        "naive_hot_per_s": best("naive_read_committed_hot", "naive_serializable_hot"),
        "single_p50_ms": median("single_open_loop", "p50_ms"),
        "single_p99_ms": median("single_open_loop", "p99_ms"),
        "single_p999_ms": median("single_open_loop", "p999_ms"),
        "single_idle_p50_ms": median("single_idle", "p50_ms"),
        "naive_idle_p50_ms": median("naive_idle", "p50_ms"),
        "single_batch_mean": median("single", "batch_mean"),
        "bulk_batch_mean": median("bulk", "batch_mean"),
        "errors": total("errors", of_peer=False),
        "refused": total("refused", of_peer=False),
        "naive_errors": total("errors", of_peer=True),
        "open_loop_kept_up": all(run["kept_up"] for run in measured["single_open_loop"]),
        "api_rss_mib": round(ours.rss_mib_max),
    }
    result["ratios"] = {
        "single_to_naive": _ratio(result["single_per_s"], result["naive_per_s"]),
        "bulk_to_naive": _ratio(result["bulk_per_s"], result["naive_per_s"]),
        "hot_to_single": _ratio(result["hot_per_s"], result["single_per_s"]),
        "single_wallet_to_single": _ratio(result["single_wallet_per_s"], result["single_per_s"]),
        "idle_to_naive": _ratio(result["single_idle_p50_ms"], result["naive_idle_p50_ms"]),
        "single_to_pgbench": _ratio(result["single_per_s"], result["pgbench_per_s"]),
        "bulk_to_pgbench": _ratio(result["bulk_per_s"], result["pgbench_per_s"]),
    }
    result["runs"] = measured
    rounded: Figures = _rounded(result)
    return rounded


def _ratio(of: float | None, to: float | None) -> float | None:
    return of / to if of is not None and to else None


def _rounded(value: Any) -> Any:
    """Three decimals are more than any of this repeats to."""
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value


def _line(figures: Figures) -> str:
    words = [f"{figures['per_s']:,.0f}/s"]
    words += [f"{name} {figures[name]:,.1f}" for name in ("p50_ms", "p99_ms") if figures.get(name)]
    words += [f"{name} {figures[name]}" for name in ("errors", "refused") if figures.get(name)]
    return ", ".join(words)


@contextlib.contextmanager
def running(arguments: argparse.Namespace) -> Iterator[Bench]:
    """Start and fill everything that is to be measured; stop it afterwards."""
    with contextlib.ExitStack() as stack:
        say("starting PostgreSQL, Suya and the peer")
        server = stack.enter_context(lab.postgres())
        lab.execute(server, "postgres", "CREATE DATABASE naive")
        ours = stack.enter_context(lab.suya(server))
        serializable = stack.enter_context(lab.naive(server, "naive", "SERIALIZABLE"))
        read_committed = stack.enter_context(lab.naive(server, "naive", "READ COMMITTED"))
        for api in (ours, read_committed):
            wallets = lab.open_wallets(
                api, merchants=arguments.merchants, accounts=arguments.accounts
            )
            api.dataset = uvloop.run(wallets)
        serializable.dataset = read_committed.dataset  # they share the database

        program = pgbench.find()
        if program is None:
            say("pgbench is not installed, so pgbench_per_s stays null")
        else:
            say(f"filling pgbench's tables at scale {arguments.pgbench_scale}")
            pgbench.initialize(program, server, arguments.pgbench_scale)
        for database in ("suya", "naive"):
            # What autovacuum does within a minute, before the first window instead of in it.
            lab.execute(server, database, "ANALYZE")
        yield Bench(
            server,
            ours,
            serializable,
            read_committed,
            program,
            arguments.seconds,
            arguments.warmup,
        )


def verdicts(result: Figures) -> Table:
    """The figures beside what was promised."""
    table = Table("figure", "measured", "floor", "", title="Suya compared")
    for name, at_least, limit in FLOORS:
        value = result["ratios"].get(name, result.get(name))
        if value is None:
            table.add_row(name, "-", f"{limit:,}", "not measured")
            continue
        reached = value >= limit if at_least else value <= limit
        sign = ">=" if at_least else "<="
        table.add_row(
            name, f"{value:,}", f"{sign} {limit:,}", "reached" if reached else "[red]missed[/red]"
        )
    return table


FLOORS = (
    # figure, whether the limit is the least (or else the most), limit
    ("single_per_s", True, 4_000),
    ("bulk_per_s", True, 10_000),
    ("errors", False, 0),
    ("single_p99_ms", False, 200),
    ("single_to_naive", True, 8),
    ("hot_to_single", True, 0.9),
    ("single_wallet_to_single", True, 0.5),
    ("idle_to_naive", False, 1.2),
    ("api_rss_mib", False, 300),
    ("single_to_pgbench", True, 1),
    ("bulk_to_pgbench", True, 2),
)


def main() -> None:
    """Measure, and print one JSON object or a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each window")
    parser.add_argument("--runs", type=int, default=3, help="of each part; medians are reported")
    parser.add_argument("--warmup", type=float, default=3, help="seconds of load before a window")
    parser.add_argument("--merchants", type=int, default=10)
    parser.add_argument("--accounts", type=int, default=10_000, help="wallets over all merchants")
    parser.add_argument("--pgbench-scale", type=int, default=100)
    lab.add_output_flags(parser)
    arguments = parser.parse_args()

    with running(arguments) as bench:
        facts = lab.facts(bench.server)
        measured = measure(bench, arguments.runs)
        result = summarize(measured, bench.ours)
    result |= facts | {"seconds": arguments.seconds, "runs_each": arguments.runs}
    lab.publish("compare", result, verdicts(result), arguments)


if __name__ == "__main__":
    main()
