"""What do card payments cost, and whom does a slow acquirer slow down?

Setup: the sandbox's acquirer with 100 ms of latency, the vault, one api, one worker, an embedded
PostgreSQL and the load generator, all on this machine. Four questions: how many card payments
settle a second (two commits each); how much Suya adds to the acquirer's own answer when there is
nearly no load; how fast a worker resumes flows that a crash has left; and whether wallet payments
notice an acquirer that takes five seconds instead of a tenth.

What would change our mind: fewer than 800 settled a second, more than 15 ms added (p50), fewer than
1,000 resumed a second, wallets' p99 above 1.2 times what it is while the acquirer is well.

    python benchmarks/bench_cards.py --seconds 10 --runs 3 --unfinished 100000 --json --save
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import uvloop
from rich.table import Table

# Run as a plain script, Python knows this folder and not the project's.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.base import clock, ids
from app.base.queries import parse
from app.base.settings import Settings
from app.devkit.bench import Dataset, LoadProfile, run
from app.devkit.bench.client import Client
from app.domains.payments import model
from app.domains.payments.commands import OpenPayment
from app.domains.payments.model import Rail
from app.domains.payments.steps import open_payments
from app.engine.database import Database, GroupCommit
from app.engine.database.embedded import EmbeddedPostgres
from benchmarks import lab, rails_lab
from benchmarks.lab import say
from benchmarks.rails_lab import Rails, cpu_s

LATENCY_MS, SLOW_MS = 100, 5_000
MERCHANTS, CARDS = 10, 50
LOW_RATE, WALLET_RATE = 10.0, 200.0  # the second leaves half of two cores idle
SLOW_UNDER_WAY = 64  # card payments that wait for the acquirer at any time
UNFINISHED_BATCH = 512
ASKING = 64  # connections that ask the acquirer directly
AMOUNT = 500
RESUME_S_MAX = 600.0
RESUMED = {"answer_lost": True, "asked_of_nobody": False}
"""What a flow that is resumed has behind it -> whether the acquirer was asked."""


async def measure_cards(on: Rails, dataset: Dataset, seconds: float) -> dict[str, Any]:
    """Closed loop at 256 connections, and what each process spent on a payment."""
    processes = {"api": on.api, "vault": on.vault, "acquirer": on.acquirer}
    before = {name: cpu_s(each.process) for name, each in processes.items()}
    plan = LoadProfile(connections=256, seconds=seconds)
    report = await run(on.api.endpoint, dataset, plan)
    whole = report.settled_per_s * (seconds + plan.warmup_s)
    spent = {
        f"{name}_us_per_payment": 1e6 * (cpu_s(each.process) - before[name]) / whole
        for name, each in processes.items()
    }
    return {
        "settled_per_s": report.settled_per_s,
        "p50_ms": report.p50_ms,
        "p99_ms": report.p99_ms,
        "errors": report.errors,
        "errors_by_kind": report.errors_by_kind,
        "generator_us_per_payment": report.generator_us_per_request,
        **spent,
    }


async def measure_overhead(on: Rails, dataset: Dataset, seconds: float) -> dict[str, Any]:
    """Open loop at ten a second: what is left of p50 without the acquirer's own."""
    acquirer_ms = await _ask_acquirer(on, count=int(seconds * LOW_RATE))
    report = await run(
        on.api.endpoint, dataset, LoadProfile(connections=32, rate=LOW_RATE, seconds=seconds)
    )
    assert report.p50_ms is not None
    return {
        "p50_ms": report.p50_ms,
        "acquirer_p50_ms": acquirer_ms,
        "added_ms": report.p50_ms - acquirer_ms,
    }


async def _ask_acquirer(on: Rails, count: int) -> float:
    """The acquirer's own p50 (ms), asked for authorizations one by one without Suya."""
    client, taken = Client(on.acquirer.endpoint), []
    try:
        for number in range(count):
            began = time.monotonic()
            await _authorize(client, f"alone-{number}", "nobody")
            taken.append(1000 * (time.monotonic() - began))
    finally:
        client.close()
    return statistics.median(taken)


