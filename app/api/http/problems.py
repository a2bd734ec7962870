"""From exceptions to problem details: the only place where errors meet HTTP."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse
from litestar.status_codes import (
    HTTP_404_NOT_FOUND,
    HTTP_405_METHOD_NOT_ALLOWED,
    HTTP_413_REQUEST_ENTITY_TOO_LARGE,
)

from app.api.http.call import ApiRequest
from app.api.http.errors import BodyTooLarge, InternalError, MethodNotAllowed, RouteNotFound
from app.api.http.reply import BODY_BYTES_MAX
from app.base.errors import Invalid, PlatformError, problem
from app.base.telemetry import describe, log


def problem_response(request: ApiRequest, error: PlatformError) -> Any:
    """`error` as an RFC 9457 answer."""
    context = request.scope["state"]["context"]
    headers = {}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == 401:  # noqa: PLR2004 - unauthorized
        headers["www-authenticate"] = "Bearer"
    body = problem(error, context.request_id, request.scope["path"])
    return _Answer(
        ASGIResponse(
            body=msgspec.json.encode(body),
            status_code=error.status,
            media_type="application/problem+json",
            headers=headers,
        )
    )


class _Answer:
    """Litestar asks exception handlers for something that becomes a response."""

    def __init__(self, response: ASGIResponse) -> None:
        self.response = response

    def to_asgi_response(self, **_: Any) -> ASGIResponse:
        """The response, as it is."""
        return self.response


def on_platform_error(request: ApiRequest, error: PlatformError) -> Any:
    """An error of ours."""
    return problem_response(request, error)


def on_http_exception(request: ApiRequest, error: HTTPException) -> Any:
    """An error of the framework: no such route, wrong method, body too large, bad syntax."""
    known: Mapping[int, PlatformError] = {
        HTTP_404_NOT_FOUND: RouteNotFound(),
        HTTP_405_METHOD_NOT_ALLOWED: MethodNotAllowed(),
        HTTP_413_REQUEST_ENTITY_TOO_LARGE: BodyTooLarge(limit=BODY_BYTES_MAX),
    }
    if error.status_code in known:
        answer = problem_response(request, known[error.status_code])
    elif error.status_code < 500:  # noqa: PLR2004 - the client's fault
        answer = problem_response(request, Invalid())
    else:
        return on_exception(request, error)
    for name, value in (error.headers or {}).items():
        if name.lower() == "allow":
            answer.response.headers.add("allow", value)
    return answer


def on_exception(request: ApiRequest, error: Exception) -> Any:
    """A bug, or something unforeseen: logged with its trace, answered without."""
    context = request.scope["state"]["context"]
    log.error("unexpected_error", request_id=context.request_id, **describe(error))
    return problem_response(request, InternalError())


HANDLERS: Any = {
    PlatformError: on_platform_error,
    HTTPException: on_http_exception,
    Exception: on_exception,
}
