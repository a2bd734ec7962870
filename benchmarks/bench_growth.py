"""Does anything get slower as the history grows?

Setup: one embedded PostgreSQL, Suya's api, payments through the bulk endpoint. At each mark (10^5,
10^6, and with --to 1e7 also 10^7 payments) the rate of inserting is measured over three windows,
and the latency of three reads over things from anywhere in the history: one payment, the page that
begins behind it, and a balance as of its instant. The load generator reads them one by one.

What would change our mind: any of them more than 1.25 times the first mark's cost.

    python benchmarks/bench_growth.py --to 1e6 --json --save
"""

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import uvloop
from rich.table import Table

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.devkit.bench import Client, Dataset, Endpoint, LoadProfile, SendMode, run
from app.devkit.bench.load import ClosedLoop
from app.devkit.bench.traffic import BulkPayments, PaymentCounts
from app.engine.database.embedded import EmbeddedPostgres
from benchmarks import lab

FIRST_MARK = 100_000
WINDOWS, WINDOW_S = 3, 5.0
READS = 500  # of each kind and mark; the median of so many moves by less than 2 %
BULK_SIZE, BULK_CONNECTIONS = 1_000, 4
RATIO_MAX = 1.25
COSTS = ("insert_us", "payment_ms", "page_ms", "as_of_ms")


class Sight(NamedTuple):
    """A payment that was seen in an answer: enough to ask for it, and about it, later."""

    secret: str
    payment: str
    account: str
    created_at: str


class RememberingPayments(BulkPayments):
    """Bulk payments, of which the first one of every request is remembered."""

    def __init__(self, endpoint: Endpoint, dataset: Dataset, seed: int) -> None:
        super().__init__(endpoint, dataset.shops, hot_share=0.0, seed=seed, size=BULK_SIZE)
        self._secrets = {wallet: shop.secret for shop in dataset.shops for wallet in shop.wallets}
        self.seen: list[Sight] = []

    def judge(self, status: int, raw: bytes) -> PaymentCounts:
        """As ever; the payment is picked out of the text, because decoding 1,000 costs too much."""
        counts = super().judge(status, raw)
        if counts.settled:
            account = _text_of(raw, b'"account":"')
            sight = Sight(
                self._secrets[account],
                _text_of(raw, b'"payment":{"id":"'),
                account,
                _text_of(raw, b'"created_at":"'),
            )
            self.seen.append(sight)
        return counts


def _text_of(raw: bytes, before: bytes) -> str:
    start = raw.index(before) + len(before)
    return raw[start : raw.index(b'"', start)].decode()


async def fill(api: lab.Api, dataset: Dataset, payments: int, seed: int) -> list[Sight]:
    """Add `payments` payments, give or take a few bulk requests."""
    traffic = RememberingPayments(api.endpoint, dataset, seed)
    loop = ClosedLoop(api.endpoint, traffic, BULK_CONNECTIONS)
    loop.open_window()
    try:
        await loop.start()
        while loop.tally.settled < payments:
            await loop.sleep(0.2)
        loop.close_window()
        await loop.drain()
    finally:
        loop.stop()
    if loop.tally.errors or loop.tally.refused:
        raise RuntimeError(f"filling failed: {dict(loop.tally.errors_by_kind)}")
    return traffic.seen


async def insert_per_s(api: lab.Api, dataset: Dataset) -> float:
    """The bulk rate at the size the history has now."""
    plan = LoadProfile(
        mode=SendMode.BULK,
        connections=BULK_CONNECTIONS,
        bulk_size=BULK_SIZE,
        seconds=WINDOW_S,
        warmup_s=1.0,
    )
    reports = [await run(api.endpoint, dataset, plan) for _ in range(WINDOWS)]
    return statistics.median(report.settled_per_s for report in reports)


async def read_ms(api: lab.Api, sights: list[Sight]) -> dict[str, float]:
    """The median latency of each kind of read, over the same things."""
    paths = {
        "payment_ms": [f"/v1/payments/{sight.payment}" for sight in sights],
        "page_ms": [f"/v1/payments?limit=20&starting_after={sight.payment}" for sight in sights],
        "as_of_ms": [
            f"/v1/accounts/{sight.account}/balance?as_of={quote(sight.created_at)}"
            for sight in sights
        ],
    }
    client = Client(api.endpoint)
    medians = {}
    for kind, asked in paths.items():
        taken = []
        for path, sight in zip(asked, sights, strict=True):
            began_at = time.perf_counter()
            status, body = await client.call("GET", path, sight.secret)
            taken.append(time.perf_counter() - began_at)
            if status != 200:
                raise RuntimeError(f"GET {path} was answered with {status}: {body.decode()}")
        medians[kind] = statistics.median(taken) * 1000
    client.close()
    return medians


def measure(server: EmbeddedPostgres, api: lab.Api, last_mark: float) -> list[dict[str, Any]]:
    """The figures at every mark."""
    dataset = uvloop.run(lab.open_wallets(api))
    lab.execute(server, "suya", "ANALYZE")
    rng = random.Random(1)  # noqa: S311 - repeatable on purpose
    seen: list[Sight] = []
    marks = []
    mark, there = FIRST_MARK, 0
    while mark <= last_mark:
        began_at = time.perf_counter()
        seen += uvloop.run(fill(api, dataset, mark - there, seed=mark))
        lab.say(f"{mark:,} payments, filled in {time.perf_counter() - began_at:,.0f} s")
        per_s = uvloop.run(insert_per_s(api, dataset))
        figures = {"payments": mark, "insert_per_s": per_s, "insert_us": 1e6 / per_s}
        figures |= uvloop.run(read_ms(api, rng.choices(seen, k=READS)))
        [(size,)] = lab.execute(server, "suya", "SELECT pg_database_size('suya')")
        figures["database_mib"] = size / 2**20
        [(there,)] = lab.execute(server, "suya", "SELECT count(*) FROM payments")
        marks.append({name: round(value, 3) for name, value in figures.items()})
        lab.say(json.dumps(marks[-1]))
        mark *= 10
    return marks


def table(marks: list[dict[str, Any]]) -> Table:
    """Each mark with its ratio to the first."""
    rows = Table("payments", "insert/s", *COSTS, "database, MiB", title="Growth")
    for figures in marks:
        ratios = {name: figures[name] / marks[0][name] for name in COSTS}
        costs = [
            f"{figures[name]:,.2f} ({ratios[name]:.2f}x)"
            if ratios[name] <= RATIO_MAX
            else f"[red]{figures[name]:,.2f} ({ratios[name]:.2f}x)[/red]"
            for name in COSTS
        ]
        per_s, size = f"{figures['insert_per_s']:,.0f}", f"{figures['database_mib']:,.0f}"
        rows.add_row(f"{figures['payments']:,}", per_s, *costs, size)
    return rows


def main() -> None:
    """Measure, and print one JSON object or a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--to", type=float, default=1e6, help="last mark: 1e5, 1e6, 1e7 ...")
    lab.add_output_flags(parser)
    arguments = parser.parse_args()

    with lab.postgres() as server, lab.suya(server) as api:
        facts = lab.facts(server)
        marks = measure(server, api, arguments.to)
    ratios = {name: [round(mark[name] / marks[0][name], 3) for mark in marks] for name in COSTS}
    result = {"marks": marks, "ratios": ratios, "api_rss_mib": round(api.rss_mib_max), **facts}
    lab.publish("growth", result, table(marks), arguments)


if __name__ == "__main__":
    main()
