"""Reading side: single payments and lists, outside any transaction.

A list has one statement per access path. What the path does not cover is filtered here, over a
bounded stretch of the list, so that no filter can make a page read the whole history.
"""

from typing import Any
from uuid import UUID

import msgspec

from app.domains.payments.model import Payment, PaymentStatus, Refund
from app.domains.payments.store import PAYMENTS, REFUNDS
from app.engine.database import Listed, Page, Queries, Query, Reader, listed

queries = Queries(__package__, "reads.sql", [PAYMENTS, REFUNDS])

STRETCH = 1_000  # rows read per statement: a few milliseconds
STRETCHES_MAX = 10  # a page answers after 10,000 rows even if it found less than was asked for


class PaymentFilter(msgspec.Struct, frozen=True):
    """What a list of payments is narrowed to; created ranges are bounds of the page itself."""

    status: PaymentStatus | None = None
    customer: str | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    def admits(self, payment: Payment) -> bool:
        """Whether a payment belongs to the list."""
        return (
            (self.status is None or payment.status == self.status)
            and (self.customer is None or payment.customer == self.customer)
            and (self.amount_min is None or payment.amount_minor >= self.amount_min)
            and (self.amount_max is None or payment.amount_minor <= self.amount_max)
            and all(payment.metadata.get(name) == value for name, value in self.metadata)
        )


async def find_payment(
    reader: Reader, region: str, merchant_id: UUID, payment_id: UUID
) -> Payment | None:
    row = await reader.find(queries.find_payments, region, merchant_id, payment_id)
    return None if row is None else PAYMENTS.struct_of(row)


async def list_payments(
    reader: Reader, region: str, merchant_id: UUID, page: Page, narrowed: PaymentFilter
) -> Listed[Payment]:
    """A page of a merchant's payments, newest first.

    Where few of many payments match, a page may hold less than was asked for and still have more
    behind it: its position is then the last payment that was looked at.
    """
    query, more = _path(page, narrowed)
    found: list[Payment] = []
    plain = narrowed == PaymentFilter()
    size = page.limit + 1 if plain else max(STRETCH // 10, page.limit + 1)
    here = page
    for _ in range(STRETCHES_MAX):
        params = here.params(region, merchant_id, **more) | {"page_size": size}
        rows = [PAYMENTS.struct_of(row) for row in await reader.read(query, params)]
        found += [payment for payment in rows if narrowed.admits(payment)]
        if len(found) > page.limit or len(rows) < size:
            return listed(page, found)
        bound = "after" if page.backwards else "before"
        here = msgspec.structs.replace(here, **{bound: rows[-1].id})
        size = STRETCH
    position = here.after if page.backwards else here.before
    return Listed(found[::-1] if page.backwards else found, has_more=True, position=position)


def _path(page: Page, narrowed: PaymentFilter) -> tuple[Query, dict[str, Any]]:
    """The statement whose index narrows most, and its parameters."""
    if narrowed.metadata:
        name, value = narrowed.metadata[0]
        query = page.query(queries.list_payments_by_label)
        return query, {"name": name, "value": value}
    if narrowed.customer is not None:
        query = page.query(queries.list_payments_by_customer)
        return query, {"customer": narrowed.customer}
    if narrowed.status is not None and narrowed.status != "captured":
        query = page.query(queries.list_payments_by_status)
        return query, {"status": narrowed.status}
    return page.query(queries.list_payments), {}


async def find_refund(
    reader: Reader, region: str, merchant_id: UUID, refund_id: UUID
) -> Refund | None:
    params = {"region": region, "merchant_id": merchant_id, "id": refund_id}
    rows = await reader.read(queries.find_refund, params)
    return REFUNDS.struct_of(rows[0]) if rows else None


async def list_refunds(
    reader: Reader, region: str, merchant_id: UUID, page: Page, payment_id: UUID | None
) -> Listed[Refund]:
    """A page of a merchant's refunds, or of one payment's, newest first."""
    if payment_id is None:
        query = page.query(queries.list_refunds)
        params = page.params(region, merchant_id)
    else:
        query = page.query(queries.list_refunds_of_payment)
        params = page.params(region, merchant_id, payment_id=payment_id)
    return listed(page, [REFUNDS.struct_of(row) for row in await reader.read(query, params)])
