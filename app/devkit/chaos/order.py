"""The order of events, as accounts number them and as clients saw them. Pure."""

import math
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from app.devkit.chaos.history import History
from app.devkit.chaos.model import FinalEntry, Outcome

S = TypeVar("S")


def serial_order(entries: Mapping[str, Sequence[FinalEntry]]) -> tuple[list[str], list[str]]:
    """The transfers in an order that every account agrees with, and those that form a circle.

    Args:
        entries: each account's, in version order.
    """
    after: dict[str, list[str]] = defaultdict(list)
    waits_for: dict[str, int] = {}
    for rows in entries.values():
        for row in rows:
            waits_for.setdefault(row.transfer, 0)
        for one, next_one in pairwise(rows):
            after[one.transfer].append(next_one.transfer)
            waits_for[next_one.transfer] += 1
    ready = deque(transfer for transfer, count in waits_for.items() if count == 0)
    order: list[str] = []
    while ready:
        transfer = ready.popleft()
        order.append(transfer)
        for follower in after[transfer]:
            waits_for[follower] -= 1
            if waits_for[follower] == 0:
                ready.append(follower)
    return order, sorted(transfer for transfer, count in waits_for.items() if count)


def acknowledged_at(history: History, key: str) -> float:
    """When the client got the answer that its request was done; infinite without one."""
    decision = history.decision(key)
    done = decision is not None and decision.outcome is Outcome.ACKNOWLEDGED
    return decision.at if decision is not None and done else math.inf


def sent_at(history: History, key: str) -> float:
    """When its first try was sent; without a request, before everything else."""
    request = history.requests.get(key)
    return -math.inf if request is None else request.sent_at


def contradictions(history: History, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of an account's timeline whose later one was acknowledged before the other was sent."""
    newest, latest = "", -math.inf
    for key in keys:
        if acknowledged_at(history, key) < latest:
            yield newest, key
        if sent_at(history, key) > latest:
            newest, latest = key, sent_at(history, key)


class Timeline(Generic[S]):
    """The states of one object, one after each event, and when each may have been the current one.

    A state may have begun once its event's request was sent, and must have ended when the next
    event was acknowledged. Both instants only grow along the timeline, so a window of it is a
    slice.
    """

    def __init__(self, history: History, events: Sequence[tuple[str, S]]) -> None:
        """Take events as (key of the request, state after it), in their order."""
        self._states = [state for _, state in events]
        self._begins = [sent_at(history, key) for key, _ in events]
        self._ends = [acknowledged_at(history, key) for key, _ in events[1:]] + [math.inf]
        for at in range(1, len(events)):
            # A later state cannot have begun before an earlier one.
            self._begins[at] = max(self._begins[at], self._begins[at - 1])
        for at in range(len(events) - 2, -1, -1):
            # An earlier state has ended once any later one has visibly begun.
            self._ends[at] = min(self._ends[at], self._ends[at + 1])

    def states_between(self, began_at: float, ended_at: float) -> list[S]:
        """The states that may have been current at some instant between the two."""
        return [
            state
            for state, begins, ends in zip(self._states, self._begins, self._ends, strict=True)
            if begins <= ended_at and ends >= began_at
        ]
