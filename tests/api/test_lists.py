"""What all lists have in common: cursors, has_more, created ranges; everything exactly once."""

import operator
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import pytest

from app.base import ids
from tests.support.builders import Merchant
from tests.support.client import done
from tests.support.endpoints import transfer

COUNT = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Listing(NamedTuple):
    """A list with some objects in it."""

    path: str
    size: int


Fill: TypeAlias = Callable[[Merchant], Awaitable[Listing]]


async def _accounts(merchant: Merchant) -> Listing:
    for _ in range(COUNT):
        await merchant.wallet()
    return Listing("/v1/accounts", COUNT)


async def _payments(merchant: Merchant) -> Listing:
    wallet = await merchant.wallet(funds=5_000)
    for _ in range(COUNT):
        await merchant.pay(wallet, 100)
    return Listing("/v1/payments", COUNT)


async def _refunds(merchant: Merchant) -> Listing:
    paid = await merchant.pay(await merchant.wallet(funds=5_000))
    for _ in range(COUNT):
        await merchant.refund(paid["id"], amount=1)
    return Listing("/v1/refunds", COUNT)


async def _transfers(merchant: Merchant) -> Listing:
    source, target = await merchant.wallet(funds=5_000), await merchant.wallet()
    for _ in range(COUNT - 1):
        done(await merchant.api.post("/v1/transfers", transfer((source, -1), (target, 1))))
    return Listing("/v1/transfers", COUNT)


async def _events(merchant: Merchant) -> Listing:
    for _ in range(COUNT):
        await merchant.wallet()
    return Listing("/v1/events", COUNT)


async def _entries(merchant: Merchant) -> Listing:
    wallet = await merchant.wallet()
    for _ in range(COUNT):
        await merchant.deposit(wallet, 1)
    return Listing(f"/v1/accounts/{wallet}/entries", COUNT)


async def _quotes(merchant: Merchant) -> Listing:
    for _ in range(COUNT):
        await merchant.quote("USD", "EUR", source_amount=1_000)
    return Listing("/v1/fx/quotes", COUNT)


async def _customers(merchant: Merchant) -> Listing:
    for _ in range(COUNT):
        await merchant.customer()
    return Listing("/v1/customers", COUNT)


LISTS: dict[str, Fill] = {
    "accounts": _accounts,
    "payments": _payments,
    "refunds": _refunds,
    "transfers": _transfers,
    "events": _events,
    "entries": _entries,
    "quotes": _quotes,
    "customers": _customers,
}
every_list = pytest.mark.parametrize("fill", LISTS.values(), ids=LISTS.keys())


