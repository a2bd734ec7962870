"""A small HTTP client, with which tools call the processes that they start."""

import http.client
import json
from typing import Any
from uuid import uuid4

_TIMEOUT_S = 20.0  # a first request may meet a cold database


class CallRefused(Exception):
    """A process answered with an error; the message has its status and its sentence."""


class Caller:
    """Calls one process under one key, with a new connection for each request."""

    def __init__(self, host: str, port: int, key: str, timeout_s: float = _TIMEOUT_S) -> None:
        self._host = host
        self._port = port
        self._key = key
        self._timeout_s = timeout_s

    def get(self, path: str) -> dict[str, Any]:
        """GET the object at `path`.

        Raises:
            CallRefused: there is none for this key.
            OSError: nothing answers.
        """
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST, and return the object that was made.

        Raises:
            CallRefused: it was not made.
            OSError: nothing answers.
        """
        return self._call("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PUT, and return what is at `path` afterwards.

        Raises:
            CallRefused: it was not replaced.
            OSError: nothing answers.
        """
        return self._call("PUT", path, body)

    def is_ready(self, path: str = "/readyz") -> bool:
        """Whether the process serves requests now."""
        try:
            self._call("GET", path, None)
        except (CallRefused, OSError, http.client.HTTPException):
            return False
        return True

    def text(self, path: str) -> str:
        """GET the text at `path`.

        Raises:
            CallRefused: there is none for this key.
            OSError: nothing answers.
        """
        return self._ask("GET", path, None)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        text = self._ask(method, path, body)
        return dict(json.loads(text)) if text.startswith("{") else {}

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise CallRefused(f"{method} {path} was answered {answer.status}: {text[:500]}")
        return text
