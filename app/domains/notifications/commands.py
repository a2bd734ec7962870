"""What is asked about notifications: to keep them."""

from uuid import UUID

import msgspec

from app.base import ids
from app.engine.idempotency import Intent
from app.processors import Notification


class TakeNotification(msgspec.Struct, frozen=True):
    """Keep a notification whose signature is right."""

    region: str
    merchant_id: UUID
    correlation_id: str
    processor: str
    notification: Notification
    former_region: str | None = None
    intent: Intent | None = None

    @property
    def flow_id(self) -> UUID:
        """The same for every repetition."""
        return ids.derived("notification", self.processor, self.notification.id)
