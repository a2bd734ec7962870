"""One page from the pages of two regions."""

import random

import pytest

from app.engine.database import Listed, Page, listed, merged


def part(page: Page, items: list[int], position: int | None = None) -> Listed[int]:
    """The page one region gives of its items, or an early end."""
    if position is not None:
        seen = [i for i in items if (i <= position if page.backwards else i >= position)]
        return Listed(sorted(seen, reverse=True)[: page.limit], has_more=True, position=position)
    return listed(page, sorted(items, reverse=not page.backwards)[: page.limit + 1])


def itself(item: int) -> int:
    return item


@pytest.mark.parametrize(
    ("backwards", "one", "other", "expected", "more"),
    [
        (False, [9, 5], [7], [9, 7, 5], False),
        (False, [9, 8, 7, 6], [5], [9, 8, 7], True),
        (False, [9, 8, 7, 6], [10, 1], [10, 9, 8], True),
        (False, [], [3, 2, 1], [3, 2, 1], False),
        (False, [3, 2], [3, 1], [3, 2, 1], False),
        (True, [1, 2, 3, 4], [9], [3, 2, 1], True),
        (True, [1, 5], [3, 7], [5, 3, 1], True),
        (True, [], [], [], False),
    ],
)
def test_two_pages_become_one(
    backwards: bool, one: list[int], other: list[int], expected: list[int], more: bool
) -> None:
    """The items of both, each once, in the order of the list and no more than the limit."""
    page = Page(limit=3, backwards=backwards)

    found = merged(page, [part(page, one), part(page, other)], itself)

    assert (found.items, found.has_more, found.position) == (expected, more, None)


def test_a_part_that_ended_early_ends_the_page() -> None:
    """Beyond the place one part has looked at, the other's items wait for the next page."""
    page = Page(limit=3)

    found = merged(page, [part(page, [9, 2], position=6), part(page, [8, 3])], itself)

    assert found == Listed([9, 8], has_more=True, position=6)


@pytest.mark.parametrize("backwards", [False, True])
def test_page_after_page_shows_every_item_once(backwards: bool) -> None:
    """However two regions share a list, walking its pages to the end shows it whole."""
    chance = random.Random(7)
    for _ in range(300):
        items = chance.sample(range(1, 60), chance.randrange(0, 25))
        halves: list[list[int]] = [[], []]
        for item in items:
            halves[chance.randrange(2)].append(item)
        page = Page(limit=chance.randrange(1, 6), backwards=backwards)
        seen: list[int] = []
        at: int | None = None
        for _ in range(100):
            rest = [
                [i for i in h if at is None or (i > at if backwards else i < at)] for h in halves
            ]
            found = merged(page, [part(page, each) for each in rest], itself)
            seen += found.items[::-1] if backwards else found.items
            if not found.has_more:
                break
            at = found.position or seen[-1]
        assert seen == sorted(items, reverse=not backwards)
