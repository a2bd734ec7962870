"""The faults of a run, and when they come: declared as scenarios, drawn by a seed. Pure."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from random import Random

import msgspec

from app.devkit.chaos.targets import TargetKind

E, C, D = TargetKind.EMBEDDED, TargetKind.CLUSTER, TargetKind.COMPOSE
LOCAL = frozenset({E, C})
EVERYWHERE = frozenset({E, C, D})


class Kind(StrEnum):
    """A fault, by its stable name."""

    API_KILL = "api-kill"
    API_PAUSE = "api-pause"
    ROLLING_RESTART = "rolling-restart"
    CLOCK = "clock"
    DATABASE_KILL = "database-kill"
    DATABASE_RESTART = "database-restart"
    DATABASE_PAUSE = "database-pause"
    NODE_KILL = "node-kill"
    LEASEHOLDER_KILL = "leaseholder-kill"
    NODE_PAUSE = "node-pause"
    NODE_RESTART = "node-restart"
    REGION_LOSS = "region-loss"
    COMMIT_CUT = "commit-cut"
    CONNECTION_CUT = "connection-cut"
    SLOW_NETWORK = "slow-network"
    BLACK_HOLE = "black-hole"
    POOL_EXHAUSTION = "pool-exhaustion"
    LOCK_HOLD = "lock-hold"
    SCHEMA_CHANGE = "schema-change"
    ACQUIRER_SLOW = "acquirer-slow"
    ACQUIRER_DOWN = "acquirer-down"
    ACQUIRER_LIES = "acquirer-lies"
    WORKER_KILL = "worker-kill"


class Profile(msgspec.Struct, frozen=True):
    """What a fault needs and how long it lasts."""

    what: str
    targets: frozenset[TargetKind]
    hold_s: tuple[float, float]
    """Between injecting and healing, at least and at most."""
    is_proxied: bool = False
    is_outside: bool = False
    """Whether it needs an acquirer, and payments by card."""
    is_stormy: bool = True
    """Whether a storm includes it: a fault of ten seconds would be most of a storm."""


_ALWAYS = 0.2, 0.8  # as long as a supervisor's first pause
_GREY = 0.5, 2.0  # long enough for others to wait, short enough that no request gives up

# So that it outlasts the timeouts of processes, and opens their circuit breakers.
_OUTAGE = 2.0, 5.0


def _outside(what: str) -> Profile:
    # Not in a storm, which would then have to pay by card, and differ from earlier storms.
    return Profile(what, frozenset({E}), _OUTAGE, is_outside=True, is_stormy=False)


PROFILES: dict[Kind, Profile] = {
    Kind.API_KILL: Profile("SIGKILL to an api process, started again", EVERYWHERE, _ALWAYS),
    Kind.API_PAUSE: Profile("SIGSTOP to an api process, then SIGCONT", EVERYWHERE, _GREY),
    Kind.ROLLING_RESTART: Profile(
        "each api ended in order and started again, one after the other",
        EVERYWHERE,
        (0.0, 0.0),
        is_stormy=False,
    ),
    Kind.CLOCK: Profile(
        "an api restarted with a clock that is seconds, an hour or 32 days off",
        LOCAL,
        _GREY,
        is_stormy=False,
    ),
    Kind.DATABASE_KILL: Profile("SIGKILL to all of PostgreSQL", frozenset({E}), (0.0, 0.3)),
    Kind.DATABASE_RESTART: Profile("PostgreSQL ended in order", frozenset({E}), (0.0, 0.3)),
    Kind.DATABASE_PAUSE: Profile("SIGSTOP to all of PostgreSQL", frozenset({E}), _GREY),
    Kind.NODE_KILL: Profile("SIGKILL to a node", frozenset({C, D}), (2.0, 6.0)),
    Kind.LEASEHOLDER_KILL: Profile(
        "SIGKILL to the node with the lease of the accounts", frozenset({C}), (4.0, 8.0)
    ),
    Kind.NODE_PAUSE: Profile("SIGSTOP to a node, then SIGCONT", frozenset({C, D}), (1.0, 5.0)),
    Kind.NODE_RESTART: Profile("a node drained, ended and started", frozenset({C, D}), (0.0, 1.0)),
    Kind.REGION_LOSS: Profile("SIGKILL to all nodes of a region", frozenset({C}), (4.0, 8.0)),
    Kind.COMMIT_CUT: Profile(
        "connections broken around COMMIT: before it, or after it without its answer",
        LOCAL,
        (0.3, 0.8),
        is_proxied=True,
    ),
    Kind.CONNECTION_CUT: Profile(
        "all connections to the database reset, or one in the middle of an answer",
        LOCAL,
        (0.0, 0.3),
        is_proxied=True,
    ),
    Kind.SLOW_NETWORK: Profile(
        "each message to or from the database 20 to 120 ms late", LOCAL, _GREY, is_proxied=True
    ),
    Kind.BLACK_HOLE: Profile(
        "no byte reaches the database or comes back", LOCAL, _GREY, is_proxied=True
    ),
    Kind.POOL_EXHAUSTION: Profile(
        "all of the server's connections taken by another client",
        frozenset({E}),
        _GREY,
        is_proxied=True,
    ),
    Kind.LOCK_HOLD: Profile("a transaction sits on a merchant's accounts", LOCAL, (0.5, 1.5)),
    Kind.SCHEMA_CHANGE: Profile("an index made and dropped under load", LOCAL, (0.0, 0.5)),
    Kind.ACQUIRER_SLOW: _outside("the acquirer answers after 5 s; no client waits that long"),
    Kind.ACQUIRER_DOWN: _outside(
        "the acquirer killed and started again, or each of its connections broken"
    ),
    Kind.ACQUIRER_LIES: _outside(
        "half of the requests to the acquirer fail before or after it is done, its notifications"
        " come twice, late and out of order"
    ),
    Kind.WORKER_KILL: _outside("SIGKILL to the worker and an api while flows are open"),
}


class Part(msgspec.Struct, frozen=True):
    """A phase of a scenario and the faults in it."""

    name: str
    kinds: tuple[Kind, ...]


class Scenario(msgspec.Struct, frozen=True):
    """A named sequence of phases."""

    name: str
    what: str
    parts: tuple[Part, ...]
    faults: int
    """How many faults are injected unless the command says otherwise."""
    is_random: bool = False


def _single(kind: Kind, faults: int = 3) -> Scenario:
    return Scenario(kind.value, PROFILES[kind].what, (Part(kind.value, (kind,)),), faults)


_ADVERSITY = (
    Part("internal stress", (Kind.SCHEMA_CHANGE, Kind.LOCK_HOLD)),
    Part("pauses", (Kind.API_PAUSE, Kind.DATABASE_PAUSE, Kind.NODE_PAUSE)),
    Part("cuts", (Kind.COMMIT_CUT, Kind.CONNECTION_CUT, Kind.BLACK_HOLE)),
    Part("restarts", (Kind.ROLLING_RESTART, Kind.DATABASE_RESTART, Kind.NODE_RESTART)),
    Part("region loss", (Kind.REGION_LOSS, Kind.DATABASE_KILL)),
)

SCENARIOS: dict[str, Scenario] = {
    **{kind.value: _single(kind) for kind in Kind},
    "storm": Scenario(
        "storm",
        "faults of every kind but the acquirer's, by chance and seed",
        (Part("storm", tuple(kind for kind in Kind if PROFILES[kind].is_stormy)),),
        20,
        is_random=True,
    ),
    "adversity": Scenario(
        "adversity",
        "one load through stress, pauses, cuts, restarts and the loss of a region",
        _ADVERSITY,
        10,
    ),
}


class Injection(msgspec.Struct, frozen=True):
    """One fault to come."""

    number: int
    phase: str
    kind: Kind
    pause_s: float
    """Time without a fault before it."""
    hold_s: float
    chance: int
    """From 0 to 2**16 - 1: chooses the victim and the variant."""


def kinds_for(scenario: Scenario, target: TargetKind) -> list[Kind]:
    """The faults of a scenario that a target supports."""
    return [
        kind for part in scenario.parts for kind in part.kinds if target in PROFILES[kind].targets
    ]


def draw(scenario: Scenario, target: TargetKind, faults: int, seed: int) -> list[Injection]:
    """Draw the faults of a run, in order; a pure function of its arguments."""
    chance = Random(seed)  # noqa: S311 - repeatable on purpose
    parts = [
        (part.name, [kind for kind in part.kinds if target in PROFILES[kind].targets])
        for part in scenario.parts
    ]
    parts = [(name, kinds) for name, kinds in parts if kinds]
    found: list[Injection] = []
    for at, (name, kinds) in enumerate(parts):
        count = faults // len(parts) + (at < faults % len(parts))
        for kind in _choose(kinds, count, chance, is_random=scenario.is_random):
            found.append(
                Injection(
                    number=len(found) + 1,
                    phase=name,
                    kind=kind,
                    pause_s=chance.uniform(0.2, 1.0),
                    hold_s=chance.uniform(*PROFILES[kind].hold_s),
                    chance=chance.getrandbits(16),
                )
            )
    return found


def _choose(
    kinds: Sequence[Kind], count: int, chance: Random, *, is_random: bool
) -> Iterator[Kind]:
    """Draw kinds one by one, so that a shorter storm is the beginning of a longer one."""
    for at in range(count):
        yield chance.choice(kinds) if is_random else kinds[at % len(kinds)]
