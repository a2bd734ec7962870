"""Events: facts, appended in the transaction that made them true.

Guarantees: no change without its event and no event without its change; the facts about one object
are numbered 1, 2, 3 ... without gaps, in the order in which they became true.

Owns `events`.

Never sends anything to anybody: delivery reads what is here.
"""

from app.engine.events.commands import append
from app.engine.events.model import Event
from app.engine.events.store import find_event, list_events
from app.engine.events.views import EventView, view

__all__ = ["Event", "EventView", "append", "find_event", "list_events", "view"]
