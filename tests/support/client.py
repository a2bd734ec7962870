"""The API as a client uses it: a key, JSON, and an Idempotency-Key on everything that writes."""

import json
from collections.abc import Mapping
from typing import Any, Self
from uuid import uuid4

import httpx

TIMEOUT_S = 60
FRESH = object()
"""Stands for an Idempotency-Key that nobody used before."""


class Api:
    """One caller of a running api.

    async with Api(process.url, secret) as api:
        answer = await api.post("/v1/payments", {...}, key="order-1")
    """

    def __init__(
        self, url: str, secret: str | None = None, client: httpx.AsyncClient | None = None
    ) -> None:
        self.url = url
        self.secret = secret
        self.client = client or httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT_S,
            trust_env=False,
            verify=False,  # noqa: S501 - plain HTTP to the loopback; loading certificates is slow
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=256),
        )

    def as_(self, secret: str | None) -> "Api":
        """Another caller over the same connections."""
        return Api(self.url, secret, self.client)

    async def get(
        self, path: str, params: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        """The answer to a question; headers are given as `x_request_id="a"`."""
        return await self.client.get(path, params=params, headers=self._headers(headers))

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: Any = FRESH,
        **headers: str,
    ) -> httpx.Response:
        """The answer to a command, under a fresh Idempotency-Key unless `key` gives one (or None).

        A body of bytes is sent as it is, anything else as JSON.
        """
        given = {"content_type": "application/json"} | headers
        if key is not None:
            given["idempotency_key"] = str(uuid4()) if key is FRESH else key
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return await self.client.post(path, content=content, headers=self._headers(given))

    async def request(self, method: str, path: str, **headers: str) -> httpx.Response:
        """The answer to any other method."""
        return await self.client.request(method, path, headers=self._headers(headers))

    async def all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Every object of a list, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = done(await self.get(path, {"limit": 100} | params))
            found += page["data"]
            if not page["has_more"]:
                return found
            params["starting_after"] = page.get("next_cursor") or found[-1]["id"]

    def _headers(self, given: Mapping[str, str]) -> httpx.Headers:
        headers = {name.replace("_", "-"): value for name, value in given.items()}
        if self.secret is not None:
            headers.setdefault("authorization", f"Bearer {self.secret}")
        return httpx.Headers(headers, encoding="latin-1")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()


def done(answer: httpx.Response, status: int | None = None) -> dict[str, Any]:
    """The object of an answer that must be good, and of this status if one is given."""
    expected = {200, 201} if status is None else {status}
    assert answer.status_code in expected, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer that must be this refusal."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = dict(answer.json())
    assert body["status"] == status
    assert body["type"] == f"/docs/errors#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["retry"] in {"never", "same_key", "new_key"}
    assert body["request_id"]
    return body
