"""Pages of lists: newest first, by position, at a cost that does not depend on the history."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from app.base import ids
from app.base.queries import Query

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

    def query(self, newest: Query) -> Query:
        """The statement for this page's direction."""
        if not self.backwards:
            return newest
        assert newest.reversed is not None
        return newest.reversed

    def params(self, region: str, merchant_id: UUID, **more: Any) -> dict[str, Any]:
        """Parameters of a list statement; one row more than the limit shows a next page."""
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
    position: Any = None
    """Where the page ended, if that is further than its last item: few of many may match."""


def listed(page: Page, items: Sequence[T]) -> Listed[T]:
    """The page made of the rows a list statement gave, in that statement's order."""
    found = list(items[: page.limit])
    return Listed(found[::-1] if page.backwards else found, len(items) > page.limit)


def merged(page: Page, parts: Sequence[Listed[T]], key: Callable[[T], Any]) -> Listed[T]:
    """One page made of the same page of several looks, each in a region.

    Args:
        key: by which the list is ordered and an item is known; where two parts have the same item,
            the later part's is taken.
    """
    if len(parts) == 1:
        return parts[0]
    nearest = min if page.backwards else max
    ends = [_end(page, part, key) for part in parts if part.has_more]
    # Beyond where one part ended, its items are not known yet; the others' have to wait for them.
    end = nearest(ends) if ends else None
    items = {key(item): item for part in parts for item in part.items}
    known = sorted(
        (k for k in items if end is None or nearest(k, end) == k), reverse=not page.backwards
    )
    found = [items[k] for k in known[: page.limit]]
    more = bool(ends) or len(known) > page.limit
    position = end if more and len(known) < page.limit else None
    return Listed(found[::-1] if page.backwards else found, more, position)


def _end(page: Page, part: Listed[T], key: Callable[[T], Any]) -> Any:
    """How far a part has come."""
    if part.position is not None:
        return part.position
    return key(part.items[0 if page.backwards else -1])
