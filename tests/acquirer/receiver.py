"""A receiver of the sandbox's notifications: keeps them, and answers as a test wants."""

import base64
import contextlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from tests.support.acquirer import SECRET

WAIT_S = 30  # a notification comes within milliseconds; a busy machine takes its time


class Delivery(NamedTuple):
    """One received request."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The notification's id, which its repetitions share."""
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        """Its content."""
        told: dict[str, Any] = json.loads(self.body)
        return told

    def is_signed(self) -> bool:
        """Whether its signature is right, by Standard Webhooks' text and not by Suya's code."""
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = b".".join(
            [self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body]
        )
        wanted = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return self.headers["webhook-signature"] == f"v1,{wanted}"


class Receiver:
    """A server on the loopback, in a thread."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.statuses: list[int] = []
        """What the next requests are answered; 204 when there are none left."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.deliveries.append(Delivery(headers, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """The URL for notifications."""
        return f"http://127.0.0.1:{self._server.server_port}/v1/notifications/acquirer"

    def about(self, reference: str) -> list[Delivery]:
        """The notifications about one object, or about what belongs to it, in order."""
        return [
            delivery
            for delivery in list(self.deliveries)
            if reference in delivery.told["data"].values()
        ]

    def wait(self, reference: str, count: int = 1) -> list[Delivery]:
        """Wait for a number of notifications about one object."""
        deadline = time.monotonic() + WAIT_S
        while len(came := self.about(reference)) < count:
            assert time.monotonic() < deadline, [delivery.told for delivery in came]
            time.sleep(0.01)
        return came

    def wait_for(self, reference: str, count: int) -> list[Delivery]:
        """Wait for a number of different notifications about one object.

        Repetitions are left out.
        """
        deadline = time.monotonic() + WAIT_S
        while True:
            came = {d.id: d for d in reversed(self.about(reference))}
            if len(came) >= count:
                return list(reversed(came.values()))
            assert time.monotonic() < deadline, [delivery.told for delivery in came.values()]
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown()
        self._server.server_close()
        self._thread.join()
