"""The flow of a notification."""

import msgspec

from app.domains.notifications.commands import (
    Doorbell,
    TakeNotification,
    finish_notifications,
    take_notifications,
)
from app.engine.saga import Flow, Postpone, Saga, atomic, external
from app.processors import World


async def follow_up(world: World, flow: Flow) -> str | Postpone:
    """Let whoever knows the subject look at what it is about; says what came of it."""
    bell = msgspec.json.decode(flow.data, type=Doorbell)
    follow = world.followers.get(bell.notification.subject)
    if follow is None:
        return f"nobody follows {bell.notification.subject}"
    return await follow(world, flow, bell.processor, bell.notification)


NOTIFICATION: Saga[TakeNotification] = Saga(
    "notification",
    atomic(take_notifications),
    external(follow_up),
    atomic(finish_notifications),
)
