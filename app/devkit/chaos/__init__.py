"""`suya chaos`: break things under load, and prove that nobody lost money.

Guarantees: every request is in the history before it is sent and every answer after it came; what
is found wrong is named by its key; the sequence of faults is a function of the seed. Where a run
pays by card its acquirer's books are compared with ours, payment by payment. Whatever a run started
ends with it, and every fault heals itself within a limit.

Owns no table; its merchants, wallets and payments come through the public API like everybody's.

Never mends what it finds, and never touches a process that it did not start.
"""

from app.devkit.chaos.checker import check
from app.devkit.chaos.history import History, HistoryUnreadable
from app.devkit.chaos.model import Anomaly, Wrong

__all__ = ["Anomaly", "History", "HistoryUnreadable", "Wrong", "check"]
