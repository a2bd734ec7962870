"""Verdicts on what was found. Pure, so that every boundary has a test."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

CheckResult = Literal["ok", "warn", "fail"]

POSTGRESQL_MIN = 15
"""The oldest version that is tested; the newest is `POSTGRESQL_MAX`."""
POSTGRESQL_MAX = 18
COCKROACH_MIN = (22, 1)
"""The oldest version that is tested."""

OFFSET_WARN_MS = 500
"""What CockroachDB allows its own nodes. This machine's clock decides when things expire."""
OFFSET_FAIL_MS = 60_000
"""One minute: holds and keys expire at times that nobody was promised exactly."""

PROCESSES = 2
"""An api and a worker, which is the smallest installation."""


class Diagnosis(msgspec.Struct, frozen=True):
    """The result of one check."""

    check: str
    verdict: CheckResult
    said: str
    mend: str = ""
    """The command or variable that corrects it; empty where nothing is wrong."""


class CockroachNode(NamedTuple):
    """One node of a CockroachDB cluster."""

    id: int
    membership: str
    """`active`, `decommissioning` or `decommissioned`."""
    draining: bool
    live: bool
    locality: str


def judge_postgresql(text: str) -> Diagnosis:
    """Judge the setting `server_version`, such as `18.4`."""
    match = re.match(r"\d+", text)
    major = int(match[0]) if match else 0
    said = f"PostgreSQL {text}"
    if major < POSTGRESQL_MIN:
        return Diagnosis(
            "version", "fail", f"{said} is too old", f"upgrade to {POSTGRESQL_MIN} or later"
        )
    if major > POSTGRESQL_MAX:
        return Diagnosis("version", "warn", f"{said} is newer than the versions that were tested")
    return Diagnosis("version", "ok", said)


def cockroach_version(text: str) -> tuple[int, int, int] | None:
    """Return year, number and patch out of `version()`; none for a build without a version."""
    match = re.search(r"\bv(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def judge_cockroach(text: str) -> Diagnosis:
    """Judge the answer of `version()`."""
    version = cockroach_version(text)
    if version is None:
        return Diagnosis("version", "warn", f"CockroachDB of an unknown version: {text[:60]}")
    said = f"CockroachDB {'.'.join(map(str, version))}"
    if version[:2] < COCKROACH_MIN:
        return Diagnosis("version", "fail", f"{said} is too old", "upgrade to 22.1 or later")
    return Diagnosis("version", "ok", said)


def judge_isolation(level: str) -> Diagnosis:
    """Judge the isolation of a writing connection."""
    if level == "serializable":
        return Diagnosis("isolation", "ok", "writers are serializable")
    return Diagnosis(
        "isolation",
        "fail",
        f"writers are {level} and not serializable: something between here and the database drops "
        "the options of connections",
        "connect without a pooler, or let it pass 'options'",
    )


def judge_clock(offset_ms: int, doubt_ms: int) -> Diagnosis:
    """Judge how far the database's clock is ahead of this machine's.

    Args:
        offset_ms: positive where the database's clock is ahead.
        doubt_ms: half of the query's duration; the offset may be wrong by as much.
    """
    ahead = "ahead of" if offset_ms > 0 else "behind"
    said = f"the database's clock is {abs(offset_ms)} ms {ahead} this machine's (± {doubt_ms} ms)"
    surely = abs(offset_ms) - doubt_ms
    if surely > OFFSET_FAIL_MS:
        return Diagnosis("clock", "fail", said, "synchronise both clocks, with chrony or ntpd")
    if surely > OFFSET_WARN_MS:
        return Diagnosis("clock", "warn", said, "synchronise both clocks, with chrony or ntpd")
    return Diagnosis("clock", "ok", said)


def judge_connections(limit: int | None, used: int, per_process: int) -> Diagnosis:
    """Judge how many connections are left; without a limit, memory is the limit."""
    if limit is None:
        return Diagnosis("connections", "ok", f"{used} in use; the server sets no limit")
    free, need = limit - used, PROCESSES * per_process
    said = f"{free} of {limit} are free; an api or a worker takes up to {per_process}"
    if free < per_process:
        return Diagnosis("connections", "fail", said, "raise the server's limit of connections")
    if free < need:
        return Diagnosis("connections", "warn", said, "raise the server's limit of connections")
    return Diagnosis("connections", "ok", said)


def judge_nodes(nodes: Sequence[CockroachNode], *, production: bool) -> Diagnosis:
    """Judge how many nodes of the cluster are alive."""
    members = [node for node in nodes if node.membership != "decommissioned"]
    dead = [node.id for node in members if not node.live]
    draining = [node.id for node in members if node.draining and node.live]
    said = f"{len(members) - len(dead)} of {len(members)} nodes live"
    if dead:
        names = ", ".join(f"n{node}" for node in dead)
        return Diagnosis(
            "nodes", "warn", f"{said}; {names} down", f"start {names} again, or decommission it"
        )
    if draining:
        names = ", ".join(f"n{node}" for node in draining)
        return Diagnosis("nodes", "ok", f"{said}; {names} stopping")
    if production and len(members) == 1:
        return Diagnosis(
            "nodes", "warn", f"{said}: no other takes over when it stops", "run three nodes or more"
        )
    return Diagnosis("nodes", "ok", said)


def judge_ranges(under_replicated: int, unavailable: int) -> Diagnosis:
    """Judge the ranges that lack copies, or a majority of them."""
    if unavailable:
        return Diagnosis(
            "ranges",
            "fail",
            f"{unavailable} ranges are unavailable: their rows can be neither read nor written",
            "start the nodes that are down",
        )
    if under_replicated:
        return Diagnosis(
            "ranges",
            "warn",
            f"{under_replicated} ranges have fewer copies than they should: another failure may "
            "make them unavailable",
            "wait some minutes after a node came or went; else add nodes",
        )
    return Diagnosis("ranges", "ok", "every range has all its copies")
