"""/v1/payments/bulk: many payments in one request, each opened as a single one is."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated

import msgspec
from litestar import post
from litestar.response.base import ASGIResponse
from pydantic import Field, TypeAdapter, ValidationError

from app.api.http.call import ApiRequest, Call, check_json, enter, validate
from app.api.http.docs import BulkResult, Doc
from app.api.http.errors import (
    BodyTooLarge,
    BulkTooLarge,
    CardNumberNotAllowed,
    InternalError,
    InvalidJson,
)
from app.api.http.reply import SINGLE_BYTES_MAX, Reply, read_body
from app.api.routes.opening import CreatePayment, open_payment
from app.base import clock
from app.base.errors import PlatformError, TooManyRequests
from app.base.names import NameTwice, check_names
from app.base.pan import body_contains_pan, find_pans
from app.domains.payments import flow
from app.domains.payments.commands import OpenPayment
from app.engine import idempotency
from app.engine.database.errors import DeadlineExceeded
from app.engine.idempotency import Answer

BULK_ITEMS_MAX = 10_000


class BulkPayment(CreatePayment):
    """One payment of a bulk request, with its own key."""

    idempotency_key: Annotated[str, Field(min_length=1, max_length=255)]


NDJSON = "application/x-ndjson"

_all = TypeAdapter(list[BulkPayment])
_PATH = "/v1/payments"
_LOOKED_UP_MAX = 64  # cards at a time: as many as a vault answers at once without a queue


@post(
    "/bulk",
    opt=Doc(
        "Take many payments", body=BulkPayment, body_many=True, answer=BulkResult, many=True,
        errors=(BulkTooLarge, InvalidJson),
    ).opt(),
)  # fmt: skip
async def create_payments(request: ApiRequest) -> ASGIResponse:
    """Up to 10,000 payments, each with its own key and its own result, in the order of the request.

    An item's key is the same key a single request would use: either may retry the other.
    """
    call = await enter(request, "write")
    media_type = check_json(request, NDJSON)
    body = await read_body(request, refuse_cards=False)
    items = _parse(body, ndjson=media_type == NDJSON)
    if not 1 <= len(items) <= BULK_ITEMS_MAX:
        raise BulkTooLarge(limit=BULK_ITEMS_MAX)
    more = len(items) - 1  # the request itself was counted when it came in
    if more and not call.services.limiter.take(call.context.limit_key, more):
        raise TooManyRequests
    commands = await _commands(call, items)
    outcomes = await _commit(call, [c for c in commands if isinstance(c, OpenPayment)])
    merged = iter(outcomes)
    results = [
        _result(call, command if isinstance(command, PlatformError) else next(merged))
        for command in commands
    ]
    answer = '{"data":[' + ",".join(results) + "]}"
    return Reply(200, b"application/json", answer.encode(), [])


def _parse(body: bytes, *, ndjson: bool) -> Sequence[BulkPayment | PlatformError]:
    """The items, or the problem of each that is malformed.

    Raises:
        InvalidJson, CardNumberNotAllowed: the body as a whole is not an array (or lines) of JSON.
    """
    if ndjson:
        lines = [line for line in body.splitlines() if line.strip()]
        return _parse_items(lines[: BULK_ITEMS_MAX + 1])
    # Taken apart before it is validated: naming each fault of a huge body would take a gigabyte.
    try:
        texts = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        if body_contains_pan(body):
            raise CardNumberNotAllowed from None
        raise InvalidJson(reason=str(error)) from None
    if len(texts) > BULK_ITEMS_MAX:
        raise BulkTooLarge(limit=BULK_ITEMS_MAX)
    bodies = [bytes(text) for text in texts]
    is_plain = all(len(one) <= SINGLE_BYTES_MAX for one in bodies)
    if is_plain and not any(find_pans(bodies)):
        try:
            items = _all.validate_json(body)
            check_names(body)
        except (ValidationError, NameTwice):
            pass
        else:
            return items
    # Something is wrong somewhere: item by item finds out where, and spares the others.
    return _parse_items(bodies)


def _parse_items(texts: Sequence[bytes]) -> list[BulkPayment | PlatformError]:
    return [
        CardNumberNotAllowed() if has_card else _parse_item(text)
        for text, has_card in zip(texts, find_pans(texts), strict=True)
    ]


def _parse_item(text: bytes) -> BulkPayment | PlatformError:
    if len(text) > SINGLE_BYTES_MAX:
        return BodyTooLarge(limit=SINGLE_BYTES_MAX)
    try:
        return validate(BulkPayment, text)
    except PlatformError as error:
        return error


async def _commands(
    call: Call, items: Sequence[BulkPayment | PlatformError]
) -> Sequence[OpenPayment | PlatformError]:
    """The command of each item, or its problem; cards are looked up some at a time."""
    commands: list[OpenPayment | PlatformError] = []
    for at in range(0, len(items), _LOOKED_UP_MAX):
        if clock.monotonic() >= call.deadline:
            # A vault that answers slowly would hold up the request for minutes.
            return [*commands, *[DeadlineExceeded()] * (len(items) - at)]
        part = [_command(call, item) for item in items[at : at + _LOOKED_UP_MAX]]
        waiting = [_looked_up(command) for command in part if isinstance(command, Awaitable)]
        looked_up = iter(await asyncio.gather(*waiting)) if waiting else iter(())
        commands += [next(looked_up) if isinstance(c, Awaitable) else c for c in part]
    return commands


def _command(
    call: Call, item: BulkPayment | PlatformError
) -> OpenPayment | Awaitable[OpenPayment] | PlatformError:
    if isinstance(item, PlatformError):
        return item
    try:
        key = idempotency.parse_key(item.idempotency_key)
        request = item.model_dump_json(exclude={"idempotency_key"})
        return open_payment(call, idempotency.intent(key, "POST", _PATH, request), item)
    except PlatformError as error:
        return error


async def _looked_up(command: Awaitable[OpenPayment]) -> OpenPayment | PlatformError:
    try:
        return await command
    except PlatformError as error:
        return error


async def _commit(call: Call, commands: Sequence[OpenPayment]) -> Sequence[Answer | Exception]:
    if not commands:
        return []
    return (await call.run(flow.AUTHORIZATION, commands)).outcomes


def _result(call: Call, outcome: Answer | Exception) -> str:
    """One item's result; a kept answer is set in as it is."""
    if isinstance(outcome, Exception):
        error = outcome if isinstance(outcome, PlatformError) else InternalError()
        outcome = idempotency.refusal(error, call.request_id)
    name = "payment" if outcome.status < 400 else "problem"  # noqa: PLR2004 - where errors begin
    replayed = ',"replayed":true' if outcome.replayed else ""
    return f'{{"status":{outcome.status},"{name}":{outcome.body}{replayed}}}'
