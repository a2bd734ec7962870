"""What is asked about notifications: to keep them."""

from uuid import UUID

from app.base import ids
from app.engine.idempotency import Command
from app.processors import Notification


class TakeNotification(Command, frozen=True):
    """Keep a notification whose signature is right."""

    processor: str
    notification: Notification

    @property
    def flow_id(self) -> UUID:
        """The same for every repetition."""
        return ids.derived("notification", self.processor, self.notification.id)
