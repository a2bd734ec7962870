"""The engine: `transact`, `GroupCommit`, named queries.

Guarantees: what `transact` returned is durable; work that met a conflict or an unknown commit ran
again as a whole; refusals of one command never abort its neighbours in a batch.

Owns no table but Alembic's version and the workers' `leases`.

Never decides by an error's text, never retries without a limit, and never lets a caller hold a
transaction open while it waits for anything but the database.
"""

from app.database import arrays
from app.database.engine import Database, Reader, Rows, database_url
from app.database.group_commit import GroupCommit, Outcomes, Receipt, Step
from app.database.lookups import LookUps
from app.database.moving import NOBODY_MOVES, Moving, moving, pull
from app.database.pages import LAST, Listed, Page, listed, merged
from app.database.queries import Queries, Query
from app.database.stale import StaleReader
from app.database.transact import KeysTaken, Tx, Writer, transact

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
    "Queries",
    "Query",
    "Reader",
    "Receipt",
    "Rows",
    "StaleReader",
    "Step",
    "Tx",
    "Writer",
    "arrays",
    "database_url",
    "listed",
    "merged",
    "moving",
    "pull",
    "transact",
]
