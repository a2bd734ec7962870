"""The flow of a notification."""

from app.domains.notifications.asks import follow_up
from app.domains.notifications.commands import TakeNotification
from app.domains.notifications.steps import finish_notifications, take_notifications
from app.engine.saga import Saga, atomic, external

NOTIFICATION: Saga[TakeNotification] = Saga(
    "notification",
    atomic(take_notifications),
    external(follow_up),
    atomic(finish_notifications),
)
