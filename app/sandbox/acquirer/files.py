"""The files under /v1: settlements down, payouts up."""

import asyncio
from functools import partial

import msgspec
from aiohttp import web

from app.sandbox.acquirer import payout_files, settlement
from app.sandbox.acquirer.faults import Fault
from app.sandbox.acquirer.handlers import fingerprint_of, payout_fingerprint
from app.sandbox.acquirer.site import (
    FILE_BYTES_MAX,
    PlannedOperation,
    Route,
    SiteAnswer,
    SiteRequest,
)
from app.sandbox.acquirer.unit import Unit
from app.sandbox.acquirer.wire import RequestRefused

_encode = msgspec.json.Encoder().encode

_WRITERS = {
    "csv": ("text/csv; charset=utf-8", settlement.write_csv),
    "xml": ("application/xml", settlement.write_camt),
}


async def list_settlements(call: SiteRequest) -> SiteAnswer:
    """GET /v1/settlements: the days that have files."""

    async def act(_: Fault | None) -> SiteAnswer:
        return SiteAnswer(_encode({"data": await settlement.list_days(call.site.store)}))

    return await call.site.act(call, PlannedOperation("query", "settlements", None, act))


async def read_settlement(call: SiteRequest) -> web.StreamResponse:
    """GET /v1/settlements/{date}.csv or .xml."""
    (name,) = call.names
    text, _, ending = name.rpartition(".")
    if ending not in _WRITERS:
        raise RequestRefused(404, "no_such_path", "A day's file ends with .csv or .xml.")
    content_type, write = _WRITERS[ending]
    store = call.site.store

    async def act(_: Fault | None) -> SiteAnswer:
        return SiteAnswer((await settlement.require_over(store, text)).encode())

    found = await call.site.act(call, PlannedOperation("query", name, None, act))
    response = web.StreamResponse(headers={"content-type": content_type})
    await response.prepare(call.request)
    async for piece in write(store, found.body.decode()):
        await response.write(piece)
    await response.write_eof()
    return response


async def take_payouts(call: SiteRequest) -> SiteAnswer:
    """POST /v1/payout_files: a pain.001 file; `?merchant=` says whose payouts they are."""
    merchant = call.query.get("merchant")
    # Parsing some megabytes of XML takes a while, during which others must get answers.
    upload = await asyncio.to_thread(payout_files.read, call.body, merchant)
    marks = [
        "" if isinstance(order, str) else payout_fingerprint(call, order)
        for order in upload.payouts
    ]
    mark = fingerprint_of(call, call.body.decode(errors="replace"))

    def take(unit: Unit) -> bytes:
        file = payout_files.take(unit, upload, mark, marks)
        return _encode(payout_files.report(unit, file))

    async def act(_: Fault | None) -> SiteAnswer:
        return SiteAnswer(await call.site.store.run(take))

    return await call.site.act(call, PlannedOperation("payout_file", upload.message_id, None, act))


async def read_payouts(call: SiteRequest) -> SiteAnswer:
    """GET /v1/payout_files/{id}."""
    (file_id,) = call.names

    async def act(_: Fault | None) -> SiteAnswer:
        job = partial(payout_files.report_by_id, file_id=file_id)
        return SiteAnswer(_encode(await call.site.store.run(job)))

    return await call.site.act(call, PlannedOperation("query", file_id, None, act))


ROUTES = (
    Route("GET", "/v1/settlements", list_settlements),
    Route("GET", "/v1/settlements/{file}", read_settlement),
    Route("POST", "/v1/payout_files", take_payouts, body_bytes_max=FILE_BYTES_MAX),
    Route("GET", "/v1/payout_files/{id}", read_payouts),
)
