"""One authenticated call: who asks, for what, and by when an answer is due."""

import hmac
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.response.base import ASGIResponse
from pydantic import BaseModel, ValidationError

from app.api.http.edge import Context
from app.api.http.errors import (
    InternalError,
    InvalidBody,
    InvalidJson,
    InvalidRequestId,
    ObjectNotFound,
    RepeatedHeader,
    UnsupportedMediaType,
)
from app.api.http.reply import SINGLE_BYTES_MAX, Headers, Reply, read_body
from app.api.http.services import Services
from app.base import clock, ids
from app.base.errors import FieldError, Forbidden, PlatformError, TooManyRequests, Unauthorized
from app.base.names import NameTwice, check_names
from app.domains.merchants import FeePlan, Merchant
from app.engine import idempotency
from app.engine.database import Receipt, Tx
from app.engine.idempotency import Answer, Command, Intent, Kind
from app.engine.saga import WAIT_S, Begins

ApiRequest: TypeAlias = Request[None, None, State]

M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound=Command)
P = ParamSpec("P")

JSON = "application/json"

RETRY_AFTER_S = 5  # the first pause after which a processor is asked again
_WAIT_DIGITS_MAX = 4  # the deadline of the request cuts it short anyway
_TAGGED = "payment_method"  # the field that may be one of several objects, told apart by `type`
_FAULTS_MAX = 100  # a client will not read more, and a body has room for a million
_POINTER_LENGTH_MAX = 256  # to the deepest field of ours it is 60


class Call(msgspec.Struct, frozen=True):
    """A request whose caller is known."""

    services: Services
    context: Context
    merchant: Merchant
    fee_plans: Sequence[FeePlan] = ()
    """The merchant's, those in force."""

    @property
    def key_id(self) -> UUID:
        """The secret key that was called with."""
        assert isinstance(self.context.limit_key, UUID)
        return self.context.limit_key

    @property
    def regions(self) -> tuple[str, ...]:
        """Where to look for the merchant's rows, in this order."""
        return self.merchant.regions

    @property
    def request_id(self) -> str:
        """Stored with everything this request causes."""
        return self.context.request_id

    @property
    def deadline(self) -> float:
        """On `clock.monotonic()`."""
        return self.services.database.deadline(self.context.started)

    def command(
        self, kind: Kind[P, C], intent: Intent | None, *args: P.args, **fields: P.kwargs
    ) -> C:
        """A command of the merchant that calls."""
        merchant = self.merchant
        return kind(
            merchant.home_region,
            merchant.id,
            intent,
            self.context.request_id,
            merchant.former_region,
            *args,
            **fields,
        )

    async def run(
        self, what: Begins[C], commands: Sequence[C], *, wait_s: float = WAIT_S
    ) -> Receipt[Answer]:
        """The answers of `commands` by the call's deadline; see `Sagas.run`."""
        receipt = await self.services.world.sagas.run(
            what, commands, deadline=self.deadline, wait_s=wait_s
        )
        self.context.batch_size = receipt.batch_size
        return receipt

    async def run_one(self, what: Begins[C], command: C, *, wait_s: float = WAIT_S) -> Answer:
        """The answer of one command.

        Raises:
            PlatformError: nothing was decided; InternalError where that is a bug.
        """
        receipt = await self.run(what, [command], wait_s=wait_s)
        try:
            return receipt.only()
        except PlatformError:
            raise
        except Exception as bug:
            raise InternalError from bug


