"""The flow of a notification."""

from app.domains.notifications.asks import follow_up
from app.domains.notifications.steps import finish_notifications, take_notifications
from app.engine.saga import Saga

NOTIFICATION = Saga(take_notifications, follow_up, finish_notifications)
