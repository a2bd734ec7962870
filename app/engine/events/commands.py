"""Appending events."""

from collections.abc import Sequence

from app.engine.database import Tx
from app.engine.events import store
from app.engine.events.model import Event


def append(tx: Tx, region: str, events: Sequence[Event]) -> None:
    """Append `events` in `tx`; they exist exactly if the changes they are about do."""
    if events:
        store.insert_events(tx, region, events)
