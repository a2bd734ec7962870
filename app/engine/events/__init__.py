"""Events: facts, appended in the transaction that made them true.

Guarantees: no change without its event and no event without its change; the facts about one object
are numbered 1, 2, 3 ... without gaps, in the order in which they became true, and their ids ascend
in that order. None comes into being below the horizon of its region (`engine.database.fences`): who
reads up to there misses none, whichever processes wrote them and whatever their clocks said.

Owns `events`.

Never sends anything to anybody: delivery reads what is here.
"""

from app.engine.events.commands import append
from app.engine.events.model import Event, Fact
from app.engine.events.store import find_event, list_events
from app.engine.events.views import EventView, view

__all__ = ["Event", "EventView", "Fact", "append", "find_event", "list_events", "view"]
