"""The sandbox's HTTP: checks the key, reads the body, injects a fault if one is due, and answers.

The server is aiohttp's and not the platform's own, because here a connection can be broken on
purpose.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

import msgspec
from aiohttp import web
from msgspec import Struct

from app.base.http1 import ask_for_body
from app.base.telemetry import describe, log
from app.sandbox.acquirer.faults import Fault, Faults, MalformedFault, Operation
from app.sandbox.acquirer.store import Store
from app.sandbox.acquirer.wire import RequestRefused

BODY_BYTES_MAX = 256 * 1024  # evidence is the longest: 20,000 characters of up to 12 bytes
FILE_BYTES_MAX = 16 * 2**20  # a payout file: 10,000 payouts of about a kilobyte
HELD_S = 120.0  # an answer that never comes: every client has given up by then
FAULT_HEADER = "Sandbox-Fault"

_encode = msgspec.json.Encoder().encode
_UNKNOWN = "Something went wrong; whether the request took effect is unknown."


class SiteAnswer(Struct, frozen=True):
    body: bytes
    status: int = 200
    content_type: str = "application/json"


class SiteRequest(Struct, frozen=True):
    site: "Site"
    names: tuple[str, ...]
    """The variable parts of the path, in order."""
    query: Mapping[str, str]
    body: bytes
    request: web.Request


Handler: TypeAlias = Callable[[SiteRequest], Awaitable[SiteAnswer | web.StreamResponse]]
Serve: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PlannedOperation(Struct, frozen=True):
    """A request's operation before it is carried out, which is where faults are injected."""

    operation: Operation
    reference: str
    amount_minor: int | None
    act: Callable[[Fault | None], Awaitable[SiteAnswer | None]]
    """Carries it out; none if there shall never be an answer."""


class Route(Struct, frozen=True):
    """One method of one path; a part of the path in braces is variable."""

    method: str
    path: str
    handler: Handler
    public: bool = False
    body_bytes_max: int = BODY_BYTES_MAX


class Site:
    """The sandbox as a server."""

    def __init__(self, store: Store, faults: Faults, *, key: str, page_url: str) -> None:
        self.store = store
        self.faults = faults
        self.usual_latency_ms = faults.script.latency_ms
        self.page_url = page_url
        self._authorization = f"Bearer {key}".encode()
        self._late: set[asyncio.Task[Any]] = set()

    def make_app(self, routes: Iterable[Route]) -> web.Application:
        """The sandbox as an application of aiohttp."""
        app = web.Application(middlewares=[_refuse], client_max_size=FILE_BYTES_MAX)
        for route in routes:
            answer = partial(self._answer, route)
            app.router.add_route(route.method, route.path, answer, expect_handler=_say_nothing_yet)
        return app

    async def _answer(self, route: Route, request: web.Request) -> web.StreamResponse:
        if not route.public:
            given = request.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(given, self._authorization):
                raise RequestRefused(401, "unauthorized", "The key is not the sandbox's.")
        if (request.content_length or 0) > route.body_bytes_max:
            raise RequestRefused(413, "too_large", "The body is too large.")
        await ask_for_body(request)
        body = await request.read() if request.can_read_body else b""
        if len(body) > route.body_bytes_max:
            raise RequestRefused(413, "too_large", "The body is too large.")
        names = tuple(request.match_info.values())
        answer = await route.handler(SiteRequest(self, names, request.query, body, request))
        return answer if isinstance(answer, web.StreamResponse) else _respond(answer)

    async def act(self, call: SiteRequest, plan: PlannedOperation) -> SiteAnswer:
        """Carry out an operation, with its fault if there is one.

        Raises:
            Refused: it is refused.
            HangUp: the connection is to be broken.
        """
        script = self.faults.script
        if script.down:
            raise HangUp
        if script.maintenance:
            raise RequestRefused(
                503, "maintenance", "The sandbox is being maintained; nothing was done."
            )
        loop = asyncio.get_running_loop()
        answered_at = loop.time() + self.faults.latency_ms() / 1000
        header = call.request.headers.get(FAULT_HEADER)
        fault = self.faults.choose(plan.operation, plan.reference, plan.amount_minor, header)
        name = fault.name if fault is not None else ""
        if fault is not None and name in _BEFORE:
            await self._strike_before(fault, plan)
        if fault is not None and name == "refuse":
            raise RequestRefused(422, fault.value, "The sandbox was asked to refuse this.")
        answer = await plan.act(fault)
        if fault is not None and name == "slow":
            answered_at += fault.duration_ms / 1000
        if (wait_s := answered_at - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        if answer is None or name == "timeout_after":
            await _hold()
        if name == "drop_after":
            raise HangUp
        if name == "500_after":
            raise RequestRefused(500, "internal", _UNKNOWN)
        assert answer is not None
        return answer

    async def _strike_before(self, fault: Fault, plan: PlannedOperation) -> None:
        """Fail without carrying it out; for `late` it is carried out afterwards."""
        if fault.name == "drop_before":
            raise HangUp
        if fault.name == "500_before":
            raise RequestRefused(500, "internal", _UNKNOWN)
        if fault.name == "late":
            task = asyncio.get_running_loop().create_task(self._act_late(fault, plan))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        await _hold()

    async def _act_late(self, fault: Fault, plan: PlannedOperation) -> None:
        """Carry it out when its client does not wait for it any more."""
        await asyncio.sleep(fault.duration_ms / 1000)
        try:
            await plan.act(None)
        except RequestRefused:
            return  # no client waits for the refusal
        except Exception as error:  # noqa: BLE001 - the log is the only reader
            log.error("request_failed", **describe(error))


class HangUp(Exception):
    """The connection is to be broken, without an answer."""


_BEFORE = {"timeout_before", "drop_before", "500_before", "late"}


async def _hold() -> None:
    """Hold the answer back for longer than any client waits, then break the connection."""
    await asyncio.sleep(HELD_S)
    raise HangUp


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _say_nothing_yet(request: web.Request) -> None:
    """In place of aiohttp's `100 Continue`, which would come before the key is checked."""
    del request


@web.middleware
async def _refuse(request: web.Request, handler: Serve) -> web.StreamResponse:
    """Answer what is refused, broken off or unexpected; nothing a client sends makes this fail."""
    try:
        return await handler(request)
    except RequestRefused as refused:
        return _refusal(refused.status, refused.code, refused.detail)
    except HangUp:
        return _hang_up(request)
    except MalformedFault as error:
        return _refusal(400, "no_such_fault", str(error))
    except msgspec.ValidationError as error:
        return _refusal(400, "invalid_request", str(error))
    except msgspec.DecodeError:
        return _refusal(400, "invalid_request", "The body is no JSON.")
    except web.HTTPNotFound:
        return _refusal(404, "no_such_path", "There is nothing at this path.")
    except web.HTTPMethodNotAllowed:
        return _refusal(405, "method_not_allowed", "The path knows no such method.")
    except web.HTTPRequestEntityTooLarge:
        return _refusal(413, "too_large", "The body is too large.")
    except Exception as error:  # noqa: BLE001 - a client gets an answer also to a bug
        log.error("request_failed", **describe(error))
        return _refusal(500, "internal", _UNKNOWN)


def _respond(answer: SiteAnswer) -> web.Response:
    headers = {"content-type": answer.content_type}
    return web.Response(body=answer.body, status=answer.status, headers=headers)


def _refusal(status: int, code: str, detail: str) -> web.Response:
    return _respond(SiteAnswer(_encode({"code": code, "detail": detail}), status))
