"""The result of a run: figures per phase and over all, a verdict, as JSON or as a table."""

from collections.abc import Sequence

import msgspec
from rich.table import Table

from app.devkit.bench.report import percentile
from app.devkit.chaos.bare import longest_gap
from app.devkit.chaos.card_report import CardReport, card_report, told
from app.devkit.chaos.history import History
from app.devkit.chaos.model import Anomaly, Operation, Outcome, Request, Wrong
from app.devkit.chaos.setup import PREPARATION
from app.operate.verify import Finding as VerifyFinding

LATE_P99_S_MAX = 0.050  # above this, the generator and not the server is what was measured
_NOT_WRITING = frozenset({Operation.READ})


class PhaseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The writing requests that were due in one phase."""

    phase: str
    seconds: float
    faults: int
    sent: int
    acknowledged: int
    refused: int
    unknown: int
    """Not decided within the client's time limit."""
    lost: int
    doubled: int
    availability: float | None
    """Share that was decided within the client's time limit, including retries."""
    availability_first_try: float | None
    """Share that was decided by its first try."""
    longest_gap_s: float
    """Longest time without an acknowledgement."""
    p50_ms: float | None
    """From the instant a request was due to its decision."""
    p99_ms: float | None


class Pacing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the generator sent what it should."""

    rate_per_s: int
    late_p99_ms: float | None
    dropped: int
    kept: bool


class ChaosReport(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    scenario: str
    target: str
    seed: int
    faults: int
    """Faults that were injected."""
    sent: int
    acknowledged: int
    refused: int
    unknown: int
    resolved: int
    """How many of the unknown outcomes the same key found out afterwards."""
    lost: int
    doubled: int
    wrong: int
    """Other findings of the checker."""
    availability: float | None
    availability_first_try: float | None
    longest_gap_s: float
    bare_longest_gap_s: float | None
    """Longest time in which a bare SQL writer on the same database could not write."""
    verify_findings: int
    p50_ms: float | None
    p99_ms: float | None
    reads: int
    seconds: float
    passed: bool
    pacing: Pacing | None
    cards: CardReport | None
    """Where there was an acquirer."""
    faults_by_kind: dict[str, int]
    phases: list[PhaseReport]
    findings: list[Anomaly]
    verify: list[VerifyFinding]
    history: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a run measured besides its history."""

    findings: list[Anomaly]
    verify: list[VerifyFinding]
    pacing: Pacing | None = None
    bare_written_at: list[float] | None = None
    settled_s: float | None = None
    history: str = ""


def pacing(rate_per_s: int, late_s: Sequence[float], dropped: int) -> Pacing:
    """Judge the generator's pace."""
    late = percentile(sorted(late_s), 0.99)
    kept = not dropped and (late is None or late <= LATE_P99_S_MAX)
    return Pacing(rate_per_s=rate_per_s, late_p99_ms=_ms(late), dropped=dropped, kept=kept)


def report(history: History, measured: Measured) -> ChaosReport:
    """The figures of a history."""
    run = history.run
    assert run is not None
    phases = [_phase(history, mark.name, measured.findings) for mark in history.phases]
    began = min((mark.began_at for mark in history.phases), default=0.0)
    ended = max((mark.ended_at for mark in history.phases), default=0.0)
    requests = [r for r in history.requests.values() if r.phase != PREPARATION]
    whole = _figures(history, requests, measured.findings)
    bare = measured.bare_written_at
    kinds = [mark.kind for mark in history.faults]
    return ChaosReport(
        scenario=run.scenario,
        target=run.target,
        seed=run.seed,
        faults=sum(mark.had_effect for mark in history.faults),
        sent=whole.sent,
        acknowledged=whole.acknowledged,
        refused=whole.refused,
        unknown=whole.unknown,
        resolved=whole.resolved,
        # Preparation can be lost, too, and is in no phase.
        lost=_count(measured.findings, Wrong.LOST),
        doubled=_count(measured.findings, Wrong.DOUBLED),
        wrong=sum(f.wrong not in {Wrong.LOST, Wrong.DOUBLED} for f in measured.findings),
        availability=whole.availability,
        availability_first_try=whole.availability_first_try,
        longest_gap_s=_gap(history, began, ended),
        bare_longest_gap_s=None if bare is None else round(longest_gap(bare, began, ended), 3),
        verify_findings=len(measured.verify),
        p50_ms=whole.p50_ms,
        p99_ms=whole.p99_ms,
        reads=sum(request.operation is Operation.READ for request in requests),
        seconds=round(ended - began, 3),
        # A run in which nothing was done proves nothing.
        passed=whole.acknowledged > 0 and not (measured.findings or measured.verify),
        pacing=measured.pacing,
        cards=card_report(history, measured.settled_s),
        faults_by_kind={kind: kinds.count(kind) for kind in sorted(set(kinds))},
        phases=phases,
        findings=measured.findings,
        verify=measured.verify,
        history=measured.history,
    )


class _Figures(msgspec.Struct, frozen=True, kw_only=True):
    sent: int
    acknowledged: int
    refused: int
    unknown: int
    resolved: int
    lost: int
    doubled: int
    availability: float | None
    availability_first_try: float | None
    p50_ms: float | None
    p99_ms: float | None


