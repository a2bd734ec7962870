"""The OpenAPI 3.1 document, made from the routes' own declarations.

Complete: every status, every problem, every header.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.routes import HTTPRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.http.docs import Doc
from app.api.http.errors import (
    BodyTooLarge,
    CardNumberNotAllowed,
    InternalError,
    InvalidBody,
    InvalidHost,
    InvalidJson,
    InvalidParameter,
    InvalidRequestId,
    ObjectNotFound,
    RepeatedHeader,
    TargetTooLong,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from app.api.http.examples import BODIES
from app.api.http.uploads import FORM
from app.base.errors import Forbidden, PlatformError, Problem, TooManyRequests, Unauthorized
from app.engine.database.errors import (
    CommitUnknown,
    ContentionTooHigh,
    DatabaseRefused,
    DatabaseUnreachable,
    DeadlineExceeded,
    QueueFull,
    ShuttingDown,
)
from app.engine.idempotency import KeyMalformed, KeyMissing, KeyReused

_REF = "#/components/schemas/{name}"
_UNDECIDED = (
    DatabaseUnreachable, DatabaseRefused, ContentionTooHigh, CommitUnknown, QueueFull,
    DeadlineExceeded, ShuttingDown,
)  # fmt: skip
_UPLOAD: dict[str, Any] = {
    "schema": {
        "type": "object",
        "properties": {"file": {"type": "string", "contentMediaType": "application/pdf"}},
        "required": ["file"],
        "additionalProperties": False,
    },
    "examples": {"usual": {"value": {"file": "%PDF-1.7 ..."}}},
}
_HEADERS: dict[str, Any] = {
    "X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"},
    "RateLimit-Policy": {"$ref": "#/components/headers/RateLimit-Policy"},
    "RateLimit": {"$ref": "#/components/headers/RateLimit"},
}
_HEADER_COMPONENTS: dict[str, Any] = {
    "X-Request-Id": "The id of this request, as given or made; stored with all it caused.",
    "RateLimit-Policy": "Requests a second that this key may send.",
    "RateLimit": "What is left of it.",
    "Retry-After": "Seconds until a retry is useful.",
    "Age": "With `consistency=stale`: how many seconds ago what is shown was true.",
    "Idempotency-Expires": "Seconds for which the answer is still kept under its key.",
    "Idempotent-Replayed": "`true` where an earlier request under the same key did the work.",
}


def document(routes: Iterable[Any], version: str) -> dict[str, Any]:
    """The document of an application's routes."""
    documented = [
        (route.path_format, method, handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"})
        if isinstance(handler.opt.get("doc"), Doc)
    ]
    docs = [handler.opt["doc"] for _, _, handler in documented]
    paths: dict[str, Any] = {}
    for path, method, handler in sorted(documented, key=lambda item: item[:2]):
        clean = path.rstrip("/") or "/"
        paths.setdefault(clean, {})[method.lower()] = _operation(clean, method, handler)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Suya",
            "version": version,
            "description": "Payments that are not lost: one key, one effect, one answer.",
            "license": {"name": "See the repository", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": _schemas(docs),
            "headers": {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in _HEADER_COMPONENTS.items()
            },
            "securitySchemes": {
                "merchant": {"type": "http", "scheme": "bearer", "description": "sk_test_..."},
                "admin": {"type": "http", "scheme": "bearer", "description": "SUYA_ADMIN_KEY"},
            },
        },
    }


def _schemas(docs: Iterable[Doc]) -> dict[str, Any]:
    """All request and answer models, by name."""
    bodies: set[type[BaseModel]] = {doc.body for doc in docs if doc.body is not None}
    _, wire = models_json_schema(
        [(body, "validation") for body in sorted(bodies, key=lambda body: body.__name__)],
        ref_template=_REF.replace("{name}", "{model}"),
    )
    answers = {doc.answer for doc in docs if doc.answer is not None} | {Problem}
    _, views = msgspec.json.schema_components(answers, ref_template=_REF)
    return dict(sorted((wire.get("$defs", {}) | views).items()))


def _operation(path: str, method: str, handler: Any) -> dict[str, Any]:
    doc: Doc = handler.opt["doc"]
    operation: dict[str, Any] = {
        "operationId": handler.fn.__name__,
        "summary": doc.summary,
        "description": (handler.fn.__doc__ or "").strip(),
        "tags": [path.split("/")[2] if path.startswith("/v1/") else "operation"],
        "parameters": _parameters(path, doc),
        "responses": _responses(doc, reads=method == "GET", has_id="{" in path),
        "security": [] if doc.public else [{"admin" if doc.admin else "merchant": []}],
    }
    if doc.body is not None:
        operation["requestBody"] = _body(doc)
    return operation


