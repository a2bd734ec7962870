"""The faults on request: by header, by script, by magic amount, or at random with a seed.

A fault of the connection hits the first request under a reference and not its repetitions, so that
a client that repeats makes progress.
"""

import random
import re
from typing import Annotated, Literal

from cachetools import LRUCache
from msgspec import Meta, Struct, structs

from app.sandbox.acquirer.testcards import MAGIC_AMOUNTS

TransportFault = Literal[
    "timeout_before", "timeout_after", "500_before", "500_after", "drop_before", "drop_after",
    "slow", "late",
]  # fmt: skip
DecisionFault = Literal[
    "late_decline", "late_approval", "decline", "refuse", "requires_action", "dispute",
    "fails_later", "never", "duplicate", "wrong_settlement",
]  # fmt: skip
TRANSPORT: frozenset[str] = frozenset(TransportFault.__args__)  # type: ignore[attr-defined]
DECISION: frozenset[str] = frozenset(DecisionFault.__args__)  # type: ignore[attr-defined]

Operation = Literal[
    "authorization", "capture", "reversal", "refund", "bank_transfer", "payout", "payout_file",
    "evidence", "query",
]  # fmt: skip

DURATION_MS_MAX = 600_000  # no client waits for an answer longer than ten minutes
_DEFAULTS = {"slow": "5", "late": "5", "late_decline": "5", "late_approval": "5"}  # seconds
_DEFAULTS |= {"decline": "generic_decline", "refuse": "unprocessable"}
_DEFAULTS |= {"duplicate": "1", "wrong_settlement": "1"}
_TEXT = re.compile(r"([a-z0-9_]+)(?::([a-z0-9_-]{1,64}))?")
_DURATION = re.compile(r"(\d{1,6})(ms|s)?")
_STRUCK_MAX = 10_000  # references remembered; with more, a fault may hit an old one again


class MalformedFault(ValueError):
    """The text names no fault."""


class Fault(Struct, frozen=True):
    """One fault: its name and its value."""

    name: str
    value: str = ""

    @property
    def text(self) -> str:
        """The fault as a header has it."""
        return f"{self.name}:{self.value}" if self.value else self.name

    @property
    def duration_ms(self) -> int:
        """For a fault that takes time."""
        found = _DURATION.fullmatch(self.value)
        assert found is not None
        return int(found[1]) * (1 if found[2] == "ms" else 1000)

    @property
    def number(self) -> int:
        """For a fault that counts."""
        return int(self.value)


def parse(text: str) -> Fault:
    """Parse a fault: `name` or `name:value`, durations in seconds or as `250ms`.

    Raises:
        MalformedFault: no fault has that name, or that value.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None or found[1] not in TRANSPORT | DECISION:
        raise MalformedFault(f"there is no fault '{text[:80]}'")
    fault = Fault(found[1], found[2] or _DEFAULTS.get(found[1], ""))
    if fault.name in {"slow", "late", "late_decline", "late_approval"}:
        is_duration = _DURATION.fullmatch(fault.value) is not None
        if not is_duration or fault.duration_ms > DURATION_MS_MAX:
            raise MalformedFault(f"'{text[:80]}' is no duration, as '5', '5s' or '250ms'")
    elif fault.name in {"duplicate", "wrong_settlement"}:
        if not re.fullmatch(r"-?\d{1,9}", fault.value):
            raise MalformedFault(f"'{text[:80]}' counts nothing")
    elif fault.name not in {"decline", "refuse"} and fault.value:
        raise MalformedFault(f"'{fault.name}' takes no value")
    return fault


class OneShot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault for the next requests of a kind."""

    fault: str
    operation: Operation | Literal["any"] = "any"
    times: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    reference: str | None = None
    """Hit the request of this reference only."""


Milliseconds = Annotated[int, Meta(ge=0, le=DURATION_MS_MAX)]
Seconds = Annotated[int, Meta(ge=0, le=366 * 86_400)]  # a year of the sandbox's clock