@every_list
@pytest.mark.parametrize("limit", [1, 3, COUNT, COUNT + 1])
async def test_forward_over_everything_once(merchant: Merchant, fill: Fill, limit: int) -> None:
    """Page by page, newest first, every object comes once and only the last page has no more."""
    listing = await fill(merchant)

    pages = await _walk(merchant, listing.path, limit, "starting_after")

    found = [item["id"] for page in pages for item in page["data"]]
    assert len(found) == len(set(found)) == listing.size
    # Not as texts: an instant on the full second has no fraction.
    times = [datetime.fromisoformat(i["created_at"]) for page in pages for i in page["data"]]
    assert times == sorted(times, reverse=True)
    assert [page["has_more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {len(page["data"]) for page in pages[:-1]} <= {limit}


@every_list
@pytest.mark.parametrize("limit", [1, 3])
async def test_backward_over_everything_once(merchant: Merchant, fill: Fill, limit: int) -> None:
    """From the oldest back to the newest the same objects come, each page newest first."""
    listing = await fill(merchant)
    everything = [item["id"] for item in await merchant.api.all(listing.path)]

    pages = await _walk(merchant, listing.path, limit, "ending_before", start=everything[-1])

    back = [item["id"] for page in pages[::-1] for item in page["data"]]
    assert back == everything[:-1]
    assert [page["has_more"] for page in pages] == [True] * (len(pages) - 1) + [False]


@every_list
async def test_beyond_the_ends_there_is_nothing(merchant: Merchant, fill: Fill) -> None:
    """After the oldest and before the newest the page is empty."""
    listing = await fill(merchant)
    everything = [item["id"] for item in await merchant.api.all(listing.path)]

    for params in ({"starting_after": everything[-1]}, {"ending_before": everything[0]}):
        page = done(await merchant.api.get(listing.path, params))
        assert page == {"data": [], "has_more": False}


@every_list
async def test_a_page_holds_twenty_unless_asked(merchant: Merchant, fill: Fill) -> None:
    """All seven come on the first page when nobody says how many, and nothing else."""
    listing = await fill(merchant)

    page = done(await merchant.api.get(listing.path))

    assert sorted(page) == ["data", "has_more"]
    assert len(page["data"]) == listing.size
    assert page["has_more"] is False


by_time = pytest.mark.parametrize("name", [name for name in LISTS if name != "entries"])
BOUNDS = {"gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt}


@by_time
async def test_ranges_of_time(merchant: Merchant, name: str) -> None:
    """`created[...]` compares with the millisecond an id was made in, exactly."""
    listing = await LISTS[name](merchant)
    everything = await merchant.api.all(listing.path)
    middle = _made_at(everything[COUNT // 2])

    for bound, admits in BOUNDS.items():
        asked = {f"created[{bound}]": f"{middle.isoformat()}"}
        found = await merchant.api.all(listing.path, limit=2, **asked)
        expected = [item["id"] for item in everything if admits(_made_at(item), middle)]
        assert [item["id"] for item in found] == expected, bound


@by_time
async def test_ranges_of_the_time_that_is_shown(merchant: Merchant, name: str) -> None:
    """`created[...]` compares with the `created_at` that objects show, to the millisecond."""
    listing = await LISTS[name](merchant)
    everything = await merchant.api.all(listing.path)
    middle = _shown_at(everything[COUNT // 2])

    for bound, admits in BOUNDS.items():
        found = await merchant.api.all(listing.path, **{f"created[{bound}]": middle.isoformat()})
        expected = [item["id"] for item in everything if admits(_shown_at(item), middle)]
        assert [item["id"] for item in found] == expected, bound


@by_time
async def test_every_millisecond_is_exact(merchant: Merchant, name: str) -> None:
    """A bound one millisecond later admits one millisecond less, whatever the digits."""
    listing = await LISTS[name](merchant)
    (newest, *_) = (await merchant.api.get(listing.path)).json()["data"]
    made = _made_at(newest)

    for bound, shift in (("gte", 0), ("gt", -1), ("lte", 0), ("lt", 1)):
        at = made + timedelta(milliseconds=shift)
        asked = {"limit": 1, f"created[{bound}]": at.isoformat()}
        page = done(await merchant.api.get(listing.path, asked))
        assert [item["id"] for item in page["data"]] == [newest["id"]], bound


async def test_pages_do_not_shift(merchant: Merchant) -> None:
    """What is created while somebody reads does not repeat or hide what was there."""
    wallet = await merchant.wallet(funds=5_000)
    before = [(await merchant.pay(wallet, 100))["id"] for _ in range(4)][::-1]
    first = done(await merchant.api.get("/v1/payments", {"limit": 2}))
    await merchant.pay(wallet, 100)

    rest = await merchant.api.all("/v1/payments", starting_after=first["data"][-1]["id"])

    assert [p["id"] for p in first["data"] + rest] == before


async def _walk(
    merchant: Merchant, path: str, limit: int, cursor: str, start: str | None = None
) -> list[dict[str, Any]]:
    """The pages in the order of the walk."""
    pages: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": limit}
    if start is not None:
        params[cursor] = start
    while len(pages) <= COUNT + 1:
        page = done(await merchant.api.get(path, params))
        pages.append(page)
        if not page["has_more"]:
            return pages
        params[cursor] = page["data"][-1 if cursor == "starting_after" else 0]["id"]
    raise AssertionError("the list does not end")


def _made_at(item: dict[str, Any]) -> datetime:
    """When an object's id was made: its first 48 bits."""
    prefix = item["id"].partition("_")[0]
    kind = next(kind for kind, known in ids.PREFIXES.items() if known == prefix)
    return _EPOCH + timedelta(milliseconds=ids.decode(kind, item["id"]).int >> 80)


def _shown_at(item: dict[str, Any]) -> datetime:
    """When an object says it was created, cut to the millisecond."""
    at = datetime.fromisoformat(item["created_at"])
    return at.replace(microsecond=at.microsecond // 1_000 * 1_000)
