"""Reading side: one typed function per statement, outside any transaction."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from app.customers.model import Customer, PaymentMethod
from app.customers.store import customer
from app.database import Listed, LookUps, Page, Queries, Reader, arrays, listed

queries = Queries(__package__, "reads.sql")


async def find_customer(
    reader: Reader, region: str, merchant_id: UUID, customer_id: UUID
) -> Customer | None:
    """One customer of a merchant."""
    params = {"region": region, "merchant_id": merchant_id, "id": customer_id}
    rows = await reader.read(queries.find_customer, params)
    return customer(rows[0]) if rows else None


async def list_customers(
    reader: Reader, region: str, merchant_id: UUID, page: Page
) -> Listed[Customer]:
    """A page of a merchant's customers, deleted ones left out."""
    query = page.query(queries.list_customers_newest, queries.list_customers_oldest)
    rows = await reader.read(query, page.params(region, merchant_id))
    return listed(page, [customer(row) for row in rows])


async def find_method(
    reader: Reader, region: str, merchant_id: UUID, method_id: UUID
) -> PaymentMethod | None:
    """One payment method of a merchant."""
    params = {"region": region, "merchant_id": merchant_id, "id": method_id}
    rows = await reader.read(queries.find_method, params)
    return PaymentMethod(*rows[0]) if rows else None


class MethodLookUps:
    """Payment methods for payments: many at a time, and in each region for itself."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # A region that is away holds up nobody who asks for another one's rows.
        self._by_region: dict[str, LookUps[tuple[UUID, UUID], PaymentMethod]] = {}

    async def find(
        self, regions: Sequence[str], merchant_id: UUID, method_id: UUID
    ) -> PaymentMethod | None:
        """One payment method of a merchant, in whichever of its regions (the home last) it is.

        None: nobody registered it yet; the vault may know it all the same.

        Raises:
            DatabaseUnreachable
        """
        # The former region is asked again at last: a row may come home between two reads.
        for region in (*regions, *regions[:-1]):
            found = await self._of(region).find((merchant_id, method_id))
            if found is not None:
                return found
        return None

    def _of(self, region: str) -> LookUps[tuple[UUID, UUID], PaymentMethod]:
        if region not in self._by_region:
            self._by_region[region] = LookUps(partial(find_methods, self._reader, region))
        return self._by_region[region]


async def find_methods(
    reader: Reader, region: str, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], PaymentMethod]:
    """The payment methods of some (merchant, id); missing ones are left out."""
    params = {
        "regions": arrays.same(region, len(keys)),
        "merchant_ids": arrays.uuids([merchant_id for merchant_id, _ in keys]),
        "ids": arrays.uuids([method_id for _, method_id in keys]),
    }
    rows = await reader.read(queries.find_methods, params)
    return {(row[0], row[1]): PaymentMethod(*row) for row in rows}


async def list_methods(
    reader: Reader, region: str, merchant_id: UUID, page: Page, customer_id: UUID | None
) -> Listed[PaymentMethod]:
    """A page of a merchant's payment methods, or of one customer's; detached ones are left out."""
    params = page.params(region, merchant_id)
    if customer_id is None:
        query = page.query(queries.list_methods_newest, queries.list_methods_oldest)
    else:
        query = page.query(
            queries.list_methods_of_customer_newest, queries.list_methods_of_customer_oldest
        )
        params["customer_id"] = customer_id
    return listed(page, [PaymentMethod(*row) for row in await reader.read(query, params)])