async def _authorize(client: Client, reference: str, merchant: str) -> None:
    """Ask the acquirer for an authorization as the vault would."""
    card = {"number": rails_lab.CARD, "exp_month": 12, "exp_year": 2040}
    content = {
        "reference": reference,
        "merchant": merchant,
        "amount": AMOUNT,
        "currency": "USD",
        "capture": True,
        "card": card,
    }
    key, body = rails_lab.KEYS["acquirer_key"], json.dumps(content).encode()
    status, raw = await client.call("POST", "/v1/authorizations", key, body=body)
    if status != HTTPStatus.OK:
        raise RuntimeError(f"the acquirer answered {status}: {raw[:300]!r}")


async def measure_isolation(on: Rails, cards: Dataset, seconds: float) -> dict[str, Any]:
    """Wallet payments at a constant rate: alone, and beside card payments at a constant rate.

    The acquirer answers those as usual, and then in five seconds. Rates and not connections: dozens
    that wait in step would end, and begin again, in one instant every five seconds.
    """
    wallets = await lab.open_wallets(on.api, merchants=10, accounts=500)
    plan = LoadProfile(connections=64, rate=WALLET_RATE, seconds=seconds)
    beside = LoadProfile(
        connections=2 * SLOW_UNDER_WAY, rate=1000 * SLOW_UNDER_WAY / SLOW_MS, seconds=seconds + 3
    )

    async def p99_ms(latency_ms: int | None) -> float:
        others = None
        if latency_ms is not None:
            on.script(latency_ms=latency_ms)
            others = asyncio.create_task(run(on.api.endpoint, cards, beside))
        report = await run(on.api.endpoint, wallets, plan)
        if others is not None:
            await others
        assert report.p99_ms is not None
        return report.p99_ms

    alone = await p99_ms(None)
    # In turns, and the median of three: a second's hiccup of a machine is a p99 of its own.
    pairs = [(await p99_ms(LATENCY_MS), await p99_ms(SLOW_MS)) for _ in range(3)]
    on.script()
    usual, slow = (statistics.median(p99s) for p99s in zip(*pairs, strict=True))
    return {
        "alone_p99_ms": alone,
        "beside_usual_p99_ms": usual,
        "beside_slow_p99_ms": slow,
        "ratio": slow / usual,
        "pairs_ms": pairs,
    }


