"""/v1/events: what happened, newest first."""

from litestar import Router, get
from litestar.response.base import ASGIResponse

from app.api.http import lists
from app.api.http.call import ApiRequest, enter, path_id, send
from app.api.http.docs import LIST_PARAMETERS, Doc
from app.api.http.errors import ObjectNotFound
from app.api.http.reading import Reading
from app.base import ids
from app.engine import events
from app.engine.events import EventView

_KINDS = (
    *("payment", "refund", "transfer", "account", "customer", "payment_method"),
    *("payout", "bank_account", "fx_quote", "dispute"),
)
_OBJECTS = {ids.PREFIXES[kind]: kind for kind in _KINDS}


@get(
    "/{event_id:str}",
    opt=Doc("Read an event", answer=EventView, errors=(ObjectNotFound,)).opt(),
)
async def read_event(request: ApiRequest, event_id: str) -> ASGIResponse:
    """One event."""
    call = await enter(request, "read")
    event = await Reading(call).find(events.find_event, path_id("event", event_id))
    if event is None:
        raise ObjectNotFound(kind="event", id=event_id)
    return send(events.view(event))


@get(
    "/",
    opt=Doc(
        "List events", answer=EventView, many=True,
        parameters=LIST_PARAMETERS | {"object": {"type": "string"}},
    ).opt(),
)  # fmt: skip
async def list_events(request: ApiRequest) -> ASGIResponse:
    """Facts, newest first; all of the merchant's, or those about one object.

    Whoever follows them with `ending_before` sees each once, in the order in which they became
    true.
    """
    call = await enter(request, "read")
    given = lists.parameters(request, *lists.PAGING, *lists.CREATED, "object")
    kind = _OBJECTS.get(given.get("object", "").rpartition("_")[0], "payment")
    reading = Reading(call, given)
    page = await reading.final(lists.page(given, "event"))
    object_id = lists.cursor(given, "object", kind)
    found = await reading.list(page, events.list_events, lambda e: e.id, page, object_id)
    return reading.send(lists.list_view(found.items, events.view, more=found.has_more))


def router() -> Router:
    """The routes of events."""
    return Router("/v1/events", route_handlers=[read_event, list_events])
