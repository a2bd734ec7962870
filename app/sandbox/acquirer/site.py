"""The sandbox's HTTP: who may ask, what is asked, what goes wrong on request, and the answer.

aiohttp's server without its application: a request costs as little as with the platform's own
server (43 against 40 microseconds), and here a connection can be broken on purpose.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from aiohttp import web
from msgspec import Struct

from app.base.telemetry import describe, log
from app.sandbox.acquirer.faults import Fault, Faults, MalformedFault, Operation
from app.sandbox.acquirer.store import Store
from app.sandbox.acquirer.wire import RequestRefused

BODY_BYTES_MAX = 65_536  # evidence is the longest, with 20,000 characters
FILE_BYTES_MAX = 16 * 2**20  # a payout file: 10,000 payouts of about a kilobyte
HELD_S = 120.0  # an answer that never comes: every client has given up by then
FAULT_HEADER = "Sandbox-Fault"

_encode = msgspec.json.Encoder().encode
_JSON = {"content-type": "application/json"}


class SiteAnswer(Struct, frozen=True):
    """What is answered."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


class SiteRequest(Struct, frozen=True):
    """What is asked, once its route is known."""

    site: "Site"
    names: tuple[str, ...]
    """What stood in the variable parts of the path."""
    query: Mapping[str, str]
    body: bytes
    request: web.BaseRequest


Handler: TypeAlias = Callable[[SiteRequest], Awaitable[SiteAnswer | web.StreamResponse]]


class PlannedOperation(Struct, frozen=True):
    """What a request wants, before anything is done: where faults may strike."""

    operation: Operation
    reference: str
    amount_minor: int | None
    act: Callable[[Fault | None], Awaitable[SiteAnswer | None]]
    """Does it; none if its answer is never to come."""


class Route(Struct, frozen=True):
    """What happens at a path."""

    handler: Handler
    public: bool = False
    body_bytes_max: int = BODY_BYTES_MAX


class Routes:
    """Paths and what happens at them; a part of a path in braces is variable."""

    def __init__(self) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._variable: dict[tuple[str | None, ...], dict[str, Route]] = {}

    def add(self, method: str, path: str, route: Route) -> None:
        """Have something happen at a path."""
        if "{" not in path:
            self._fixed.setdefault(path, {})[method] = route
            return
        parts = tuple(None if part[:1] == "{" else part for part in path[1:].split("/"))
        self._variable.setdefault(parts, {})[method] = route

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
        """The route, and what stood in the variable parts.

        Raises:
            Refused: there is none.
        """
        methods, names = self._fixed.get(path), tuple[str, ...]()
        if methods is None:
            methods, names = self._find_variable(path)
        route = methods.get(method)
        if route is None:
            raise RequestRefused(405, "method_not_allowed", "The path knows no such method.")
        return route, names

    def _find_variable(self, path: str) -> tuple[dict[str, Route], tuple[str, ...]]:
        parts = path[1:].split("/")
        for pattern in _patterns(parts):
            if (methods := self._variable.get(pattern)) is not None:
                names = (p for p, known in zip(parts, pattern, strict=True) if known is None)
                return methods, tuple(names)
        raise RequestRefused(404, "no_such_path", "There is nothing at this path.")


def _patterns(parts: list[str]) -> list[tuple[str | None, ...]]:
    """The patterns a path may have: a name at its end, or before its last part."""
    if len(parts) < 2:  # noqa: PLR2004 - one part has no name in it
        return []
    return [(*parts[:-1], None), (*parts[:-2], None, parts[-1])]


class Site:
    """The sandbox as a server."""

    def __init__(
        self, store: Store, faults: Faults, routes: Routes, *, key: str, page_url: str
    ) -> None:
        self.store = store
        self.faults = faults
        self.usual_latency_ms = faults.script.latency_ms
        self.page_url = page_url
        self._routes = routes
        self._authorization = f"Bearer {key}".encode()
        self._late: set[asyncio.Task[Any]] = set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; this never fails for what a client may do."""
        answer: SiteAnswer | web.StreamResponse
        try:
            answer = await self._answer(request)
        except RequestRefused as refused:
            answer = _refusal(refused.status, refused.code, refused.detail)
        except HangUp:
            return _hang_up(request)
        except MalformedFault as error:
            answer = _refusal(400, "no_such_fault", str(error))
        except msgspec.ValidationError as error:
            answer = _refusal(400, "invalid_request", str(error))
        except msgspec.DecodeError:
            answer = _refusal(400, "invalid_request", "The body is no JSON.")
        except web.HTTPRequestEntityTooLarge:
            answer = _refusal(413, "too_large", "The body is too large.")
        except Exception as error:  # noqa: BLE001 - what is unexpected is answered too
            log.error("request_failed", **describe(error))
            answer = _refusal(500, "internal", "Something went wrong; nobody knows how far it got.")
        if isinstance(answer, web.StreamResponse):
            return answer
        headers = _JSON if answer.content_type == _JSON["content-type"] else None
        if headers is None:
            headers = {"content-type": answer.content_type}
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    async def _answer(self, request: web.BaseRequest) -> SiteAnswer | web.StreamResponse:
        route, names = self._routes.find(request.method, request.path)
        if not route.public:
            given = request.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(given, self._authorization):
                raise RequestRefused(401, "unauthorized", "The key is not the sandbox's.")
        if (request.content_length or 0) > route.body_bytes_max:
            raise RequestRefused(413, "too_large", "The body is too large.")
        body = await request.read() if request.can_read_body else b""
        if len(body) > route.body_bytes_max:
            raise RequestRefused(413, "too_large", "The body is too large.")
        return await route.handler(SiteRequest(self, names, request.query, body, request))

    async def act(self, call: SiteRequest, plan: PlannedOperation) -> SiteAnswer:
        """Do what was planned, with what is to go wrong about it.

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
            raise RequestRefused(
                500, "internal", "Something went wrong; nobody knows how far it got."
            )
        assert answer is not None
        return answer

    async def _strike_before(self, fault: Fault, plan: PlannedOperation) -> None:
        """Answer badly, having done nothing; not yet, in the case of `late`."""
        if fault.name == "drop_before":
            raise HangUp
        if fault.name == "500_before":
            raise RequestRefused(
                500, "internal", "Something went wrong; nobody knows how far it got."
            )
        if fault.name == "late":
            task = asyncio.get_running_loop().create_task(self._act_late(fault, plan))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        await _hold()

    async def _act_late(self, fault: Fault, plan: PlannedOperation) -> None:
        """Do what was asked when nobody waits for it any more."""
        await asyncio.sleep(fault.duration_ms / 1000)
        try:
            await plan.act(None)
        except RequestRefused:
            return  # what nobody hears of is still refused
        except Exception as error:  # noqa: BLE001 - there is nobody to tell but the log
            log.error("request_failed", **describe(error))


class HangUp(Exception):
    """The connection is to be broken, without an answer."""


_BEFORE = {"timeout_before", "drop_before", "500_before", "late"}


async def _hold() -> None:
    """Let the client wait for as long as any would, then break the connection."""
    await asyncio.sleep(HELD_S)
    raise HangUp


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _refusal(status: int, code: str, detail: str) -> SiteAnswer:
    return SiteAnswer(_encode({"code": code, "detail": detail}), status)
