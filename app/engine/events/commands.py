"""Appending events."""

from collections.abc import Sequence
from uuid import UUID

from app.base import ids
from app.base.errors import InvariantViolated
from app.engine.database import Tx
from app.engine.events import store
from app.engine.events.model import Event, Fact


def append(tx: Tx, region: str, facts: Sequence[Fact]) -> None:
    """Append events about `facts` in `tx`; they exist exactly if the changes they are about do."""
    if not facts:
        return
    if not tx.is_fenced or min(fact.created_at for fact in facts) < tx.earliest:
        raise InvariantViolated("events are dated before what may be final already")
    made = ids.series(fact.created_at for fact in facts)
    store.insert_events(tx, region, [_event(*each) for each in zip(facts, made, strict=True)])


def _event(fact: Fact, event_id: UUID) -> Event:
    return Event(
        merchant_id=fact.merchant_id,
        type=fact.type,
        object_id=fact.object_id,
        sequence=fact.sequence,
        data=fact.data,
        correlation_id=fact.correlation_id,
        created_at=fact.created_at,
        id=event_id,
    )
