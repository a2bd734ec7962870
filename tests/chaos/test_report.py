"""The report has exactly what the history has."""

import msgspec

from app.devkit.chaos.bare import longest_gap
from app.devkit.chaos.history import History
from app.devkit.chaos.model import (
    NO_ANSWER,
    Anomaly,
    Attempt,
    FaultMark,
    Operation,
    PhaseMark,
    Request,
    Run,
    Shop,
    Wrong,
)
from app.devkit.chaos.report import Measured, pacing, report, table, verdict

SHOP = Shop("mer_1", "local", 0, 0)
ASKED_FOR = {
    *("faults", "sent", "acknowledged", "refused", "unknown", "lost", "doubled", "availability"),
    *("longest_gap_s", "verify_findings"),
}


def history() -> History:
    """Ten seconds: a baseline of two payments, then a fault with a retry, a refusal, a silence."""
    made = History()
    made.add(Run("storm", "embedded", 7, 1, [SHOP]))
    for key, phase, at in (
        *(("k1", "baseline", 1.0), ("k2", "baseline", 2.0), ("k3", "storm", 5.0)),
        *(("k4", "storm", 6.0), ("k5", "storm", 7.0)),
    ):
        made.add(Request(key, Operation.PAYMENT, "mer_1", "/v1/payments", {}, phase, at, at))
    made.add(Request("g1", Operation.READ, "mer_1", "/v1/payments/p", None, "storm", 5.0, 5.0))
    refusal = '{"retry": "never", "code": "insufficient_funds"}'
    for answer in (
        Attempt("k1", 1, 1.1, 201, "{}"),
        Attempt("k2", 1, 2.1, 201, "{}"),
        Attempt("k3", 1, 5.5, NO_ANSWER, "connection lost"),
        Attempt("k3", 2, 6.5, 201, "{}"),
        Attempt("k4", 1, 6.2, 402, refusal),
        Attempt("k5", 1, 9.0, NO_ANSWER, "no answer"),
        Attempt("k5", 2, 20.0, 201, "{}", resolving=True),
        Attempt("g1", 1, 5.1, 200, "{}"),
    ):
        made.add(answer)
    made.add(PhaseMark("baseline", 0.0, 4.0))
    made.add(PhaseMark("storm", 4.0, 10.0))
    made.add(FaultMark(1, "api-kill", "api 1", "storm", 4.5, 6.0))
    return made


def test_the_figures_of_a_run() -> None:
    """Counts, availability with and without retries, and gaps, over all and per phase."""
    found = report(history(), Measured(findings=[], verify=[], bare_written_at=[1.0, 3.0, 9.0]))
    baseline, storm = found.phases

    assert (found.sent, found.acknowledged, found.refused, found.unknown) == (5, 3, 1, 1)
    assert (found.resolved, found.reads, found.faults) == (1, 1, 1)
    assert (found.availability, found.availability_first_try) == (0.8, 0.6)
    assert found.bare_longest_gap_s == 6.0
    assert (baseline.sent, baseline.availability, baseline.faults) == (2, 1.0, 0)
    assert (storm.sent, storm.acknowledged, storm.refused, storm.unknown) == (3, 1, 1, 1)
    assert storm.longest_gap_s == 3.5
    assert baseline.p99_ms == 100.0
    assert found.passed


def test_the_json_has_what_scripts_ask_for() -> None:
    """One object with the names that were agreed on."""
    found = report(history(), Measured(findings=[], verify=[]))
    decoded = msgspec.json.decode(msgspec.json.encode(found))

    assert decoded.keys() >= ASKED_FOR
    assert decoded["verify_findings"] == 0


def test_any_finding_fails_the_run() -> None:
    """A finding is counted by key, shown by name, and fails the run."""
    findings = [
        Anomaly(Wrong.LOST, "k1", "gone"),
        Anomaly(Wrong.LOST, "k1", "its transfer too"),
        Anomaly(Wrong.DOUBLED, "k3", "there twice"),
        Anomaly(Wrong.STALE, "k4", "could have paid"),
    ]
    found = report(history(), Measured(findings=findings, verify=[]))

    assert (found.lost, found.doubled, found.wrong) == (1, 1, 1)
    assert [phase.lost for phase in found.phases] == [1, 0]
    assert not found.passed
    assert verdict(found)[-1].startswith("FAIL: 1 faults")
    assert any("k3" in line for line in verdict(found))


def test_people_get_a_row_per_phase_and_one_for_all() -> None:
    """The table has as many rows as phases and one more."""
    found = report(history(), Measured(findings=[], verify=[]))

    assert table(found).row_count == 3
    assert verdict(found)[-1].startswith("PASS")


def test_a_generator_that_could_not_keep_its_pace_says_so() -> None:
    """Late or dropped arrivals are reported, and nothing else."""
    assert pacing(100, [0.001] * 100, 0).kept
    assert not pacing(100, [0.2] * 100, 0).kept
    assert not pacing(100, [0.001] * 100, 1).kept
    late = Measured(findings=[], verify=[], pacing=pacing(100, [0.2], 0))
    assert any("could not keep its pace" in line for line in verdict(report(history(), late)))


def test_a_gap_counts_from_edge_to_edge() -> None:
    """The time before the first and after the last success is part of it."""
    assert longest_gap([], 1.0, 4.0) == 3.0
    assert longest_gap([2.0, 2.5], 1.0, 4.0) == 1.5
    assert longest_gap([0.0, 9.0], 1.0, 4.0) == 3.0
