"""/schema for machines and /docs for people; the pages are made from the document itself."""

from functools import lru_cache
from html import escape
from typing import Any

import msgspec
from litestar import get
from litestar.response.base import ASGIResponse

from app import __version__
from app.api.http.call import JSON, ApiRequest
from app.api.http.openapi import document
from app.base.errors import PlatformError
from app.vault import errors as _of_the_vault  # noqa: F401 - its refusals are explained here, too

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}
code,pre{background:#f4f4f4;border-radius:4px;padding:.1rem .3rem;font-size:.9em}
pre{padding:.8rem;overflow:auto}h2{margin-top:2.5rem;border-top:1px solid #ddd;padding-top:1rem}
.m{display:inline-block;min-width:3.5rem;font-weight:700}td,th{text-align:left;padding:.2rem .8rem
.2rem 0;vertical-align:top}nav a{margin-right:1rem}@media(prefers-color-scheme:dark){body{
background:#111;color:#ddd}code,pre{background:#222}a{color:#8bf}}
"""


@lru_cache(maxsize=1)
def _schema_bytes(app: Any) -> bytes:
    return msgspec.json.encode(document(app.routes, __version__))


@get(["/schema", "/schema/openapi.json"])
async def schema(request: ApiRequest) -> ASGIResponse:
    """The OpenAPI 3.1 document."""
    return ASGIResponse(body=_schema_bytes(request.app), media_type=JSON)


@get("/docs")
async def docs(request: ApiRequest) -> ASGIResponse:
    """The API for people."""
    return _page("Suya API", _reference(document(request.app.routes, __version__)))


@get("/docs/errors")
async def docs_errors(request: ApiRequest) -> ASGIResponse:
    """Every error code and what to do about it."""
    del request
    rows = "".join(
        f'<tr id="{escape(e.code)}"><td><code>{escape(e.code)}</code></td><td>{e.status}</td>'
        f"<td>{e.retry.replace('_', ' ')}</td><td>{escape(_sentence(e))}</td></tr>"
        for e in sorted(_leaves(PlatformError), key=lambda e: (e.status, e.code))
    )
    return _page(
        "Errors",
        "<p>Every error is a problem (RFC 9457) with a stable <code>code</code>. "
        "<b>same key</b>: send the same request with the same Idempotency-Key again; "
        "<b>new key</b>: it was decided, try something else under a new key; "
        "<b>never</b>: repeating it cannot help.</p>"
        f"<table><tr><th>code</th><th>status</th><th>retry</th><th>meaning</th></tr>{rows}</table>",
    )


def _leaves(error: type[PlatformError]) -> set[type[PlatformError]]:
    below = error.__subclasses__()
    return {error} | {leaf for child in below for leaf in _leaves(child)} if below else {error}


def _sentence(error: type[PlatformError]) -> str:
    return " ".join((error.__doc__ or "").split("\n\n")[0].split())


def _page(title: str, content: str) -> ASGIResponse:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><nav><a href='/docs'>API</a>"
        f"<a href='/docs/errors'>Errors</a><a href='/schema'>OpenAPI</a></nav>"
        f"<h1>{escape(title)}</h1>{content}</body></html>"
    )
    return ASGIResponse(body=html.encode(), headers={"content-type": "text/html; charset=utf-8"})


def _reference(spec: dict[str, Any]) -> str:
    parts = [f"<p>{escape(spec['info']['description'])}</p>", _contents(spec)]
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(path, method, operation))
    parts.append("<h2>Objects</h2>")
    for name, schema_ in spec["components"]["schemas"].items():
        parts.append(f"<h3 id='{escape(name)}'>{escape(name)}</h3>{_fields(schema_)}")
    return "".join(parts)


def _contents(spec: dict[str, Any]) -> str:
    items = "".join(
        f"<li><a href='#{escape(op['operationId'])}'><span class='m'>{method.upper()}</span>"
        f"<code>{escape(path)}</code> {escape(op['summary'])}</a></li>"
        for path, methods in spec["paths"].items()
        for method, op in methods.items()
    )
    return f"<ul>{items}</ul>"


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{p['in']}"
        f"{', required' if p['required'] else ''}</td>"
        f"<td>{escape(p.get('description', ''))}</td></tr>"
        for p in operation["parameters"]
    )
    answers = "".join(
        f"<tr><td>{status}</td><td>{escape(answer['description'])} {_links(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f"<h2 id='{escape(operation['operationId'])}'><span class='m'>{method.upper()}</span> "
        f"<code>{escape(path)}</code></h2><p><b>{escape(operation['summary'])}.</b> "
        f"{escape(operation['description'])}</p>"
        f"{'<table>' + rows + '</table>' if rows else ''}{_example(operation)}"
        f"<h4>Answers</h4><table>{answers}</table>"
    )


def _example(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content or "examples" not in content:
        return ""
    text = msgspec.json.format(msgspec.json.encode(content["examples"]["usual"]["value"]), indent=2)
    return f"<pre>{escape(text.decode())}</pre>"


def _links(answer: dict[str, Any]) -> str:
    text = msgspec.json.encode(answer.get("content", {})).decode()
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    return " ".join(f"<a href='#{escape(n)}'>{escape(n)}</a>" for n in sorted(names))


def _fields(schema_: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_type(field))}</td>"
        f"<td>{escape(field.get('description', ''))}</td></tr>"
        for name, field in schema_.get("properties", {}).items()
    )
    return f"<p>{escape(schema_.get('description', ''))}</p><table>{rows}</table>"


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    return str(field.get("format") or field.get("type", ""))
