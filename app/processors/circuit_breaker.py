"""A circuit breaker: decides from the ends of earlier calls whether a call may be made.

    closed     every call may be made; `failures_max` failures in a row open it
    open       no call may be made until `pause_s` seconds have passed
    half_open  one call, the probe, may be made at a time: its success closes the breaker, its
               failure opens it for another pause

It does no I/O and never waits: the guard asks it before a call, and reports the call's end.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

from app.base import clock

BreakerState: TypeAlias = Literal["closed", "half_open", "open"]


class CircuitBreaker:
    """The state of one circuit, in one process."""

    def __init__(
        self,
        *,
        failures_max: int,
        pause_s: float,
        on_change: Callable[[BreakerState], None],
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.state: BreakerState = "closed"
        self._failures_max = failures_max
        self._pause_s = pause_s
        self._on_change = on_change
        self._now = now
        self._failures = 0  # in a row, while closed
        self._opened_at = 0.0
        self._is_probing = False
        on_change(self.state)

    def admits(self) -> bool:
        """Whether a call may be made now; the first question after the pause half-opens it."""
        if self.state == "open" and self._now() - self._opened_at > self._pause_s:
            self._enter("half_open")
        return self.state == "closed" or (self.state == "half_open" and not self._is_probing)

    def begin(self) -> bool:
        """Record the beginning of an admitted call; true if it is the probe."""
        self._is_probing = self.state == "half_open"
        return self._is_probing

    def end(self, *, was_probe: bool, was_failure: bool | None) -> None:
        """Record the end of a call; none if its caller was canceled before."""
        if was_probe:
            self._is_probing = False
        elif self.state != "closed":
            return  # it began before the breaker opened; only a probe decides now
        if was_failure:
            self._failures += 1
            if was_probe or self._failures >= self._failures_max:
                self._opened_at = self._now()
                self._enter("open")
        elif was_failure is False:
            self._failures = 0
            if was_probe:
                self._enter("closed")

    def _enter(self, state: BreakerState) -> None:
        self.state, self._failures = state, 0
        self._on_change(state)
