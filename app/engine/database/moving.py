"""Rows that follow their merchant to another region.

While a merchant moves, each of its rows is in one of two regions, and a process may hold either for
the home. A step that needs rows by their keys first pulls them home, in the same transaction; then
all its statements read and write at home. A read outside a transaction looks in the regions that
`regions_of` names, in that order.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar
from uuid import UUID

from app.base.queries import Query
from app.engine.database import arrays

if TYPE_CHECKING:
    from app.engine.database.engine import Rows
    from app.engine.database.transaction import Tx

T = TypeVar("T")

Moving: TypeAlias = Mapping[UUID, str]
"""Merchants that move -> the region in which rows of theirs may be beside the home."""

NOBODY_MOVES: Final[Moving] = {}


class Placed(Protocol):
    """What says whose it is, where that merchant is at home, and where else its rows may be."""

    @property
    def region(self) -> str: ...
    @property
    def merchant_id(self) -> UUID: ...
    @property
    def former_region(self) -> str | None: ...
    @property
    def regions(self) -> tuple[str, ...]: ...


def moving(commands: Iterable[Placed]) -> Moving:
    """The merchants of a batch that move; what one command knows holds for all of the merchant."""
    return {c.merchant_id: c.former_region for c in commands if c.former_region is not None}


def regions_of(home: str, former: str | None) -> tuple[str, ...]:
    """Where to look for a merchant's rows outside a transaction, in this order.

    The former region comes first: what leaves it meanwhile is found at home. It comes once more at
    last, because a row goes the other way where processes do not agree about the home yet.
    """
    return (home,) if former is None else (former, home, former)


async def find_in(regions: Sequence[str], read: Callable[[str], Awaitable[T | None]]) -> T | None:
    """What is found first, looking in one region after the other; none if it is in none."""
    for region in regions:
        found = await read(region)
        if found is not None:
            return found
    return None


async def pull(
    tx: "Tx", query: Query, region: str, moving: Moving, keys: Collection[tuple[UUID, UUID]]
) -> "Rows":
    """Bring those of some (merchant, id) to `region` that are in their merchants' former regions.

    Returns what `query` returns of each row that came. Runs no statement where no merchant moves.
    """
    wanted = sorted(key for key in keys if key[0] in moving) if moving else []
    if not wanted:
        return ()
    params = {
        "region": region,
        "former_region": arrays.words([moving[merchant_id] for merchant_id, _ in wanted]),
        "merchant_id": arrays.uuids([merchant_id for merchant_id, _ in wanted]),
        "id": arrays.uuids([id_ for _, id_ in wanted]),
    }
    return await tx.rows(query, params)
