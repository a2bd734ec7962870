"""How much of what CockroachDB can take does Suya take, on one node and on three?

Setup: a cluster of CockroachDB processes on this machine, in a folder on disk, every range fully
replicated; Suya's api, the naive peer and the load generator beside it. The ceiling is the
product's own statements, decided beforehand and only sent (benchmarks/ceiling.py), by as many
writers as serve it best. The parts alternate; each figure is the median of its runs.

What would change our mind: bulk or single below 60 % of the ceiling, or below eight times the peer.

    python benchmarks/bench_cluster.py --nodes 1,3 --seconds 10 --runs 3 --json --save
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
import sqlalchemy
import uvloop
from rich.table import Table

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.base.settings import Settings
from app.devkit.bench import LoadProfile, Measurement, SendMode, run
from app.devkit.cluster import LocalCluster
from app.engine.database import Database
from benchmarks import ceiling, lab
from benchmarks.lab import Api, say

WRITERS = (1, 2, 4)  # of the ceiling; on two cores more only wait for each other
CONNECTIONS, BULK_CONNECTIONS, NAIVE_CONNECTIONS = 256, 4, 32
FLOORS = (("bulk_to_ceiling", 0.6), ("single_to_ceiling", 0.6), ("single_to_naive", 8.0))
FIGURES = (
    *("ceiling_per_s", "bulk_per_s", "single_per_s", "naive_per_s", "bulk_to_ceiling"),
    *("single_to_ceiling", "single_to_naive", "bulk_to_naive", "errors", "bulk_retries"),
    *("single_retries", "naive_retries"),
)


class Bench(NamedTuple):
    """What is measured on one cluster."""

    ours: Api
    naive: Api
    ceiling_url: str
    seconds: float
    warmup: float


@contextlib.contextmanager
def cluster(nodes: int) -> Iterator[LocalCluster]:
    """A cluster of its own under the project (not /tmp, which may be memory), gone afterwards."""
    # Without this a SIGTERM would leave the nodes running, and the data where it is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    (lab.ROOT / ".suya").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-cluster-", dir=lab.ROOT / ".suya"))
    running = LocalCluster(folder)
    try:
        say(f"starting {nodes} node(s)")
        running.start(nodes=nodes)
        yield running
    finally:
        running.destroy()
        shutil.rmtree(folder, ignore_errors=True)


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement outside any transaction; its rows, if it has any."""
    target = sqlalchemy.make_url(url).set(drivername="postgresql")
    with psycopg.connect(target.render_as_string(hide_password=False), autocommit=True) as link:
        cursor = link.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def running(cluster_: LocalCluster, arguments: argparse.Namespace) -> Iterator[Bench]:
    """Suya and the peer on the cluster, with wallets to pay from."""
    urls = {name: cluster_.url(name) for name in ("suya", "ceiling", "naive")}
    for name in ("ceiling", "naive"):
        execute(urls["suya"], f"CREATE DATABASE {name}")
    lab.migrate(urls["ceiling"])
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(lab.suya_at(urls["suya"]))
        naive = stack.enter_context(lab.naive_at(urls["naive"], "SERIALIZABLE"))
        for api in (ours, naive):
            wallets = lab.open_wallets(api, merchants=10, accounts=arguments.accounts)
            api.dataset = uvloop.run(wallets)
        bench = Bench(ours, naive, urls["ceiling"], arguments.seconds, arguments.warmup)
        warm_up(bench)
        cluster_.wait_until_replicated()
        for url in urls.values():
            for (table,) in execute(url, "SELECT table_name FROM [SHOW TABLES]"):
                execute(url, f"ANALYZE {table}")  # as automatic statistics do in a minute
        yield bench


def warm_up(bench: Bench) -> None:
    """Put some rows into every table: of an empty one the planner believes that it stays so."""
    plan = LoadProfile(connections=32, seconds=2, warmup_s=0)
    for api in (bench.ours, bench.naive):
        load(api, plan)
    asyncio.run(best_ceiling(bench._replace(seconds=3.0)))


