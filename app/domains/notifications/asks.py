"""The external step of notifications: the subject's domain looks at what it is about."""

import msgspec

from app.domains.notifications.model import Doorbell
from app.engine.saga import Flow, Postpone, external
from app.processors import World


@external("notification")
async def follow_up(world: World, flow: Flow) -> str | Postpone:
    """Let the subject's domain look at what it is about; returns a note for people."""
    bell = msgspec.json.decode(flow.data, type=Doorbell)
    follow = world.followers.get(bell.notification.subject)
    if follow is None:
        return f"nobody follows {bell.notification.subject}"
    return await follow(world, flow, bell.processor, bell.notification)
