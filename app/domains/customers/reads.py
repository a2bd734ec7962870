"""Reading side: one typed function per statement, outside any transaction."""

from uuid import UUID

from app.domains.customers.model import Customer, PaymentMethod
from app.domains.customers.store import CUSTOMERS, METHODS
from app.engine.database import Listed, Page, Queries, Reader, listed

queries = Queries(__package__, "reads.sql", [CUSTOMERS, METHODS])


async def find_customer(
    reader: Reader, region: str, merchant_id: UUID, customer_id: UUID
) -> Customer | None:
    params = {"region": region, "merchant_id": merchant_id, "id": customer_id}
    rows = await reader.read(queries.find_customer, params)
    return CUSTOMERS.struct_of(rows[0]) if rows else None


async def list_customers(
    reader: Reader, region: str, merchant_id: UUID, page: Page
) -> Listed[Customer]:
    """A page of a merchant's customers, deleted ones left out."""
    query = page.query(queries.list_customers)
    rows = await reader.read(query, page.params(region, merchant_id))
    return listed(page, [CUSTOMERS.struct_of(row) for row in rows])


async def find_method(
    reader: Reader, region: str, merchant_id: UUID, method_id: UUID
) -> PaymentMethod | None:
    """One payment method of a merchant."""
    row = await reader.find(queries.find_methods, region, merchant_id, method_id)
    return None if row is None else METHODS.struct_of(row)


async def list_methods(
    reader: Reader, region: str, merchant_id: UUID, page: Page, customer_id: UUID | None
) -> Listed[PaymentMethod]:
    """A page of a merchant's payment methods, or of one customer's; detached ones are left out."""
    params = page.params(region, merchant_id)
    if customer_id is None:
        query = page.query(queries.list_methods)
    else:
        query = page.query(queries.list_methods_of_customer)
        params["customer_id"] = customer_id
    return listed(page, [METHODS.struct_of(row) for row in await reader.read(query, params)])
