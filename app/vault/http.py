"""The vault over HTTP: ten routes, with a different key for each kind of caller.

Bodies are neither logged nor quoted: a refusal says what is wrong without repeating the input.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Meta
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr

from app.base import clock, ids
from app.base.errors import NotFound, PlatformError, Unavailable, problem
from app.base.http1 import ask_for_body
from app.base.names import NameTwice, check_names
from app.base.pan import contains_pan, scrub
from app.base.publishable import read_publishable_key
from app.base.settings import Settings
from app.base.telemetry import RequestLine, describe, log, log_request, metrics
from app.engine.database import checks
from app.engine.database.history import VAULT
from app.vault.errors import InvalidCardRequest, VaultFailed, VaultRouteNotFound, VaultUnauthorized
from app.vault.limits import Caller, address_of
from app.vault.model import CardInput
from app.vault.service import Forward, Vault

T = TypeVar("T")

_REQUEST_ID_LENGTH_MAX: Final = 128  # as the api's
_PREFLIGHT_S: Final = 86_400  # a page asks once a day whether it may post here
_FORM_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)
_METHODS: Final = frozenset({"GET", "POST", "OPTIONS"})


class Generation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /generations."""

    merchant: str
    lowest: Annotated[int, Meta(ge=1, le=999_999_999)]
    """The first generation of the merchant's publishable keys that is good; nine digits at most."""


Handler = Callable[["Call"], Awaitable[web.Response]]


class Call:
    """One request, and what is found out about it."""

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        given = request.headers.get("x-request-id", "")
        self.request_id = given if _is_request_id(given) else ids.encode("request", ids.new())
        self.merchant_id: UUID | None = None
        self.route = "unmatched"

    @property
    def bearer(self) -> str:
        """The token of the Authorization header."""
        scheme, _, secret = self.request.headers.get("authorization", "").partition(" ")
        return secret.strip() if scheme.lower() == "bearer" else ""

    async def read(self, model: type[T]) -> T:
        """Decode the body.

        Raises:
            InvalidCardRequest
        """
        if self.request.headers.get("content-encoding", "identity").lower() != "identity":
            raise InvalidCardRequest(reason="it is compressed")
        try:
            await ask_for_body(self.request)
            text = await self.request.read()
            decoded = msgspec.json.decode(text, type=model)
            check_names(text)
        except NameTwice as error:
            raise InvalidCardRequest(reason=str(error)) from None
        except web.HTTPRequestEntityTooLarge:
            raise InvalidCardRequest(reason="it is too long") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # The name of a field may be anything, including a card number.
            raise InvalidCardRequest(reason=scrub(str(error))) from None
        return decoded