def _body(doc: Doc) -> dict[str, Any]:
    assert doc.body is not None
    schema: dict[str, Any] = {"$ref": _REF.format(name=doc.body.__name__)}
    example = BODIES.get(doc.body.__name__)
    if doc.body_many:
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 10_000}
        example = [example]
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["examples"] = {"usual": {"value": example}}
    media = {"application/json": content} | ({FORM: _UPLOAD} if doc.upload else {})
    return {"required": bool(doc.body.model_fields), "content": media}


def _parameters(path: str, doc: Doc) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in path.split("/")
        if part.startswith("{")
    ]
    for name, schema in doc.parameters.items():
        plain = {k: v for k, v in schema.items() if k not in {"x-required", "description"}}
        found.append(
            {
                "name": name,
                "in": "query",
                "required": bool(schema.get("x-required")),
                "description": schema.get("description", ""),
                "schema": plain,
            }
        )
    if doc.provisional:
        found.append(
            {
                "name": "Prefer",
                "in": "header",
                "required": False,
                "description": "How long to wait for a processor (`wait=10` is usual), or "
                "`respond-async`; after that the answer is 202, and the flow goes on.",
                "schema": {"type": "string", "examples": ["wait=10", "respond-async"]},
            }
        )
    if doc.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "Your name for this one intent; kept for 30 days.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 255,
                    "pattern": "^[!-~]+$",
                },
            }
        )
    return found


def _responses(doc: Doc, *, reads: bool, has_id: bool) -> dict[str, Any]:
    errors: list[type[PlatformError]] = [
        *doc.errors, InternalError, InvalidHost, RepeatedHeader, InvalidRequestId,
        CardNumberNotAllowed, TargetTooLong,
    ]  # fmt: skip
    if not doc.public:
        errors += [Unauthorized, *_UNDECIDED]
        if not doc.admin:
            errors += [Forbidden, TooManyRequests]
    if doc.body is not None:
        errors += [
            InvalidJson,
            InvalidBody,
            UnsupportedMediaType,
            UnsupportedEncoding,
            BodyTooLarge,
        ]
    if doc.idempotent:
        errors += [KeyMissing, KeyMalformed, KeyReused]
    if reads and not doc.public:
        errors.append(InvalidParameter)
    if has_id:
        errors.append(ObjectNotFound)
    by_status: dict[int, dict[str, type[PlatformError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, {})[error.code] = error
    responses = {str(doc.status): _success(doc)}
    if doc.provisional:
        responses["202"] = _success(doc) | {"description": "A processor has not spoken yet."}
    for status in sorted(by_status):
        responses[str(status)] = _problem(by_status[status].values())
    return responses


def _success(doc: Doc) -> dict[str, Any]:
    headers = dict(_HEADERS)
    if doc.idempotent:
        for name in ("Idempotency-Expires", "Idempotent-Replayed"):
            headers[name] = {"$ref": f"#/components/headers/{name}"}
    if "consistency" in doc.parameters:
        headers["Age"] = {"$ref": "#/components/headers/Age"}
    response: dict[str, Any] = {"description": doc.summary, "headers": headers}
    if doc.text:
        response["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif doc.answer is not None:
        schema: dict[str, Any] = {"$ref": _REF.format(name=doc.answer.__name__)}
        if doc.many:
            schema = _page(schema, bulk=doc.body_many)
        response["content"] = {"application/json": {"schema": schema}}
    return response


def _page(item: dict[str, Any], *, bulk: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {"data": {"type": "array", "items": item}}
    if not bulk:
        properties["has_more"] = {"type": "boolean"}
        properties["next_cursor"] = {"type": "string"}
    required = ["data"] if bulk else ["data", "has_more"]
    return {"type": "object", "properties": properties, "required": required}


def _problem(errors: Iterable[type[PlatformError]]) -> dict[str, Any]:
    listed = list(errors)
    headers = dict(_HEADERS)
    if any(error.retry_after_s is not None for error in listed):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return {
        "description": "; ".join(sorted(f"`{error.code}`" for error in listed)),
        "headers": headers,
        "content": {
            "application/problem+json": {
                "schema": {"$ref": _REF.format(name="Problem")},
                "examples": {error.code: {"value": _example(error)} for error in listed},
            }
        },
    }


def _example(error: type[PlatformError]) -> dict[str, Any]:
    return {
        "type": f"/docs/errors#{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": " ".join((error.__doc__ or "").split()),
        "code": error.code,
        "retry": error.retry,
        "request_id": "req_01j9x6f9k2e6s8v3b7d5m4n1qz",
    }
