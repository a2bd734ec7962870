"""What the flow of a notification knows."""

import msgspec

from app.processors import Notification


class Doorbell(msgspec.Struct):
    """What a notification's flow knows."""

    processor: str
    notification: Notification
