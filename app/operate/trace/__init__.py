"""`suya trace`: everything that one request caused, or all that happened to one payment, in order.

Guarantees: it reads what is stored, and changes nothing.

Owns no table.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.base import ids
from app.base.settings import Settings
from app.domains.ledger.model import EntryLine
from app.engine.database import Database, Queries, Rows

queries = Queries(__package__)

_OBJECTS = {
    **{kind: kind for kind in ("payment", "refund", "account", "payout", "bank_account")},
    **{kind: kind for kind in ("dispute", "customer", "payment_method", "fx_quote")},
    "transfer": "transfer",
    "deposit": "transfer",
}


class TraceStep(msgspec.Struct, frozen=True):
    """One thing that happened."""

    at: datetime
    what: str
    object: str
    detail: str


async def trace(url: str, correlation_id: str) -> list[TraceStep]:
    """List what a request caused, or what happened to a payment, oldest first.

    A refused request changed nothing; only its kept answer is found here, and its line in the log.
    """
    async with Database.open(Settings.load(), url) as database:
        if correlation_id.startswith(f"{ids.PREFIXES['payment']}_"):
            try:
                payment_id = ids.decode("payment", correlation_id)
            except ids.MalformedId:
                return []
            events = await database.read(queries.list_events_of_payment, {"id": payment_id})
            transfers = await database.read(queries.list_transfers_of_payment, {"id": payment_id})
            flows = await database.read(queries.list_flows_of_object, {"id": payment_id})
        else:
            params = {"correlation_id": correlation_id}
            events = await database.read(queries.list_events, params)
            transfers = await _transfers_of(database, events, correlation_id)
            flows = await database.read(queries.list_flows, params)
    steps = [_event_step(row) for row in events] + _transfer_steps(transfers) + _flow_steps(flows)
    return sorted(steps, key=lambda step: step.at)


async def _transfers_of(database: Database, events: Rows, correlation_id: str) -> Rows:
    """The transfers behind some events: those of their payments, and those that are the object."""
    seen: dict[UUID, tuple[object, ...]] = {}
    for _, event_type, object_id, _, data, region, merchant_id, _ in events:
        scope = {"region": region, "merchant_id": merchant_id}
        kind = event_type.partition(".")[0]
        if kind in {"transfer", "deposit"}:
            params = scope | {"id": object_id}
            rows = await database.read(queries.find_transfer, params)
        elif kind == "payout":
            params = scope | {"payout_id": object_id}
            rows = await database.read(queries.list_transfers_of_payout, params)
        else:
            is_of_payment = kind in {"refund", "dispute"}
            name = msgspec.json.decode(data).get("payment") if is_of_payment else None
            payment_id = ids.decode("payment", name) if name else object_id
            params = scope | {"payment_id": payment_id, "correlation_id": correlation_id}
            rows = await database.read(queries.list_transfers, params)
        seen |= {row[1]: row for row in rows}
    return list(seen.values())


def _event_step(row: tuple[Any, ...]) -> TraceStep:
    at, event_type, object_id, sequence, data, region, merchant_id, correlation_id = row
    kind = _OBJECTS.get(event_type.partition(".")[0], "transfer")
    fields = msgspec.json.decode(data)
    amount = f" {fields['amount']} {fields['currency']}" if "amount" in fields else ""
    detail = (
        f"fact {sequence}{amount}, merchant {ids.encode('merchant', merchant_id)} "
        f"in {region}, request {correlation_id}"
    )
    return TraceStep(at, event_type, ids.encode(kind, object_id), detail)


def _flow_steps(rows: Rows) -> list[TraceStep]:
    """When each flow began, and where it is or how it ended."""
    steps = []
    for began_at, changed_at, flow_id, name, recovery_point, status, attempts, note in rows:
        wire = ids.encode("saga", flow_id)
        steps.append(TraceStep(began_at, f"saga {name}", wire, f"goes on with {recovery_point}"))
        unanswered = f", {attempts} attempts without an answer" if attempts else ""
        why = f": {note}" if note else ""
        detail = f"at {recovery_point}{unanswered}{why}"
        steps.append(TraceStep(changed_at, f"saga {name} {status}", wire, detail))
    return steps


def _transfer_steps(rows: Rows) -> list[TraceStep]:
    steps = []
    for at, transfer_id, kind, purpose, entries, writer, sequence in rows:
        name = ids.encode("transfer", transfer_id)
        steps.append(
            TraceStep(at, f"transfer {kind}", name, f"{purpose}, block {sequence} of {writer}")
        )
        for line in msgspec.json.decode(entries, type=list[EntryLine]):
            held = f", held {line.pending_minor:+d}" if line.pending_minor else ""
            account = ids.encode("account", UUID(line.account_id))
            detail = f"posted {line.posted_minor}{held}, version {line.version}"
            steps.append(TraceStep(at, f"entry {line.direction}", account, detail))
    return steps