async def leave_unfinished(server: EmbeddedPostgres, on: Rails, count: int, *, asked: bool) -> None:
    """What a crash leaves: payments that are held, and asked of nobody or of the acquirer."""
    settings = Settings.load({}, saga_lease_ms=100)
    client = Client(on.acquirer.endpoint, ASKING)
    async with Database.open(settings, server.url) as database:
        group = GroupCommit(database)
        rows = await _merchants_of(database)
        for at in range(0, count, UNFINISHED_BATCH):
            merchant, token = rows[(at // UNFINISHED_BATCH) % len(rows)]
            commands = [_command(merchant, token) for _ in range(min(UNFINISHED_BATCH, count - at))]
            deadline = clock.monotonic() + 60
            await group.submit(open_payments, "local", commands, deadline=deadline)
            if asked:
                name = ids.encode("merchant", merchant)
                references = [ids.encode("payment", c.payment_id) for c in commands]
                await asyncio.gather(*[_authorize(client, each, name) for each in references])
        await group.close(10)
    client.close()


async def _merchants_of(database: Database) -> list[tuple[Any, str]]:
    (query,) = parse(
        "-- name: list_cards\nSELECT merchant_id, min(CAST(id AS TEXT)) FROM payment_methods"
        " GROUP BY merchant_id"
    )
    rows = await database.read(query, {})
    return [(merchant, ids.encode("payment_method", UUID(card))) for merchant, card in rows]


def _command(merchant: Any, token: str) -> OpenPayment:
    return OpenPayment(
        region="local",
        merchant_id=merchant,
        intent=None,
        correlation_id=ids.encode("request", ids.new()),
        former_region=None,
        payment_id=ids.new(),
        transfer_id=ids.new(),
        account_id=model.receivable_account(merchant, "USD").id,
        amount_minor=AMOUNT,
        currency="USD",
        capture="automatic",
        description=None,
        metadata={},
        fee_bps=290,
        fee_fixed_minor=30,
        method="card",
        rail=Rail(route=("acquirer",), token=token, brand="visa", last4="4242"),
    )


async def measure_resume(
    server: EmbeddedPostgres, on: Rails, count: int, *, asked: bool
) -> dict[str, Any]:
    """How fast one worker resumes what a crash has left, with an acquirer without latency."""
    on.script(latency_ms=0)
    await leave_unfinished(server, on, count, asked=asked)
    running = "SELECT count(*) FROM sagas WHERE status = 'running'"
    ((before,),) = lab.execute(server, "suya", running)
    began = time.monotonic()
    left = before
    with rails_lab.worker(on.told) as process:
        while left and time.monotonic() - began < RESUME_S_MAX:
            await asyncio.sleep(0.5)
            ((left,),) = lab.execute(server, "suya", running)
        taken_s = time.monotonic() - began
        worker_s = cpu_s(process)
    done = before - left
    return {
        "unfinished": before,
        "left": left,
        "resumed_per_s": done / taken_s,
        "worker_us_per_flow": 1e6 * worker_s / done if done else None,
    }


async def measure(server: EmbeddedPostgres, on: Rails, flags: argparse.Namespace) -> dict[str, Any]:
    """All four questions."""
    dataset = await rails_lab.cards(on, merchants=MERCHANTS, each=CARDS)
    on.script(latency_ms=LATENCY_MS)
    result: dict[str, Any] = {}
    say("overhead at low load")
    result["overhead"] = await measure_overhead(on, dataset, flags.seconds)
    runs = []
    for number in range(flags.runs):
        say(f"card payments, run {number + 1} of {flags.runs}")
        runs.append(await measure_cards(on, dataset, flags.seconds))
    result["runs"] = runs
    result["cards"] = {
        name: statistics.median(each[name] for each in runs)
        for name in runs[0]
        if name != "errors_by_kind"
    }
    say("wallets beside a slow acquirer")
    result["isolation"] = await measure_isolation(on, dataset, flags.seconds)
    if flags.unfinished:
        for name, asked in RESUMED.items():
            say(f"resuming {flags.unfinished:,} flows, {name}")
            result[name] = await measure_resume(server, on, flags.unfinished, asked=asked)
    return result


def show(result: dict[str, Any]) -> Table:
    """The figures beside what they should be."""
    table = Table("question", "figure", "aim")
    cards, overhead = result["cards"], result["overhead"]
    table.add_row("card payments settled per second", f"{cards['settled_per_s']:.0f}", ">= 800")
    for name in ("api", "vault", "acquirer", "generator"):
        cost = cards[f"{name}_us_per_payment"]
        table.add_row(f"CPU of the {name} per payment", f"{cost:.0f} us", "")
    table.add_row("added at low load, p50", f"{overhead['added_ms']:.1f} ms", "< 15 ms")
    isolation = result["isolation"]
    table.add_row(
        "wallets' p99 when the acquirer takes 5 s and not 0.1 s",
        f"{isolation['ratio']:.2f} x",
        "<= 1.2 x",
    )
    table.add_row("wallets' p99 without card payments", f"{isolation['alone_p99_ms']:.1f} ms", "")
    for name in RESUMED.keys() & result.keys():
        resume = result[name]
        table.add_row(
            f"{resume['unfinished']:,} flows resumed per second, {name.replace('_', ' ')}",
            f"{resume['resumed_per_s']:.0f}",
            ">= 1,000",
        )
    return table


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each window")
    parser.add_argument("--runs", type=int, default=3, help="of the closed loop")
    parser.add_argument("--unfinished", type=int, default=100_000, help="flows to resume; 0: none")
    lab.add_output_flags(parser)
    flags = parser.parse_args()
    with lab.postgres() as server:
        facts = lab.facts(server)
        with rails_lab.rails(server) as on:
            result = uvloop.run(measure(server, on, flags))
    lab.publish("cards", {**facts, **result}, show(result), flags)


if __name__ == "__main__":
    main()