class NotificationScript(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How notifications are delivered."""

    copies: Annotated[int, Meta(ge=0, le=10)] = 0
    """How often each is repeated though it was received."""
    delay_ms: Milliseconds = 0
    reorder_ms: Milliseconds = 0
    """Every second one is held back for so long, so that the next ones overtake it."""
    paused: bool = False
    """None is sent; they wait."""


class Script(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sandbox's faults until the next script, or until it ends."""

    latency_ms: Milliseconds = 0
    """Between a request and its answer; the request is carried out at once."""
    jitter_ms: Milliseconds = 0
    """At most so much is added, evenly distributed."""
    down: bool = False
    """Every request of /v1 has its connection closed, and does nothing."""
    maintenance: bool = False
    """Every request of /v1 is answered by 503, and does nothing."""
    error_rate: Annotated[float, Meta(ge=0, le=1)] = 0.0
    error_faults: tuple[str, ...] = ("500_after",)
    """The faults that occur at that rate; one is drawn for each request."""
    seed: int = 0
    next: tuple[OneShot, ...] = ()
    notifications: NotificationScript = NotificationScript()
    notify_all: bool = False
    """Notify also of what the answer says already."""
    transfer_delay_s: Seconds = 86_400
    """When money of a bank transfer arrives, by the sandbox's clock: the next day."""
    payout_delay_s: Seconds = 86_400
    """When a payout is paid."""
    dispute_delay_s: Seconds = 0
    """When a disputed card's payer disputes, from the capture on."""
    fails_later_s: Seconds = 2 * 86_400
    """When a refund that fails after success fails, and a payout that comes back does."""


class Faults:
    """The script in force, and which parts of it are used up."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._next: list[tuple[OneShot, Fault, int]] = []
        self._error_faults: tuple[Fault, ...] = ()
        self._struck: LRUCache[tuple[str, str, str], None] = LRUCache(_STRUCK_MAX)
        self.write(script)

    def write(self, script: Script) -> None:
        """Replace the script, which begins anew.

        Raises:
            MalformedFault: it names an unknown fault; the former script stays in force.
        """
        parsed = [(shot, parse(shot.fault), shot.times) for shot in script.next]
        error_faults = tuple(parse(text) for text in script.error_faults)
        self.script, self._next, self._error_faults = script, parsed, error_faults
        self._random = random.Random(script.seed)  # noqa: S311 - no secret
        self._struck.clear()

    def add(self, shot: OneShot) -> None:
        """Add a fault after those that wait for their requests.

        Raises:
            MalformedFault: it is unknown.
        """
        self._next.append((shot, parse(shot.fault), shot.times))

    def current(self) -> Script:
        """The script with what is left of its one-shot faults."""
        left = tuple(structs.replace(shot, times=times) for shot, _, times in self._next)
        return structs.replace(self.script, next=left)

    def latency_ms(self) -> int:
        """How long the next answer waits."""
        jitter_ms = self.script.jitter_ms
        return self.script.latency_ms + (self._random.randint(0, jitter_ms) if jitter_ms else 0)

    def choose(
        self, operation: Operation, reference: str, amount_minor: int | None, header: str | None
    ) -> Fault | None:
        """Choose a request's fault, from its header, else the script, else its amount.

        Raises:
            MalformedFault: the header names no fault.
        """
        if header is not None:
            return self._once(operation, reference, parse(header))
        if self._next and (fault := self._take(operation, reference)) is not None:
            return fault
        if amount_minor in MAGIC_AMOUNTS:
            return self._once(operation, reference, parse(MAGIC_AMOUNTS[amount_minor]))
        if self.script.error_rate and self._random.random() < self.script.error_rate:
            return self._random.choice(self._error_faults)
        return None

    def _take(self, operation: Operation, reference: str) -> Fault | None:
        for at, (shot, fault, times) in enumerate(self._next):
            if shot.operation in {"any", operation} and shot.reference in {None, reference}:
                if times > 1:
                    self._next[at] = (shot, fault, times - 1)
                else:
                    del self._next[at]
                return fault
        return None

    def _once(self, operation: Operation, reference: str, fault: Fault) -> Fault | None:
        """The fault; none if it is of the connection and hit this reference before."""
        if fault.name not in TRANSPORT:
            return fault
        key = (operation, reference, fault.name)
        if key in self._struck:
            return None
        self._struck[key] = None
        return fault
