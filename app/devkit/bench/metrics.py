"""The two figures that only the server knows, from its /metrics.

A server without these metrics (another product, a load balancer in front) is no fault: the report
then says null.
"""

from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from app.devkit.bench.client import Client, UnsupportedAnswer

RETRIES = "suya_commit_retries_total"
BATCH_SUM, BATCH_COUNT = "suya_batch_size_sum", "suya_batch_size_count"
BATCH_KIND = "open_payments"  # the lane of payments; other lanes would dilute the mean


class ServerCounters(NamedTuple):
    """Totals since the server started; none where it does not count."""

    retries: float | None = None
    batched: float | None = None
    batches: float | None = None


def parse(text: str) -> ServerCounters:
    """The totals in a Prometheus text exposition, summed over their labels."""
    totals: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        if family.name == RETRIES.removesuffix("_total"):
            totals[RETRIES] = 0.0  # a counter with labels has no sample before its first increment
        for sample in family.samples:
            if sample.name in {BATCH_SUM, BATCH_COUNT} and sample.labels.get("kind") != BATCH_KIND:
                continue
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
    return ServerCounters(totals.get(RETRIES), totals.get(BATCH_SUM), totals.get(BATCH_COUNT))


async def scrape(client: Client) -> ServerCounters:
    """The server's totals now; all None if it has no /metrics."""
    try:
        status, body = await client.call("GET", "/metrics", "")
    except (OSError, UnsupportedAnswer):
        return ServerCounters()
    return parse(body.decode()) if status == 200 else ServerCounters()


def retries_per_thousand(
    before: ServerCounters, after: ServerCounters, payments: int
) -> float | None:
    """Commits run again, per 1,000 settled payments."""
    if after.retries is None or not payments:
        return None
    return 1000 * (after.retries - (before.retries or 0.0)) / payments


def batch_mean(before: ServerCounters, after: ServerCounters) -> float | None:
    """Mean number of payments per commit."""
    if after.batched is None or after.batches is None:
        return None
    batches = after.batches - (before.batches or 0.0)
    return (after.batched - (before.batched or 0.0)) / batches if batches else None
