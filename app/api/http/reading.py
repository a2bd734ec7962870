"""Where one request reads: how fresh, and in which regions."""

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

import msgspec

from app.api.http.call import Call, send
from app.api.http.lists import bad
from app.api.http.reply import Reply
from app.base import ids
from app.engine.database import Listed, Page, Reader, StaleReader, find_in, merged

T = TypeVar("T")
P = ParamSpec("P")

CONSISTENCY = ("current", "stale")

# What all reading functions begin with: the reader, the region, the merchant.
_Find = Callable[Concatenate[Reader, str, UUID, P], Awaitable[T]]


class Reading:
    """The reads of one call, wherever its merchant's rows are."""

    def __init__(self, call: Call, given: Mapping[str, str] | None = None) -> None:
        """Read as the query string asks, if it may ask: what is current by default.

        Raises:
            InvalidParameter: no such consistency.
        """
        consistency = (given or {}).get("consistency", CONSISTENCY[0])
        if consistency not in CONSISTENCY:
            raise bad("consistency", f"must be one of {', '.join(CONSISTENCY)}")
        self._call = call
        self._stale = StaleReader(call.services.database) if consistency == "stale" else None
        self._reader: Reader = self._stale or call.services.database

    async def find(
        self, find: "_Find[P, T | None]", /, *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """One thing of the merchant's, wherever it is."""
        call = self._call
        return await find_in(
            call.regions,
            lambda region: find(self._reader, region, call.merchant.id, *args, **kwargs),
        )

    async def find_all(self, find: "_Find[P, T]", /, *args: P.args, **kwargs: P.kwargs) -> list[T]:
        """What each look has to say, the latest last."""
        call = self._call
        return [
            await find(self._reader, region, call.merchant.id, *args, **kwargs)
            for region in call.regions
        ]

    async def list(
        self,
        page: Page,
        find: "_Find[P, Listed[T]]",
        key: Callable[[T], Any],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Listed[T]:
        """A page of a list that is ordered by `key`."""
        return merged(page, await self.find_all(find, *args, **kwargs), key)

    async def horizon(self, needed: datetime) -> datetime:
        """The instant before which all is final that is dated before it, and seen by this reading.

        Args:
            needed: it does not have to be later than that.
        """
        database = self._call.services.database
        fences, regions = database.fences, self._call.regions
        if self._stale is not None and database.is_cockroach:
            reader = self._stale
            return min([await fences.horizon_as_read(reader, region) for region in regions])
        known = min(map(fences.known_horizon, regions))
        if known > needed:
            return known
        return min([await fences.horizon(region) for region in regions])

    async def final(self, page: Page) -> Page:
        """The part of a page before which nothing can come into being any more."""
        horizon = ids.first_at(await self.horizon(ids.instant_after(page.before)))
        return msgspec.structs.replace(page, before=min(page.before, horizon))

    @property
    def age_s(self) -> float:
        """How long ago what was read was true."""
        return 0.0 if self._stale is None else self._stale.age_s

    def send(self, view: object) -> Reply:
        """A view as a response, which says how old it is where that was asked for."""
        reply = send(view)
        if self._stale is not None:
            reply.raw_headers.append((b"age", b"%d" % math.ceil(self.age_s)))
        return reply
