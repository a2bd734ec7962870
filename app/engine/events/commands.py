"""Appending events."""

from collections.abc import Sequence

from app.base import ids
from app.base.errors import InvariantViolated
from app.engine.database import Tx
from app.engine.events import store
from app.engine.events.model import Event, Fact


def append(tx: Tx, region: str, facts: Sequence[Fact]) -> None:
    """Append events about `facts` in `tx`; they exist exactly if the changes they are about do."""
    if facts:
        store.insert_events(tx, region, [_event(tx, fact, at) for at, fact in enumerate(facts)])


def _event(tx: Tx, fact: Fact, place: int) -> Event:
    if not tx.is_fenced or fact.created_at < tx.earliest:
        raise InvariantViolated(f"{fact.type} is dated before what may be final already")
    return Event(
        merchant_id=fact.merchant_id,
        type=fact.type,
        object_id=fact.object_id,
        sequence=fact.sequence,
        data=fact.data,
        correlation_id=fact.correlation_id,
        created_at=fact.created_at,
        id=ids.at(fact.created_at, place),
    )
