"""How many machines, and how many disks, for how many payments a second?

Setup: Suya under load on this machine, on the embedded PostgreSQL or on three local nodes of
CockroachDB. Measured: processor time per settled payment of the api and of the database (all nodes
together, so replication is in it), and how much the database grew per payment. The rest is
arithmetic over the assumptions below, each of which a flag changes; docs/scaling.md reads them out.

What would change our mind: processor time per payment that grows with the rate or with the history
(compare.py and bench_growth.py look for that), because then the arithmetic would not hold.

    python benchmarks/capacity.py --target cluster --seconds 20 --json --save
"""

import argparse
import contextlib
import math
import os
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import uvloop
from rich.table import Table

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.devkit.bench import LoadProfile, SendMode, run
from app.devkit.cluster import LocalCluster
from benchmarks import bench_cluster, lab
from benchmarks.lab import Api, say

RATES = (10_000, 50_000, 1_000_000)  # payments per second at the peak
YEARS, YEAR_S = 10, 365.25 * 86_400
KEPT_DAYS = 30  # of idempotency keys
MODES = {SendMode.SINGLE: 128, SendMode.BULK: 4}  # connections
_LIVE = re.compile(r"^totalbytes\{.*?\} ([0-9.e+]+)$", re.MULTILINE)


class Target(NamedTuple):
    """What is measured, running."""

    api: Api
    processes: Callable[[], list[psutil.Process]]
    """Those of the database."""
    size_bytes: Callable[[], float]
    """Of the data, one copy of it."""
    keys_bytes: Callable[[], float]
    """Of the idempotency keys, which are part of it and go after some weeks."""
    copies: int
    """How often the data is kept, by the processes that were measured."""


class Cost(NamedTuple):
    """What one settled payment takes."""

    api_us: float
    """Processor time of the api, microseconds."""
    database_us: float
    """Processor time of the database, all nodes together, microseconds."""
    kept_bytes: float
    """For ever: one copy, with its indexes."""
    key_bytes: float
    """For some weeks: the idempotency key with its answer."""


class Assumptions(NamedTuple):
    """What the arithmetic takes for granted."""

    utilisation: float
    """Share of a processor that is planned to be busy at the peak."""
    vcpus: int
    """Per machine."""
    speed: float
    """How much faster a processor there is than one here."""
    mean_share: float
    """The mean rate of a year as a share of the peak."""
    replicas: int
    """Copies of each row: 3 survive a zone, 5 a region."""
    compression: float
    """Bytes on the disk for a byte of data: pages of such rows shrink to about a half."""
    disk_tb: float
    """Of a database machine, of which no more than 60 % is planned to be full."""


@contextlib.contextmanager
def embedded(accounts: int) -> Iterator[Target]:
    """The embedded PostgreSQL."""
    with lab.postgres() as server, lab.suya(server) as api:
        api.dataset = uvloop.run(lab.open_wallets(api, accounts=accounts))

        def size() -> float:
            lab.execute(server, "suya", "CHECKPOINT")
            return float(lab.execute(server, "suya", "SELECT pg_database_size('suya')")[0][0])

        def family() -> list[psutil.Process]:
            pid = int((server.data_dir / "postmaster.pid").read_text().split()[0])
            return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]

        def keys() -> float:
            statement = "SELECT pg_total_relation_size('idempotency_keys')"
            return float(lab.execute(server, "suya", statement)[0][0])

        yield Target(api, family, size, keys, copies=1)


@contextlib.contextmanager
def clustered(accounts: int) -> Iterator[Target]:
    """Three nodes of CockroachDB."""
    with bench_cluster.cluster(3) as cluster, lab.suya_at(cluster.url()) as api:
        api.dataset = uvloop.run(lab.open_wallets(api, accounts=accounts))
        cluster.wait_until_replicated()

        def family() -> list[psutil.Process]:
            return [psutil.Process(node.pid) for node in cluster.status() if node.pid]

        def keys() -> float:
            # Their texts, and some hundred bytes of ids and times per row.
            [(size,)] = bench_cluster.execute(
                cluster.url(),
                "SELECT COALESCE(sum(length(key) + length(request) + length(body) + 100), 0)"
                " FROM idempotency_keys",
            )
            return float(size)

        yield Target(api, family, lambda: _live_bytes(cluster) / 3, keys, copies=3)


