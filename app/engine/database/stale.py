"""Reading what was true some seconds ago: for lists and reports, never for a decision."""

from uuid import UUID

import psycopg

from app.base.queries import Query
from app.engine.database import arrays
from app.engine.database.engine import Database, Driver, Params, Row, Rows

# At about 5 s every replica knows that nothing older can change any more, so the nearest one
# answers, in whichever region it is. Where a licence is asked for that, the leaseholder answers.
_BEGIN = "BEGIN READ ONLY AS OF SYSTEM TIME follower_read_timestamp()"
_AGE = "SELECT CAST(extract(epoch FROM clock_timestamp() - now()) AS FLOAT8)"

# What is younger than that has no past: a column, a table, the database itself.
_NO_PAST = (
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InvalidCatalogName,
)


class StaleReader:
    """The reads of one request that need not be current.

    On PostgreSQL there is one copy of the data, and they are current.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.age_s = 0.0
        """How old the oldest answer so far is."""

    async def read(self, query: Query, params: Params) -> Rows:
        """The rows of one reading statement.

        Raises:
            DatabaseUnreachable: no attempt reached the database.
        """
        if not self._database.is_cockroach:
            return await self._database.read(query, params)

        async def ask(driver: Driver) -> tuple[Rows, float]:
            async with driver.pipeline():
                await driver.execute(_BEGIN)
                # At once, as the writes of a batch are: see `Tx.flush`.
                found = await driver.execute(query.text, params, prepare=True)
                age = await driver.execute(_AGE)
                await driver.execute("ROLLBACK")
            [(seconds,)] = await age.fetchall()
            return await found.fetchall(), seconds

        try:
            rows, age_s = await self._database.ask(ask)
        except _NO_PAST:
            return await self._database.read(query, params)
        self.age_s = max(self.age_s, age_s)
        return rows

    async def find(
        self, query: Query, region: str, merchant_id: UUID, object_id: UUID
    ) -> Row | None:
        """One row of a merchant by its id; see `Database.find` about the statement.

        Raises:
            DatabaseUnreachable: no attempt reached the database.
        """
        rows = await self.read(query, arrays.by_keys(region, [(merchant_id, object_id)]))
        return rows[0] if rows else None
