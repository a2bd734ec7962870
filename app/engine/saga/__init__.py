"""Sagas: a flow is one declaration of steps.

    AUTHORIZATION = Saga(
        "authorization",
        atomic(open_payments),                            # holds the funds, begins the flow
        external(ask_authorization, undo=ask_reversal),   # no transaction open; repeatable
        atomic(book_authorizations),                      # posts or voids, answers the key
    )

Guarantees: an atomic step's outcome is durable before anybody hears of it, and a step that is asked
for twice under one key acts once. A flow that has begun ends, whatever dies: its row says where it
goes on, and a worker goes on there. An external step that brings back no answer is repeated with
growing pauses and parked, visibly, when they are used up; nobody decides in its place.

Owns `sagas`: one row per run of a flow with external steps, written in the transactions of the
flow's own atomic steps (`insert_flows` where it begins, `lock_flows` and `update_flows` where what
came back is booked). Flows made of atomic steps alone need no state between them.

Never touches the world inside a transaction.
"""

from app.engine.saga.begin import new_flow
from app.engine.saga.model import (
    FLOW_BUCKETS,
    Booking,
    Flow,
    Postpone,
    Saga,
    atomic,
    end,
    external,
    go_on,
    name_of,
    park,
    postpone,
    wait,
)
from app.engine.saga.run import WAIT_S, Sagas
from app.engine.saga.steps import TakeFlow, take_flows, wake
from app.engine.saga.store import (
    count_parked,
    find_anywhere,
    insert_flows,
    list_due,
    list_flows,
    lock_flows,
    update_flows,
)

__all__ = [
    "FLOW_BUCKETS",
    "WAIT_S",
    "Booking",
    "Flow",
    "Postpone",
    "Saga",
    "Sagas",
    "TakeFlow",
    "atomic",
    "count_parked",
    "end",
    "external",
    "find_anywhere",
    "go_on",
    "insert_flows",
    "list_due",
    "list_flows",
    "lock_flows",
    "name_of",
    "new_flow",
    "park",
    "postpone",
    "take_flows",
    "update_flows",
    "wait",
    "wake",
]
