"""One measured run: warm up, open the window, close it, wait for open requests, report."""

import contextlib
import gc
import time
from collections.abc import Iterator

import msgspec

from app.devkit.bench import metrics
from app.devkit.bench.client import Client, Endpoint
from app.devkit.bench.data import Dataset
from app.devkit.bench.load import ClosedLoop, Loop, OpenLoop
from app.devkit.bench.report import Measurement, SendMode, percentile
from app.devkit.bench.traffic import BulkPayments, SinglePayments, Traffic

LATE_P99_S_MAX = 0.020  # above this, latencies describe the generator and not the server


class LoadProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    mode: SendMode = SendMode.SINGLE
    connections: int = 128
    rate: float | None = None
    """Requests per second of an open loop; none means closed loop."""
    seconds: float = 20.0
    warmup_s: float = 3.0
    """Long enough for pools, caches and the planner's statistics of a running server."""
    hot_share: float = 0.0
    bulk_size: int = 1_000
    seed: int = 1


class _Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is read at both ends of the window and subtracted."""

    before: metrics.ServerCounters
    after: metrics.ServerCounters
    cpu_s: float


async def run(endpoint: Endpoint, dataset: Dataset, plan: LoadProfile) -> Measurement:
    """Measure one window of `plan`.

    Raises:
        OSError: the server was not reachable at the start.
        UnsupportedAnswer: it does not answer in HTTP/1.1 with Content-Length.
    """
    traffic = _traffic(endpoint, dataset, plan)
    loop: Loop = (
        ClosedLoop(endpoint, traffic, plan.connections)
        if plan.rate is None
        else OpenLoop(endpoint, traffic, plan.connections, plan.rate)
    )
    client = Client(endpoint)
    try:
        with _no_collections():
            await loop.start()
            await loop.sleep(plan.warmup_s)
            before = await metrics.scrape(client)
            loop.open_window()
            cpu_s = time.process_time()
            await loop.sleep(plan.seconds)
            loop.close_window()
            cpu_s = time.process_time() - cpu_s
            after = await metrics.scrape(client)
            await loop.drain()
    finally:
        loop.stop()
        client.close()
    return _report(plan, dataset, loop, _Window(before=before, after=after, cpu_s=cpu_s))


def _traffic(endpoint: Endpoint, dataset: Dataset, plan: LoadProfile) -> Traffic:
    if plan.mode is SendMode.SINGLE:
        return SinglePayments(endpoint, dataset.shops, hot_share=plan.hot_share, seed=plan.seed)
    return BulkPayments(
        endpoint,
        dataset.shops,
        hot_share=plan.hot_share,
        seed=plan.seed,
        size=plan.bulk_size,
    )


def _report(plan: LoadProfile, dataset: Dataset, loop: Loop, window: _Window) -> Measurement:
    tally = loop.tally
    window_s = loop.closed_at - loop.opened_at
    # An open loop's last answers may come after its window; dividing by the window alone would
    # credit a slow server with the rate that was sent.
    counted_s = max(window_s, tally.last_answer_at - loop.opened_at)
    ordered = sorted(tally.latencies_s)
    late_p99_s = percentile(sorted(loop.late_s), 0.99) if isinstance(loop, OpenLoop) else None
    lost_arrivals = tally.errors_by_kind["backlog full"] + tally.errors_by_kind["never sent"]
    return Measurement(
        settled_per_s=tally.settled / counted_s,
        p50_ms=_ms(percentile(ordered, 0.5)),
        p99_ms=_ms(percentile(ordered, 0.99)),
        p999_ms=_ms(percentile(ordered, 0.999)),
        max_ms=_ms(percentile(ordered, 1.0)),
        errors=tally.errors,
        refused=tally.refused,
        retries=metrics.retries_per_thousand(window.before, window.after, tally.settled),
        batch_mean=metrics.batch_mean(window.before, window.after),
        mode=plan.mode,
        connections=plan.connections,
        rate=plan.rate,
        seconds=window_s,
        hot_share=plan.hot_share,
        payments_per_request=plan.bulk_size if plan.mode is SendMode.BULK else 1,
        merchants=len(dataset.shops),
        wallets=dataset.wallet_count,
        requests=tally.requests,
        settled=tally.settled,
        errors_by_kind=dict(tally.errors_by_kind),
        generator_cpu_share=window.cpu_s / window_s,
        generator_us_per_request=1e6 * window.cpu_s / tally.requests if tally.requests else None,
        late_p99_ms=_ms(late_p99_s),
        backlog_max=loop.backlog_max if isinstance(loop, OpenLoop) else 0,
        kept_up=not lost_arrivals and (late_p99_s is None or late_p99_s <= LATE_P99_S_MAX),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector out of the window: its pauses would show as the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
