"""`suya chaos`: breaks things under load, and checks that no money was lost.

Guarantees: every request is in the history before it is sent, and every answer once it came. Each
finding names its key. The sequence of faults is a function of the seed. Where a run pays by card,
its acquirer's books are compared with Suya's, payment by payment. Whatever a run started ends with
it, and every fault is healed within a limit.

Owns no table; its merchants, wallets and payments come through the public API.

Never corrects what it finds, and never touches a process that it did not start.
"""

from app.devkit.chaos.checker import check
from app.devkit.chaos.history import History, HistoryUnreadable
from app.devkit.chaos.model import Anomaly, Wrong

__all__ = ["Anomaly", "History", "HistoryUnreadable", "Wrong", "check"]
