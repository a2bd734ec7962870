"""A text planted in every place that a request of the OpenAPI document has."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

_KNOWN_KEY = "order-1"
_HEADERS = ("Idempotency-Key", "X-Request-Id", "Prefer", "User-Agent", "Accept", "Origin")


class Planted(NamedTuple):
    """One request with the text somewhere in it."""

    where: str
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes | None
    is_admin: bool


def planted(document: Mapping[str, Any], text: str, names: Mapping[str, str]) -> Iterator[Planted]:
    """Every request of the document with `text` in one place; `names` fills path parameters."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield from _of_operation(document, text, names, path, method, operation)


def _of_operation(
    document: Mapping[str, Any],
    text: str,
    names: Mapping[str, str],
    path: str,
    method: str,
    operation: Mapping[str, Any],
) -> Iterator[Planted]:
    label = f"{method.upper()} {path}"
    is_admin = {"admin": []} in operation["security"]
    good_path, body = path, _example(operation)
    for name in _parameters(operation, "path"):
        good_path = good_path.replace(f"{{{name}}}", names.get(name, name))
    headers = {"Idempotency-Key": _KNOWN_KEY, "Content-Type": "application/json"}
    content = None if body is None else msgspec.json.encode(body)

    def request(where: str, **changes: Any) -> Planted:
        whole = Planted(
            f"{label}: {where}", method.upper(), good_path, {}, headers, content, is_admin
        )
        return whole._replace(**changes)

    for name in _parameters(operation, "path"):
        for value in (text, f"{names.get(name, 'x_').partition('_')[0]}_{text}"):
            yield request(f"path {name}", path=path.replace(f"{{{name}}}", value))
    for name in (*_parameters(operation, "query"), "unknown", "metadata[card]"):
        yield request(f"query {name}", params={name: text})
    yield request("query name", params={text: "1"})
    for name in _HEADERS:
        yield request(f"header {name}", headers=headers | {name: text})
    if body is not None:
        for where, value in _bodies(document, operation, body, text):
            yield request(f"body {where}", content=msgspec.json.encode(value))
        yield request("no JSON", content=f"card={text}".encode())


def _parameters(operation: Mapping[str, Any], place: str) -> list[str]:
    return [one["name"] for one in operation["parameters"] if one["in"] == place]


def _example(operation: Mapping[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    return content.get("examples", {}).get("usual", {}).get("value", {})


def _bodies(
    document: Mapping[str, Any], operation: Mapping[str, Any], body: Any, text: str
) -> Iterator[tuple[str, Any]]:
    """The body with the text in each field it has, could have, and has not."""
    yield from _replaced(body, text)
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    is_many = "items" in schema
    reference = (schema["items"] if is_many else schema)["$ref"].rpartition("/")[2]
    fields = document["components"]["schemas"][reference].get("properties", {})
    one = body[0] if is_many else body
    for name in (*fields, "unknown", text):
        for value in (text, {"card": text}, {text: "card"}, [text]):
            more = one | {name: value}
            yield f"{name} as {type(value).__name__}", [more] if is_many else more


def _replaced(value: Any, text: str, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            for place, changed in _replaced(inner, text, f"{where}/{name}"):
                yield place, value | {name: changed}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for place, changed in _replaced(inner, text, f"{where}/{at}"):
                yield place, [*value[:at], changed, *value[at + 1 :]]
    else:
        yield where, text
        yield f"{where} among words", f"paid by {text}, thank you"
        if isinstance(value, int) and text.isdecimal():
            yield f"{where} as a number", int(text)
