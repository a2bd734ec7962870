"""`suya merchants rehome`: moves a merchant's rows to another region, while payments go on.

Guarantees: at every commit each row is in exactly one region, which is one of the two that the
merchant's record names. The same command finishes a move that was interrupted anywhere. If several
movers run, each step is taken once.

Owns no table.

Never moves what belongs to regions and their writers (`journal_blocks`, `leases`, `fences`, the
platform's own accounts), and never waits inside a transaction.
"""

from app.operate.rehoming.errors import MoveDisturbed, MovesElsewhere
from app.operate.rehoming.move import MoveResult, Progress, rehome, spread_s
from app.operate.rehoming.tables import STAYING, TABLES, MovingTable

__all__ = [
    "STAYING",
    "TABLES",
    "MoveDisturbed",
    "MoveResult",
    "MovesElsewhere",
    "MovingTable",
    "Progress",
    "rehome",
    "spread_s",
]
