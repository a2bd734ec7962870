"""Leases: which of several workers does a piece of background work just now.

A lease only spares double work; the work itself must be safe to do twice, because a paused holder
may wake after its lease has run out.
"""

from datetime import timedelta
from uuid import UUID

from app.base.queries import Queries
from app.engine.database.engine import Database
from app.engine.database.transaction import Tx, transact

queries = Queries("app.engine.database")


async def take_lease(
    database: Database, region: str, name: str, holder: UUID, *, seconds: float
) -> bool:
    """Whether `holder` has the lease for the next `seconds`."""

    async def work(tx: Tx) -> bool:
        params = {
            "region": region,
            "name": name,
            "holder": holder,
            "now": tx.now,
            "expires_at": tx.now + timedelta(seconds=seconds),
        }
        return await tx.execute(queries.take_lease, params) == 1

    return await transact(database, work)