def parts(bench: Bench) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """One round."""
    single = LoadProfile(connections=CONNECTIONS, seconds=bench.seconds, warmup_s=bench.warmup)
    bulk = msgspec.structs.replace(single, mode=SendMode.BULK, connections=BULK_CONNECTIONS)
    peer = msgspec.structs.replace(single, connections=NAIVE_CONNECTIONS)
    yield "ceiling", lambda: {"per_s": asyncio.run(best_ceiling(bench))}
    yield "bulk", lambda: load(bench.ours, bulk)
    yield "single", lambda: load(bench.ours, single)
    yield "naive", lambda: load(bench.naive, peer)


async def best_ceiling(bench: Bench) -> float:
    """The statements alone, by the number of writers that serves them best."""
    rates = []
    for writers in WRITERS:
        settings = Settings.load({}, database_writers=writers)
        async with Database.open(settings, bench.ceiling_url) as database:
            seconds = bench.seconds / len(WRITERS)
            rates.append(await ceiling.measure(database, writers=writers, seconds=seconds))
    say(
        "ceiling by writers: "
        + ", ".join(f"{w}: {r:,.0f}/s" for w, r in zip(WRITERS, rates, strict=True))
    )
    return max(rates)


def load(api: Api, plan: LoadProfile) -> dict[str, Any]:
    """Drive an api."""
    assert api.dataset is not None
    report: Measurement = uvloop.run(run(api.endpoint, api.dataset, plan))
    return {
        "per_s": report.settled_per_s,
        "p50_ms": report.p50_ms,
        "p99_ms": report.p99_ms,
        "errors": report.errors,
        "retries": report.retries,
        "batch_mean": report.batch_mean,
    }


def measure(bench: Bench, runs: int) -> dict[str, Any]:
    """All parts in turn, `runs` times over, and their medians."""
    measured: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number in range(1, runs + 1):
        for name, part in parts(bench):
            figures = part()
            measured[name].append(figures)
            say(f"{number}/{runs} {name}: {figures['per_s']:,.0f}/s, {figures.get('retries')}")

    def median(name: str, figure: str = "per_s") -> float | None:
        known = [each[figure] for each in measured[name] if each.get(figure) is not None]
        return round(statistics.median(known), 3) if known else None

    result: dict[str, Any] = {f"{name}_per_s": median(name) for name in measured}
    result |= {f"{name}_retries": median(name, "retries") for name in ("bulk", "single", "naive")}
    result["errors"] = sum(each["errors"] for name in ("bulk", "single") for each in measured[name])
    for of in ("bulk", "single"):
        for to in ("ceiling", "naive"):
            below = result[f"{to}_per_s"]
            result[f"{of}_to_{to}"] = round(result[f"{of}_per_s"] / below, 3) if below else None
    return result | {"runs": measured}


def main() -> None:
    """Measure, and print one JSON object or a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", default="1,3", help="sizes of the clusters, one after the other")
    parser.add_argument("--seconds", type=float, default=10, help="of each window")
    parser.add_argument("--runs", type=int, default=3, help="of each part; medians are reported")
    parser.add_argument("--warmup", type=float, default=3, help="seconds of load before a window")
    parser.add_argument("--accounts", type=int, default=2_000, help="wallets over ten merchants")
    lab.add_output_flags(parser)
    arguments = parser.parse_args()

    clusters: dict[str, Any] = {}
    for nodes in map(int, arguments.nodes.split(",")):
        with cluster(nodes) as running_cluster, running(running_cluster, arguments) as bench:
            [(server,)] = execute(bench.ceiling_url, "SELECT version()")
            clusters[str(nodes)] = measure(bench, arguments.runs) | {"server": server}
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": lab.commit(),
        "machine": lab.machine(),
        "cores": os.cpu_count(),
        "seconds": arguments.seconds,
        "clusters": clusters,
    }
    table = Table("figure", *[f"{nodes} node(s)" for nodes in clusters], "floor", title="Cluster")
    floors = dict(FLOORS)
    for figure in FIGURES:
        values = [f"{clusters[nodes][figure]:,}" for nodes in clusters]
        table.add_row(figure, *values, f">= {floors[figure]}" if figure in floors else "")
    lab.publish("cluster", result, table, arguments)


if __name__ == "__main__":
    main()
