"""The external step of notifications: whoever knows the subject looks at what it is about."""

import msgspec

from app.domains.notifications.model import Doorbell
from app.engine.saga import Flow, Postpone, external
from app.processors import World


@external("notification")
async def follow_up(world: World, flow: Flow) -> str | Postpone:
    """Let whoever knows the subject look at what it is about; says what came of it."""
    bell = msgspec.json.decode(flow.data, type=Doorbell)
    follow = world.followers.get(bell.notification.subject)
    if follow is None:
        return f"nobody follows {bell.notification.subject}"
    return await follow(world, flow, bell.processor, bell.notification)
