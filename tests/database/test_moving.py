"""Looking for one row of a merchant that moves."""

import pytest

from app.engine.database import find_in, regions_of


def test_who_stays_is_looked_for_once() -> None:
    """A merchant at home costs one look."""
    assert regions_of("eu", None) == ("eu",)


@pytest.mark.parametrize(
    ("before", "after"),
    [("us", "us"), ("eu", "eu"), ("us", "eu"), ("eu", "us")],
    ids=["still there", "at home", "comes home", "goes the other way"],
)
@pytest.mark.parametrize("moves_after", [1, 2])
async def test_a_row_that_moves_meanwhile_is_found(
    before: str, after: str, moves_after: int
) -> None:
    """Wherever a row is before and after its one move, one of the looks meets it."""
    looked: list[str] = []

    async def read(region: str) -> str | None:
        looked.append(region)
        place = before if len(looked) <= moves_after else after
        return "the row" if place == region else None

    assert await find_in(regions_of("eu", "us"), read) == "the row"


async def test_what_is_nowhere_is_not_found() -> None:
    """None says that no region has it."""
    looked: list[str] = []

    async def read(region: str) -> str | None:
        looked.append(region)
        return None

    assert await find_in(regions_of("eu", "us"), read) is None
    assert looked == ["us", "eu", "us"]
