"""The circuit breaker: a table of its transitions, and what holds in any history."""

from hypothesis import given
from hypothesis import strategies as st

from app.processors.circuit_breaker import BreakerState, CircuitBreaker
from tests.support.tables import Row, table

FAILURES_MAX = 3
PAUSE_S = 5.0


class Circuit:
    """A breaker whose clock the test moves, and the calls that are under way."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.states: list[BreakerState] = []
        self.breaker = CircuitBreaker(
            failures_max=FAILURES_MAX,
            pause_s=PAUSE_S,
            on_change=self.states.append,
            now=lambda: self.time_s,
        )
        self.under_way: list[bool] = []
        """Of each call, oldest first: whether it is the probe."""

    def begin(self) -> bool:
        """Begin a call; returns whether it was admitted."""
        is_admitted = self.breaker.admits()
        if is_admitted:
            self.under_way.append(self.breaker.begin())
        return is_admitted

    def end(self, *, was_failure: bool | None) -> bool:
        """End the oldest call; returns whether it was the probe."""
        was_probe = self.under_way.pop(0)
        self.breaker.end(was_probe=was_probe, was_failure=was_failure)
        return was_probe

    def do(self, event: str) -> None:
        """One event of the table below."""
        match event:
            case "begin":
                assert self.begin()
            case "refused":
                assert not self.begin()
            case "fails" | "succeeds" | "abandoned":
                if not self.under_way:
                    assert self.begin()
                ends = {"fails": True, "succeeds": False, "abandoned": None}
                self.end(was_failure=ends[event])
            case "pause":
                self.time_s += PAUSE_S + 0.1
            case _:
                assert event == "wait"
                self.time_s += PAUSE_S - 0.1


@table("""
    events                                                        state
    fails,fails                                                   closed
    fails,fails,fails,refused                                     open
    fails,fails,succeeds,fails,fails                              closed     -- in a row
    fails,fails,abandoned,fails                                   open       -- says nothing
    abandoned,abandoned,abandoned                                 closed
    fails,fails,fails,wait,refused                                open
    fails,fails,fails,pause,begin                                 half_open
    fails,fails,fails,pause,begin,refused                         half_open  -- one probe
    fails,fails,fails,pause,succeeds                              closed
    fails,fails,fails,pause,succeeds,fails,fails                  closed     -- counts anew
    fails,fails,fails,pause,fails,refused                         open
    fails,fails,fails,pause,fails,wait,refused                    open       -- a whole pause
    fails,fails,fails,pause,abandoned,begin                       half_open  -- the next one probes
    begin,begin,begin,begin,fails,fails,fails,succeeds,refused    open       -- began before it
    begin,begin,begin,begin,fails,fails,fails,pause,fails         open       -- as above
""")
def test_transitions(row: Row) -> None:
    """Each event leads to the state of the table, and calls are admitted where it says so."""
    circuit = Circuit()

    for event in row.events.split(","):
        circuit.do(event)

    assert circuit.breaker.state == row.state
    assert circuit.states[0] == "closed"
    assert circuit.states[-1] == row.state


def test_a_call_from_before_the_pause_decides_nothing() -> None:
    """While the probe is under way, only its own end closes or opens the breaker."""
    circuit = Circuit()
    for _ in range(FAILURES_MAX + 2):
        circuit.begin()
    for _ in range(FAILURES_MAX):
        circuit.end(was_failure=True)
    circuit.do("pause")
    circuit.do("begin")

    circuit.end(was_failure=False)
    circuit.end(was_failure=True)

    assert circuit.states == ["closed", "open", "half_open"]
    assert circuit.under_way == [True]
    circuit.do("refused")
    circuit.do("succeeds")
    assert circuit.states[-1] == "closed"


@given(st.lists(st.sampled_from(["begin", "fails", "succeeds", "abandoned", "pause", "wait"])))
def test_any_history(events: list[str]) -> None:
    """A closed breaker admits, an open one never does, and there is one probe at most."""
    circuit = Circuit()
    failures = 0  # in a row, as a plain count of what the calls of a closed breaker said
    for event in events:
        before = circuit.breaker.state
        if event == "begin":
            has_probe = any(circuit.under_way)
            is_admitted = circuit.begin()
            assert is_admitted == (
                circuit.breaker.state == "closed"
                or (circuit.breaker.state == "half_open" and not has_probe)
            )
        elif event in {"pause", "wait"}:
            circuit.do(event)
        elif circuit.under_way:
            was_failure = {"fails": True, "succeeds": False, "abandoned": None}[event]
            was_probe = circuit.end(was_failure=was_failure)
            if was_probe:
                assert before == "half_open"
                ends: dict[bool | None, str] = {True: "open", False: "closed", None: "half_open"}
                assert circuit.breaker.state == ends[was_failure]
                failures = 0
            elif before == "closed":
                failures = {True: failures + 1, False: 0, None: failures}[was_failure]
                assert (circuit.breaker.state == "open") == (failures >= FAILURES_MAX)
            else:
                assert circuit.breaker.state == before
        if circuit.breaker.state == "open":
            failures = 0
        assert sum(circuit.under_way) <= 1
