"""Notifications: messages of processors, kept before their arrival is confirmed.

Guarantees: a notification that was answered by 200 is followed up, whatever dies, once or more; one
that is repeated is kept once. It is a doorbell: what it is about is looked up at the processor, so
duplicates, delays and any order of arrival come to the same.

Owns no table: a notification is a run of the flow `notification` (table `sagas`), whose id is made
of the processor's own name for it.

Never believes what a notification says beyond what it is about.
"""

from app.domains.notifications.commands import TakeNotification
from app.domains.notifications.flow import NOTIFICATION

__all__ = ["NOTIFICATION", "TakeNotification"]