def services_of(request: ApiRequest) -> Services:
    """The process's parts."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def context_of(request: ApiRequest) -> Context:
    """What the edge knows of this request."""
    context = request.scope["state"]["context"]
    assert isinstance(context, Context)
    if context.repeated_header is not None:
        raise RepeatedHeader(header=context.repeated_header)
    if not context.request_id_is_valid:
        raise InvalidRequestId
    return context


async def enter(request: ApiRequest, scope: str) -> Call:
    """Who calls, if they may do this and are not too fast.

    Raises: (the first that applies)
        RepeatedHeader, InvalidRequestId, Unauthorized, Forbidden, TooManyRequests
    """
    services = services_of(request)
    context = context_of(request)
    caller = await services.keyring.find_caller(_bearer(request))
    if caller is None:
        raise Unauthorized
    context.merchant_id = caller.merchant.id
    context.limit_key = caller.key_id
    if scope not in caller.scopes:
        raise Forbidden(scope=scope)
    if not services.limiter.take(caller.key_id):
        raise TooManyRequests
    return Call(services, context, caller.merchant, caller.fee_plans)


def enter_admin(request: ApiRequest) -> Services:
    """The process's parts, for a caller that knows the admin key.

    Raises:
        RepeatedHeader, InvalidRequestId, Unauthorized
    """
    services = services_of(request)
    context_of(request)
    admin_key = services.settings.admin_key
    given = _bearer(request).encode()
    if admin_key is None or not hmac.compare_digest(given, admin_key.get_secret_value().encode()):
        raise Unauthorized
    return services


def _bearer(request: ApiRequest) -> str:
    scheme, _, secret = _header(request, b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthorized
    return secret.strip()


def _header(request: ApiRequest, name: bytes) -> str:
    """A header, or nothing; read from what the edge took apart already."""
    headers: dict[bytes, bytes] = request.scope["state"]["context"].headers
    return headers.get(name, b"").decode("latin-1")


def content_type(request: ApiRequest) -> str:
    """The Content-Type of the body, with its parameters."""
    return _header(request, b"content-type")


def path_id(kind: str, text: str) -> Any:
    """The id in a path; one that is malformed names nothing, so it is not found."""
    try:
        return ids.decode(kind, text)
    except ids.MalformedId:
        raise ObjectNotFound(kind=kind, id=text[:64]) from None


def check_json(request: ApiRequest, *more: str) -> str:
    """The media type of the body.

    Raises:
        UnsupportedMediaType: it is not JSON, nor one of `more`.
    """
    media_type = (_header(request, b"content-type") or JSON).split(";")[0].strip().lower()
    if media_type != JSON and media_type not in more:
        raise UnsupportedMediaType(expected=" or ".join((JSON, *more)))
    return media_type


async def parse(request: ApiRequest, model: type[M]) -> M:
    """The request's body as `model`.

    Raises:
        UnsupportedMediaType, InvalidJson, InvalidBody
    """
    check_json(request)
    body = await read_body(request, SINGLE_BYTES_MAX)
    return validate(model, body or b"{}")


def validate(model: type[M], text: bytes | str) -> M:
    """`text` as `model`; every fault is named.

    Raises:
        InvalidJson, InvalidBody
    """
    try:
        valid = model.model_validate_json(text)
        check_names(text.encode() if isinstance(text, str) else text)
    except ValidationError as error:
        raise _refusal(error) from None
    except NameTwice as error:
        raise InvalidJson(reason=str(error)) from None
    return valid


def _refusal(error: ValidationError) -> PlatformError:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    if faults[0]["type"] == "json_invalid":
        return InvalidJson(reason=faults[0]["msg"].removeprefix("Invalid JSON: "))
    return InvalidBody(
        errors=tuple(
            FieldError(_pointer(fault["loc"]), fault["msg"]) for fault in faults[:_FAULTS_MAX]
        )
    )


def _pointer(place: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901), whose names a client may have chosen as long as it likes."""
    if len(place) > 1 and place[0] == _TAGGED:
        # The validator names the kind of method it took this for; the body has no such level.
        place = (place[0], *place[2:])
    names = (str(part).replace("~", "~0").replace("/", "~1") for part in place)
    return "".join(f"/{name}" for name in names)[:_POINTER_LENGTH_MAX]


def named_intent(request: ApiRequest, body: BaseModel) -> Intent:
    """The intent that the Idempotency-Key header names.

    Raises:
        KeyMissing, KeyMalformed
    """
    return intent_of(request, body.model_dump_json())


def intent_of(request: ApiRequest, canonical: str) -> Intent:
    """As `named_intent`, of a body that is no JSON, by the JSON that stands for it.

    Raises:
        KeyMissing, KeyMalformed
    """
    key = idempotency.parse_key(_header(request, b"idempotency-key"))
    return idempotency.intent(key, request.method, request.scope["path"], canonical)


async def perform(
    request: ApiRequest,
    model: type[M],
    what: Begins[C],
    make: Callable[[Call, Intent, M], C | Awaitable[C]],
    *,
    wait_s: float | None = None,
) -> ASGIResponse:
    """Serve a writing request: check it, make its command, run that, send the answer.

    Args:
        wait_s: how long the answer waits for the flow that the command begins.
    """
    call = await enter(request, "write")
    body = await parse(request, model)
    made = make(call, named_intent(request, body), body)
    command = await made if isinstance(made, Awaitable) else made
    wait_s = preferred_wait_s(request) if wait_s is None else wait_s
    return await submit(call, what, command, wait_s=wait_s)