def _figures(
    history: History, requests: Sequence[Request], findings: Sequence[Anomaly]
) -> _Figures:
    writes = [request for request in requests if request.operation not in _NOT_WRITING]
    outcomes = dict.fromkeys(Outcome, 0)
    first_tries = resolved = 0
    latencies = []
    for request in writes:
        answers = history.answers.get(request.key, [])
        decision = history.decision(request.key)
        if decision is None or decision.resolving:
            outcomes[Outcome.UNKNOWN] += 1
            resolved += decision is not None
            continue
        outcomes[decision.outcome] += 1
        first_tries += answers[0] is decision
        latencies.append(decision.at - request.due_at)
    keys = {request.key for request in writes}
    ours = [finding for finding in findings if finding.object in keys]
    latencies.sort()
    return _Figures(
        sent=len(writes),
        acknowledged=outcomes[Outcome.ACKNOWLEDGED],
        refused=outcomes[Outcome.REFUSED],
        unknown=outcomes[Outcome.UNKNOWN],
        resolved=resolved,
        lost=_count(ours, Wrong.LOST),
        doubled=_count(ours, Wrong.DOUBLED),
        availability=_share(len(latencies), len(writes)),
        availability_first_try=_share(first_tries, len(writes)),
        p50_ms=_ms(percentile(latencies, 0.5)),
        p99_ms=_ms(percentile(latencies, 0.99)),
    )


def _phase(history: History, name: str, findings: Sequence[Anomaly]) -> PhaseReport:
    (mark,) = [mark for mark in history.phases if mark.name == name]
    requests = [request for request in history.requests.values() if request.phase == name]
    figures = _figures(history, requests, findings)
    return PhaseReport(
        phase=name,
        seconds=round(mark.ended_at - mark.began_at, 3),
        faults=sum(fault.phase == name for fault in history.faults),
        sent=figures.sent,
        acknowledged=figures.acknowledged,
        refused=figures.refused,
        unknown=figures.unknown,
        lost=figures.lost,
        doubled=figures.doubled,
        availability=figures.availability,
        availability_first_try=figures.availability_first_try,
        longest_gap_s=_gap(history, mark.began_at, mark.ended_at),
        p50_ms=figures.p50_ms,
        p99_ms=figures.p99_ms,
    )


def _gap(history: History, began_at: float, ended_at: float) -> float:
    successes = [
        answer.at
        for answers in history.answers.values()
        for answer in answers
        if answer.outcome is Outcome.ACKNOWLEDGED
    ]
    return round(longest_gap(successes, began_at, ended_at), 3)


def _count(findings: Sequence[Anomaly], wrong: Wrong) -> int:
    return len({finding.object for finding in findings if finding.wrong is wrong})


def _share(part: int, whole: int) -> float | None:
    return None if whole == 0 else part / whole


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


_COLUMNS = (
    *("phase", "s", "faults", "sent", "acknowledged", "refused", "unknown", "lost", "doubled"),
    *("available %", "first try %", "longest gap s", "p50 ms", "p99 ms"),
)


def table(found: ChaosReport) -> Table:
    """The phases for people; the last row is the whole run."""
    rows = Table(title=f"{found.scenario} on {found.target}, seed {found.seed}", box=None)
    for column in _COLUMNS:
        rows.add_column(column, justify="left" if column == "phase" else "right")
    for phase in found.phases:
        rows.add_row(*_cells(phase.phase, phase))
    rows.add_row(*_cells("all", found), style="bold")
    return rows


def _cells(name: str, figures: "PhaseReport | ChaosReport") -> list[str]:
    counts = ("faults", "sent", "acknowledged", "refused", "unknown", "lost", "doubled")
    return [
        name,
        f"{figures.seconds:.0f}",
        *(f"{getattr(figures, count):,}" for count in counts),
        _percent(figures.availability),
        _percent(figures.availability_first_try),
        f"{figures.longest_gap_s:.2f}",
        _figure(figures.p50_ms),
        _figure(figures.p99_ms),
    ]


def verdict(found: ChaosReport) -> list[str]:
    """The last lines of the output: what was found, and whether the run passed."""
    lines = [f"{finding.wrong}  {finding.object}: {finding.detail}" for finding in found.findings]
    lines += [f"verify: {f.check}  {f.object}: {f.detail}" for f in found.verify]
    if found.bare_longest_gap_s is not None:
        lines.append(
            f"Longest gap without a success: {found.longest_gap_s:.2f} s; "
            f"a bare SQL writer on the same database: {found.bare_longest_gap_s:.2f} s."
        )
    if found.cards is not None:
        lines.append(told(found.cards))
    if found.unknown:
        lines.append(f"Of {found.unknown} unknown outcomes the same key resolved {found.resolved}.")
    if found.pacing is not None and not found.pacing.kept:
        lines.append(
            f"The generator could not keep its pace of {found.pacing.rate_per_s}/s: p99 "
            f"{_figure(found.pacing.late_p99_ms)} ms late, {found.pacing.dropped} never sent."
        )
    wrong = found.lost + found.doubled + found.wrong
    lines.append(
        f"{'PASS' if found.passed else 'FAIL'}: {found.faults} faults, {found.sent:,} requests, "
        f"{found.lost} lost, {found.doubled} doubled, {wrong - found.lost - found.doubled} "
        f"otherwise wrong, {found.verify_findings} findings of verify."
    )
    return lines


def _percent(share: float | None) -> str:
    # 99.996 is not 100: rounding must not hide the one that failed.
    return "-" if share is None else f"{int(share * 100_000) / 1000:.3f}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