class VaultHttp:
    """Answers requests."""

    def __init__(self, vault: Vault, settings: Settings) -> None:
        self.vault = vault
        self.settings = settings
        self.draining = False
        self._doors = frozenset(settings.vault_doors)
        self._form = resources.files("app.vault").joinpath("form.html").read_bytes()
        self._routes: Mapping[tuple[str, str], Handler] = {
            ("POST", "/tokens"): self._tokenize,
            ("POST", "/forward"): self._forward,
            ("POST", "/generations"): self._raise_generation,
            ("GET", "/form"): self._show_form,
            ("GET", "/healthz"): self._healthz,
            ("GET", "/readyz"): self._readyz,
            ("GET", "/metrics"): self._metrics,
        }

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer one request, and write its line in the log."""
        started = clock.monotonic()
        call = Call(request)
        response = await self._answer(call)
        response.headers["x-request-id"] = call.request_id
        response.headers["cache-control"] = "no-store"
        seconds = clock.monotonic() - started
        method = request.method if request.method in _METHODS else "other"
        metrics.requests.labels(method, call.route, response.status).inc()
        metrics.request_seconds.labels(call.route).observe(seconds)
        merchant = ids.encode("merchant", call.merchant_id) if call.merchant_id else None
        log_request(
            RequestLine(
                timestamp=clock.now(),
                request_id=call.request_id,
                merchant=merchant,
                method=method,
                route=call.route,
                status=response.status,
                ms=round(seconds * 1000, 2),
                batch=0,
            )
        )
        return response

    async def _answer(self, call: Call) -> web.Response:
        try:
            return await self._dispatch(call)
        except PlatformError as error:
            return _problem(error, call)
        except Exception as error:  # noqa: BLE001 - answered without its cause
            log.error("unexpected_error", request_id=call.request_id, **describe(error))
            return _problem(VaultFailed(), call)

    async def _dispatch(self, call: Call) -> web.Response:
        request = call.request
        handler = self._routes.get((request.method, request.path))
        if handler is not None:
            call.route = request.path
            return await handler(call)
        if request.method == "GET" and request.path.startswith("/tokens/"):
            token, _, rest = request.path.removeprefix("/tokens/").partition("/")
            if rest == "same":
                call.route = "/tokens/{token}/same"
                return await self._compare(call, token)
            call.route = "/tokens/{token}"
            return await self._describe(call, f"{token}/{rest}" if rest else token)
        if request.method == "OPTIONS" and request.path == "/tokens":
            call.route = "/tokens"
            return self._with_origin(call, web.Response(status=204))
        raise VaultRouteNotFound

    async def _tokenize(self, call: Call) -> web.Response:
        """POST /tokens, with a publishable key; browsers may call it."""
        try:
            client_key = _secret(self.settings.vault_client_key)
            key = read_publishable_key(call.bearer, client_key) if client_key else None
            if key is None or not await self.vault.keys.is_good(key.merchant_id, key.generation):
                raise VaultUnauthorized
            call.merchant_id = key.merchant_id
            card = await call.read(CardInput)
            caller = Caller(call.bearer, self._address_of(call))
            view = await self.vault.tokenize(
                key.merchant_id, key.mode, caller, card, call.request_id
            )
            response = _json(view, 201)
        except PlatformError as error:
            response = _problem(error, call)
        return self._with_origin(call, response)

    async def _describe(self, call: Call, token: str) -> web.Response:
        """GET /tokens/{token}?merchant=mer_..., with the api's key."""
        _check(call, self.settings.vault_api_key)
        merchant, caller = _asker(call)
        return _json(await self.vault.describe(token, merchant, caller, call.request_id))

    async def _compare(self, call: Call, token: str) -> web.Response:
        """GET /tokens/{token}/same?merchant=mer_..., with the api's key."""
        _check(call, self.settings.vault_api_key)
        merchant, caller = _asker(call)
        return _json(await self.vault.compare(token, merchant, caller, call.request_id))

    async def _raise_generation(self, call: Call) -> web.Response:
        """POST /generations, with the api's key: lower ones of a merchant's keys end."""
        _check(call, self.settings.vault_api_key)
        body = await call.read(Generation)
        try:
            merchant_id = ids.decode("merchant", body.merchant)
        except ids.MalformedId:
            raise InvalidCardRequest(reason="'merchant' is no merchant's id") from None
        await self.vault.keys.raise_lowest(merchant_id, body.lowest)
        return _json(body)

    async def _forward(self, call: Call) -> web.Response:
        """POST /forward, with the key of the processors' adapters."""
        _check(call, self.settings.vault_processor_key)
        return _json(await self.vault.forward(await call.read(Forward), call.request_id))

    async def _show_form(self, call: Call) -> web.Response:
        """GET /form: a page to try it with."""
        del call
        return web.Response(
            body=self._form,
            headers={
                "content-type": "text/html; charset=utf-8",
                "content-security-policy": _FORM_POLICY,
                "referrer-policy": "no-referrer",
            },
        )

    async def _healthz(self, call: Call) -> web.Response:
        del call
        return _json({"status": "up"})

    async def _readyz(self, call: Call) -> web.Response:
        del call
        if self.draining:
            raise Unavailable
        await checks.check_schema(self.vault.database, VAULT)
        await checks.check_clock(self.vault.database)
        return _json({"status": "ready"})

    async def _metrics(self, call: Call) -> web.Response:
        del call
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"content-type": CONTENT_TYPE_LATEST})

    def _address_of(self, call: Call) -> str:
        forwarded_for = call.request.headers.get("x-forwarded-for", "")
        return address_of(call.request.remote, forwarded_for, self._doors)

    def _with_origin(self, call: Call, response: web.Response) -> web.Response:
        """Tell a browser whether its page may read the answer (CORS)."""
        origin = call.request.headers.get("origin")
        allowed = self.settings.vault_origins
        if origin is not None and ("*" in allowed or origin in allowed):
            response.headers["access-control-allow-origin"] = "*" if "*" in allowed else origin
            response.headers["vary"] = "origin"
            response.headers["access-control-allow-methods"] = "POST"
            response.headers["access-control-allow-headers"] = (
                "authorization, content-type, x-request-id"
            )
            response.headers["access-control-max-age"] = str(_PREFLIGHT_S)
        return response


def _check(call: Call, key: SecretStr | None) -> None:
    """Check that the caller has the key.

    Raises:
        VaultUnauthorized
    """
    secret = _secret(key)
    if not secret or not hmac.compare_digest(call.bearer.encode(), secret.encode()):
        raise VaultUnauthorized


def _asker(call: Call) -> tuple[str, Caller]:
    """The merchant for whom an api asks, and the key that the merchant called the api with.

    Raises:
        InvalidCardRequest: the query does not name both.
    """
    query = call.request.query
    merchant, key = query.get("merchant", ""), query.get("key", "")
    if not merchant or not key:
        raise InvalidCardRequest(reason="its query does not name 'merchant' and 'key'")
    return merchant, Caller(key)


def _secret(key: SecretStr | None) -> str:
    return key.get_secret_value() if key is not None else ""


def _is_request_id(text: str) -> bool:
    fits = 0 < len(text) <= _REQUEST_ID_LENGTH_MAX and text.isascii() and text.isprintable()
    return fits and " " not in text and not contains_pan(text)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers={"content-type": "application/json"},
    )


def _problem(error: PlatformError, call: Call) -> web.Response:
    body = problem(error, call.request_id, call.route)
    headers = {"content-type": "application/problem+json"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, NotFound):
        body = msgspec.structs.replace(body, detail=scrub(body.detail), facts={})
    return web.Response(body=msgspec.json.encode(body), status=error.status, headers=headers)