async def submit(call: Call, what: Begins[C], command: C, *, wait_s: float = WAIT_S) -> Reply:
    """Run one command and send its answer."""
    answer = await call.run_one(what, command, wait_s=wait_s)
    return respond(answer, call.services.settings.idempotency_kept_days)


async def replay(call: Call, intent: Intent, obstacle: PlatformError) -> Reply:
    """The answer that the key has; where it has none, `obstacle` is why it gets none now.

    For what has to be asked of others before a command can be made: a request that has been
    answered needs none of that.
    """
    answer = await idempotency.find_answer(
        call.services.database, call.regions, call.merchant.id, intent
    )
    if answer is None:
        raise obstacle
    return respond(answer, call.services.settings.idempotency_kept_days)


async def kept_for_operator(request: ApiRequest, body: BaseModel) -> Answer | None:
    """The answer that is kept under the operator's key, for acts that begin outside.

    Raises:
        KeyMissing, KeyMalformed, KeyReused
    """
    return await idempotency.find_kept(services_of(request).database, named_intent(request, body))


async def operate(
    request: ApiRequest, body: BaseModel, status: int, act: Callable[[Tx], Awaitable[object]]
) -> Reply:
    """Act once for the operator, and answer; see `act_once`."""
    answer = await act_once(request, body, status, act)
    return respond(answer, services_of(request).settings.idempotency_kept_days)


async def act_once(
    request: ApiRequest, body: BaseModel, status: int, act: Callable[[Tx], Awaitable[object]]
) -> Answer:
    """The answer to the operator, which is kept in the transaction of the act.

    Args:
        status: of the answer, where nothing is refused.
        act: makes the view that is answered; refuses before it writes.

    Raises:
        KeyMissing, KeyMalformed, KeyReused
    """
    database, context = services_of(request).database, context_of(request)

    async def answered(tx: Tx) -> Answer:
        return Answer(status, msgspec.json.encode(await act(tx)).decode())

    return await idempotency.act_once(
        database,
        named_intent(request, body),
        context.request_id,
        answered,
        deadline=database.deadline(context.started),
    )


def preferred_wait_s(request: ApiRequest) -> float:
    """How long the client wants to wait for a flow: `Prefer: wait=N` or `respond-async`.

    Source: RFC 7240. What is not understood is ignored, as it demands.
    """
    given = _header(request, b"prefer")
    if not given:
        return WAIT_S
    wait_s = WAIT_S
    for preference in given.split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "respond-async":
            return 0.0
        value = value.strip().strip('"')
        if name.strip().lower() == "wait" and value.isdecimal() and len(value) <= _WAIT_DIGITS_MAX:
            wait_s = int(value)
    return wait_s


def respond(answer: Answer, kept_days: int) -> Reply:
    """A kept answer as a response; one that decided nothing was not kept."""
    if answer.waits_for is not None or answer.status >= 500:  # noqa: PLR2004 - nothing was decided
        headers: Headers = [(b"retry-after", b"%d" % RETRY_AFTER_S)]
        return Reply(answer.status, b"application/problem+json", answer.body.encode(), headers)
    headers = [(b"idempotency-expires", b"%d" % _seconds_left(answer, kept_days))]
    if answer.replayed:
        headers.append((b"idempotent-replayed", b"true"))
    is_problem = answer.status >= 400  # noqa: PLR2004 - where errors begin
    media_type = b"application/problem+json" if is_problem else b"application/json"
    return Reply(answer.status, media_type, answer.body.encode(), headers)


def _seconds_left(answer: Answer, kept_days: int) -> int:
    """How long an answer is still kept, in whole seconds, rounded up.

    The time of one that is provisional begins when its flow ends.
    """
    if answer.expires_at is None or answer.is_provisional:
        return kept_days * 86_400
    return max(0, math.ceil((answer.expires_at - clock.now()).total_seconds()))


def send(view: object, status: int = 200) -> Reply:
    """A view as a response."""
    return Reply(status, b"application/json", msgspec.json.encode(view), [])
