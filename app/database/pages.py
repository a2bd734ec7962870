"""Pages of lists: newest first, by position, at a cost that does not depend on the history."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from app import ids
from app.database.queries import Query

T = TypeVar("T")

LAST = UUID(int=2**128 - 1)
"""A position after every id."""


class Page(msgspec.Struct, frozen=True):
    """Which stretch of a list is asked for, as bounds on its ids (both exclusive)."""

    limit: int = 20
    before: UUID = LAST
    after: UUID = ids.NIL
    backwards: bool = False
    """Read from the old end: the page that ends just before a position."""

    def query(self, newest: Query, oldest: Query) -> Query:
        """The statement for this page's direction."""
        return oldest if self.backwards else newest

    def params(self, region: str, merchant_id: UUID, **more: Any) -> dict[str, Any]:
        """Parameters of a list statement; one row more than the limit tells of a next page."""
        return {
            "region": region,
            "merchant_id": merchant_id,
            "before": self.before,
            "after": self.after,
            "page_size": self.limit + 1,
            **more,
        }


class Listed(msgspec.Struct, Generic[T], frozen=True):
    """A page's items, newest first, and whether the list goes on in the direction asked for."""

    items: list[T]
    has_more: bool


def listed(page: Page, items: Sequence[T]) -> Listed[T]:
    """The page made of the rows a list statement gave, in that statement's order."""
    found = list(items[: page.limit])
    return Listed(found[::-1] if page.backwards else found, len(items) > page.limit)
