"""/v1/notifications/{processor}: where processors send their notifications."""

import msgspec
from litestar import Router, post
from litestar.response.base import ASGIResponse

from app.api.http.call import ApiRequest, context_of, send, services_of
from app.api.http.errors import CardNumberNotAllowed
from app.api.http.reply import SINGLE_BYTES_MAX, read_body
from app.base import ids
from app.base.pan import contains_pan, scrub
from app.domains.merchants.reads import find_homes
from app.domains.notifications import NOTIFICATION, TakeNotification
from app.processors import errors


class Received(msgspec.Struct, frozen=True):
    """It is kept; the processor need not send it again."""

    received: bool = True


# Not in the OpenAPI document: that is for merchants.
@post("/{processor:str}", status_code=200)
async def take_notification(request: ApiRequest, processor: str) -> ASGIResponse:
    """Checks the signature and keeps the notification; then answers 200, and follows it up.

    A notification may come twice, late and in any order: it says what to look at, and what is true
    is asked of the processor.
    """
    services, context = services_of(request), context_of(request)
    # Processors have long numbers of their own, which may look like a card's by chance.
    body = await read_body(request, SINGLE_BYTES_MAX, refuse_cards=False)
    headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in context.headers.items()}
    try:
        notification = await services.world.processors.complete(
            processor, services.world.processors.read_notification(processor, headers, body)
        )
    except errors.NotificationForeign:
        # About something that is not ours; after an error the processor would only repeat it.
        return send(Received())
    if contains_pan(notification.id) or contains_pan(notification.reference):
        raise CardNumberNotAllowed
    try:
        merchant_id = ids.decode("merchant", notification.merchant)
    except ids.MalformedId:
        raise errors.NotificationInvalid(reason="it names no merchant") from None
    homes = await find_homes(services.database, [merchant_id])
    if merchant_id not in homes:
        return send(Received())
    home, former = homes[merchant_id]
    command = TakeNotification(
        region=home,
        merchant_id=merchant_id,
        intent=None,
        correlation_id=context.request_id,
        former_region=former,
        processor=processor,
        notification=msgspec.structs.replace(notification, payload=scrub(notification.payload)),
    )
    deadline = services.database.deadline(context.started)
    kept = await services.world.sagas.run(NOTIFICATION, [command], deadline=deadline, wait_s=0.0)
    kept.only()
    return send(Received())


def router() -> Router:
    return Router("/v1/notifications", route_handlers=[take_notification])