def _live_bytes(cluster: LocalCluster) -> float:
    """Bytes of keys and values over all nodes, before compression."""
    total = 0.0
    for node in cluster.status():
        address = f"http://127.0.0.1:{node.http_port}/_status/vars"
        with urllib.request.urlopen(address, timeout=10) as answer:
            total += sum(map(float, _LIVE.findall(answer.read().decode())))
    return total


def cpu_s(processes: list[psutil.Process]) -> float:
    """Processor time they have used so far."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def measure(target: Target, mode: SendMode, seconds: float) -> Cost:
    """What a payment costs under a steady load."""
    assert target.api.dataset is not None
    connections = MODES[mode]
    uvloop.run(run(target.api.endpoint, target.api.dataset, LoadProfile(
        mode=mode, connections=connections, seconds=3, warmup_s=0,
    )))  # fmt: skip
    plan = LoadProfile(mode=mode, connections=connections, seconds=seconds, warmup_s=0)
    api = target.api.process.tree()
    sizes = target.size_bytes(), target.keys_bytes()
    before = cpu_s(api), cpu_s(target.processes())
    report = uvloop.run(run(target.api.endpoint, target.api.dataset, plan))
    after = cpu_s(api), cpu_s(target.processes())
    time.sleep(10 if target.copies > 1 else 0)  # a node publishes its figures every ten seconds
    key_bytes = (target.keys_bytes() - sizes[1]) / report.settled
    cost = Cost(
        api_us=1e6 * (after[0] - before[0]) / report.settled,
        database_us=1e6 * (after[1] - before[1]) / report.settled,
        kept_bytes=(target.size_bytes() - sizes[0]) / report.settled - key_bytes,
        key_bytes=key_bytes,
    )
    say(f"{mode}: {report.settled_per_s:,.0f}/s, {cost}")
    return cost


def plan_for(rate: int, cost: Cost, to: Assumptions, copies: int) -> dict[str, Any]:
    """Machines and disks for a rate."""
    cores = {
        name: rate * us / 1e6 / to.utilisation / to.speed
        for name, us in (
            ("api", cost.api_us),
            # More copies than were measured cost as much again, each.
            ("database", cost.database_us * max(1.0, to.replicas / copies)),
        )
    }
    seconds = YEARS * YEAR_S * cost.kept_bytes + KEPT_DAYS * 86_400 * cost.key_bytes
    stored_tb = rate * to.mean_share * seconds * to.replicas * to.compression / 1e12
    by_disk = stored_tb / (to.disk_tb * 0.6)
    return {
        "rate": rate,
        "api_processes": math.ceil(cores["api"]),  # one core each
        "api_machines": max(2, math.ceil(cores["api"] / to.vcpus)),
        "database_vcpus": math.ceil(cores["database"]),
        "database_machines": max(to.replicas, math.ceil(cores["database"] / to.vcpus)),
        "storage_ten_years_tb": round(stored_tb, 1),
        "database_machines_by_disk": max(to.replicas, math.ceil(by_disk)),
    }


def main() -> None:
    """Measure, and print one JSON object or a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", choices=("embedded", "cluster"), default="embedded")
    parser.add_argument("--seconds", type=float, default=20, help="of each window")
    parser.add_argument("--accounts", type=int, default=2_000, help="wallets over ten merchants")
    parser.add_argument("--utilisation", type=float, default=0.6)
    parser.add_argument("--vcpus", type=int, default=16)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--mean-share", type=float, default=0.25)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--compression", type=float, default=0.5)
    parser.add_argument("--disk-tb", type=float, default=4.0)
    lab.add_output_flags(parser)
    given = parser.parse_args()
    assumed = Assumptions(*(getattr(given, name) for name in Assumptions._fields))

    make = embedded if given.target == "embedded" else clustered
    with make(given.accounts) as target:
        costs = {mode.value: measure(target, mode, given.seconds) for mode in MODES}
        copies = target.copies
    plans = {
        mode: [plan_for(rate, cost, assumed, copies) for rate in RATES]
        for mode, cost in costs.items()
    }
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": lab.commit(),
        "machine": lab.machine(),
        "cores": os.cpu_count(),
        "target": given.target,
        "cost": {mode: cost._asdict() for mode, cost in costs.items()},
        "assumptions": assumed._asdict(),
        "plans": plans,
    }
    table = Table("mode", *plans["single"][0], title=f"Capacity ({given.target})")
    for mode, rows in plans.items():
        for row in rows:
            table.add_row(mode, *(f"{value:,}" for value in row.values()))
    lab.publish(f"capacity-{given.target}", result, table, given)


if __name__ == "__main__":
    main()
