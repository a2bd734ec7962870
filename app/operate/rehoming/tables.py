"""Which tables follow a merchant, and in which order."""

from collections.abc import Mapping
from typing import Final

import msgspec

from app.base import ids
from app.engine.database import Queries, Query

queries = Queries(__package__)
sweeps = Queries(__package__, "sweeps.sql")


class MovingTable(msgspec.Struct, frozen=True):
    """A table whose rows move."""

    name: str
    sweep: Query
    """Moves the next page of a merchant's rows after a position; returns their keys, in order."""
    start: Mapping[str, object]
    """The parameters for the position before all rows, in the order of the key."""


_BY_ID: Final = {"after_id": ids.NIL}
_EARLIEST: Final = "0001-01-01T00:00:00+00:00"

TABLES: Final = (
    # First the rows that commands lock, because the first command that needs them moves them
    # anyway.
    MovingTable("accounts", sweeps.sweep_accounts, _BY_ID),
    # A payment is moved with its hold, and a remaining hold with its payment.
    MovingTable("payments", sweeps.sweep_payments, _BY_ID),
    MovingTable("holds", sweeps.sweep_holds, _BY_ID),
    MovingTable("disputes", sweeps.sweep_disputes, _BY_ID),
    MovingTable("dispute_evidence", sweeps.sweep_evidence, _BY_ID),
    MovingTable("idempotency_keys", sweeps.sweep_keys, _BY_ID),
    MovingTable("fx_quotes", sweeps.sweep_quotes, _BY_ID),
    MovingTable("payouts", sweeps.sweep_payouts, _BY_ID),
    MovingTable("bank_accounts", sweeps.sweep_bank_accounts, _BY_ID),
    MovingTable("refunds", sweeps.sweep_refunds, _BY_ID),
    MovingTable(
        "payment_labels",
        sweeps.sweep_labels,
        {"after_name": "", "after_value": "", "after_id": ids.NIL},
    ),
    MovingTable("transfers", sweeps.sweep_transfers, _BY_ID),
    MovingTable(
        "entries",
        sweeps.sweep_entries,
        {"after_account_id": ids.NIL, "after_at": _EARLIEST, "after_version": 0},
    ),
    MovingTable("events", sweeps.sweep_events, _BY_ID),
    MovingTable("sagas", sweeps.sweep_sagas, _BY_ID),
    MovingTable("customers", sweeps.sweep_customers, _BY_ID),
    MovingTable("payment_methods", sweeps.sweep_methods, _BY_ID),
)

STAYING: Final = {
    "api_keys": "the same in every region",
    "fee_plans": "the same in every region",
    "payout_plans": "the same in every region",
}
"""Tables with merchants' rows that do not move, and why."""
