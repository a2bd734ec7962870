"""The engine: `transact`, `GroupCommit`, named queries.

Guarantees: what `transact` returned is durable; work that met a conflict or an unknown commit ran
again as a whole; refusals of one command never abort its neighbours in a batch.

Owns no table but Alembic's version and the workers' `leases`, and `fences`.

Never decides by an error's text, never retries without a limit, and never lets a caller hold a
transaction open while it waits for anything but the database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.base.queries import Queries, Query
from app.engine.database import arrays
from app.engine.database.moving import (
    NOBODY_MOVES,
    Moving,
    Placed,
    find_in,
    moving,
    pull,
    regions_of,
)
from app.engine.database.pages import LAST, Listed, Page, listed, merged
from app.engine.database.tables import TableOf

if TYPE_CHECKING:
    from app.engine.database.engine import Database, Reader, Rows, database_url
    from app.engine.database.group_commit import GroupCommit, Outcomes, Receipt, Step, step
    from app.engine.database.lookups import LookUps
    from app.engine.database.stale import StaleReader
    from app.engine.database.transaction import KeysTaken, Tx, Writer, transact
else:
    # What connects is imported when it is first asked for: the toolkit takes a quarter of a second,
    # and who only needs a named statement or the embedded server's address does not connect.
    _BEHIND_THE_DOOR = {
        **dict.fromkeys(("Database", "Reader", "Rows", "database_url"), "engine"),
        **dict.fromkeys(("GroupCommit", "Outcomes", "Receipt", "Step", "step"), "group_commit"),
        **dict.fromkeys(("LookUps",), "lookups"),
        **dict.fromkeys(("StaleReader",), "stale"),
        **dict.fromkeys(("KeysTaken", "Tx", "Writer", "transact"), "transaction"),
    }

    def __getattr__(name: str) -> Any:
        """The name, out of the module that has it; each is looked up once."""
        if name not in _BEHIND_THE_DOOR:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f"{__name__}.{_BEHIND_THE_DOOR[name]}")
        value = globals()[name] = getattr(module, name)
        return value


__all__ = [
    "LAST",
    "NOBODY_MOVES",
    "Database",
    "GroupCommit",
    "KeysTaken",
    "Listed",
    "LookUps",
    "Moving",
    "Outcomes",
    "Page",
    "Placed",
    "Queries",
    "Query",
    "Reader",
    "Receipt",
    "Rows",
    "StaleReader",
    "Step",
    "TableOf",
    "Tx",
    "Writer",
    "arrays",
    "database_url",
    "find_in",
    "listed",
    "merged",
    "moving",
    "pull",
    "regions_of",
    "step",
    "transact",
]
