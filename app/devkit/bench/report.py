"""A run's figures: percentiles over every recorded sample, as JSON or as a table."""

import enum
from collections.abc import Sequence

import msgspec
from rich.table import Table


class SendMode(enum.StrEnum):
    """How payments are sent."""

    SINGLE = "single"
    """One payment per request."""
    BULK = "bulk"
    """Many payments of one merchant per request."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One measured window."""

    settled_per_s: float
    """Payments answered as created and captured, per second of the window."""
    p50_ms: float | None
    """Latency of requests; in an open loop from the moment each was due."""
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float | None
    errors: int
    """Payments neither settled nor refused: 5xx, other 4xx, no connection, a lost one or no answer;
    in an open loop also arrivals beyond the backlog's limit.
    """
    refused: int
    """Payments answered with 402 or 409: a rule refused them."""
    retries: float | None
    """Commits that the server repeated, per 1,000 settled payments; null if it does not say."""
    batch_mean: float | None
    """Payments per commit; null if the server does not say."""

    mode: SendMode
    connections: int
    rate: float | None
    """Arrivals (requests) per second of the open loop; null for the closed loop."""
    seconds: float
    """Length of the window; it begins after the warm-up."""
    hot_share: float
    payments_per_request: int
    merchants: int
    wallets: int
    requests: int
    """Answered in the window (closed loop) or due in it (open loop)."""
    settled: int
    errors_by_kind: dict[str, int]
    generator_cpu_share: float
    """Cores the generator itself used; it shares the machine with what it measures."""
    generator_us_per_request: float | None
    late_p99_ms: float | None
    """Open loop: how late the generator itself was; included in the latencies."""
    backlog_max: int
    """Open loop: most arrivals that waited for a free connection."""
    kept_up: bool
    """Open loop: whether the generator sent about as many requests as it should, about in time."""


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest sample that at least `share` (0..1] of all do not exceed; None without samples.

    Nearest rank: always a latency that happened, never an interpolation between two.
    """
    if not ordered:
        return None
    rank = -(-len(ordered) * round(share * 1_000_000) // 1_000_000)  # ceiling, exact in integers
    return ordered[max(rank, 1) - 1]


def table(report: Measurement) -> Table:
    """The report for people."""
    loop = f"open loop, {report.rate:g} requests/s" if report.rate else "closed loop"
    rows = Table(
        title=f"{report.mode}, {report.connections} connections, {loop}, {report.seconds:.0f} s",
        show_header=False,
        min_width=60,
    )
    rows.add_column(style="bold")
    rows.add_column(justify="right")
    rows.add_row("settled payments/s", f"{report.settled_per_s:,.0f}")
    for name in ("p50_ms", "p99_ms", "p999_ms", "max_ms", "retries", "batch_mean"):
        rows.add_row(_LABELS[name], _figure(getattr(report, name)))
    rows.add_row("refused", f"{report.refused:,}")
    rows.add_row("errors", f"{report.errors:,}", style="red" if report.errors else None)
    for kind, count in report.errors_by_kind.items():
        rows.add_row(f"  {kind}", f"{count:,}", style="red")
    rows.add_row("generator, cores", f"{report.generator_cpu_share:.2f}")
    rows.add_row("generator, us/request", _figure(report.generator_us_per_request))
    if not report.kept_up:
        rows.add_row("the generator could not keep up", _figure(report.late_p99_ms), style="red")
    return rows


_LABELS = {
    "p50_ms": "p50, ms",
    "p99_ms": "p99, ms",
    "p999_ms": "p99.9, ms",
    "max_ms": "max, ms",
    "retries": "retries per 1,000 payments",
    "batch_mean": "payments per commit",
}


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"
