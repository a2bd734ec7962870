"""Sagas: a flow is one declaration of steps.

    AUTHORIZATION = Saga(
        open_payments,        # a step: holds the funds, begins the flow
        ask_authorization,    # external: no transaction open; repeatable
        book_authorizations,  # a step: posts or voids, answers the key
        undo=ask_reversal,
    )

Guarantees: an atomic step's outcome is durable before anybody hears of it, and a step that is asked
for twice under one key acts once. A flow that has begun ends, whatever dies: its row says where it
goes on, and a worker goes on there. An external step that brings back no answer is repeated with
growing pauses and parked, visibly, when they are used up; no code decides in place of a processor.

Owns `sagas`: one row per run of a flow with external steps, written in the transactions of the
flow's own atomic steps (`insert_flows` where it begins, `lock_flows` and `update_flows` where what
came back is booked). What is all inside the database is a step alone, and needs no flow.

Never asks a processor inside a transaction.
"""

from app.engine.saga.begin import new_flow
from app.engine.saga.model import (
    FLOW_BUCKETS,
    Begins,
    Booking,
    External,
    Flow,
    Postpone,
    Saga,
    end,
    external,
    go_on,
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
    "Begins",
    "Booking",
    "External",
    "Flow",
    "Postpone",
    "Saga",
    "Sagas",
    "TakeFlow",
    "count_parked",
    "end",
    "external",
    "find_anywhere",
    "go_on",
    "insert_flows",
    "list_due",
    "list_flows",
    "lock_flows",
    "new_flow",
    "park",
    "postpone",
    "take_flows",
    "update_flows",
    "wait",
    "wake",
]
