"""Percentiles, and the server's own counters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devkit.bench.metrics import ServerCounters, batch_mean, parse, retries_per_thousand
from app.devkit.bench.report import percentile

_METRICS = """
# HELP suya_commit_retries_total Commits that ran again.
# TYPE suya_commit_retries_total counter
suya_commit_retries_total{reason="40001"} 7.0
suya_commit_retries_total{reason="connection_lost"} 2.0
# HELP suya_batch_size Commands per commit.
# TYPE suya_batch_size histogram
suya_batch_size_bucket{kind="open_payments",le="128.0"} 10.0
suya_batch_size_bucket{kind="open_payments",le="+Inf"} 10.0
suya_batch_size_count{kind="open_payments"} 10.0
suya_batch_size_sum{kind="open_payments"} 900.0
suya_batch_size_bucket{kind="capture_payments",le="+Inf"} 5.0
suya_batch_size_count{kind="capture_payments"} 5.0
suya_batch_size_sum{kind="capture_payments"} 5.0
"""


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [
        (1000, 0.5, 500),
        (1000, 0.99, 990),
        (1000, 0.999, 999),
        (1000, 1.0, 1000),
        (1001, 0.5, 501),
        (10, 0.99, 10),
        (1, 0.5, 1),
    ],
)
def test_a_percentile_is_a_sample(samples: int, share: float, expected: int) -> None:
    """Of the numbers 1 to n, the nearest rank is known without calculation."""
    assert percentile(range(1, samples + 1), share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.99, 0.999, 1.0]))
def test_a_percentile_is_the_smallest_that_covers_its_share(
    samples: list[float], share: float
) -> None:
    """At least the share is at or below it, and less than the share is below it."""
    value = percentile(sorted(samples), share)

    assert value is not None
    assert sum(sample <= value for sample in samples) >= share * len(samples) - 1e-6
    assert sum(sample < value for sample in samples) < share * len(samples)


def test_no_samples_have_no_percentile() -> None:
    """A run without answers says null and not zero."""
    assert percentile([], 0.99) is None


def test_the_servers_counters_are_read() -> None:
    """Retries are summed over their reasons; batches are those of payments alone."""
    assert parse(_METRICS) == ServerCounters(retries=9.0, batched=900.0, batches=10.0)


def test_a_server_without_the_metrics_says_nothing() -> None:
    """A missing counter is null and not zero."""
    counters = parse("# TYPE up gauge\nup 1\n")

    assert counters == ServerCounters()
    assert retries_per_thousand(counters, counters, 10) is None
    assert batch_mean(counters, counters) is None


def test_the_figures_are_of_the_window_alone() -> None:
    """Totals before the window are subtracted."""
    before, after = ServerCounters(5, 1_000, 100), ServerCounters(9, 21_000, 200)

    assert retries_per_thousand(before, after, 20_000) == pytest.approx(0.2)
    assert batch_mean(before, after) == pytest.approx(200)


def test_a_counter_without_increments_is_zero() -> None:
    """A counter with labels shows no sample before its first increment, but it is there."""
    counters = parse("# TYPE suya_commit_retries_total counter\n")

    assert counters == ServerCounters(retries=0.0)
    assert retries_per_thousand(counters, counters, 1_000) == 0
