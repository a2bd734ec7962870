"""The little of the HTTP API that `suya dev` uses itself."""

import http.client
import json
from typing import Any
from uuid import uuid4

_TIMEOUT_S = 20  # a first request may meet a cold database


class ApiRefused(Exception):
    """The api answered with an error; the message has its status and its sentence."""


class Api:
    """One caller of a running api."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._host = host
        self._port = port
        self._key = key

    def get(self, path: str) -> dict[str, Any]:
        """The object at `path`.

        Raises:
            ApiRefused: there is none for this key.
            OSError: nobody answers.
        """
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The object that was made.

        Raises:
            ApiRefused: it was not made.
            OSError: nobody answers.
        """
        return self._call("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What is at `path` after it was replaced.

        Raises:
            ApiRefused: it was not replaced.
            OSError: nobody answers.
        """
        return self._call("PUT", path, body)

    def is_ready(self, path: str = "/readyz") -> bool:
        """Whether the process serves requests now."""
        try:
            self._call("GET", path, None)
        except (ApiRefused, OSError, http.client.HTTPException):
            return False
        return True

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._key}"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ApiRefused(f"{method} {path} was answered {answer.status}: {text[:500]}")
        return dict(json.loads(text)) if text.startswith("{") else {}
