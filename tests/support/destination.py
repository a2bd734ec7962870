"""A processor as the vault sees it: a server that keeps what it got and does what a test says."""

import http.server
import threading
import time
from typing import Any, NamedTuple, Self

APPROVED = '{"approved": true}'
KEY = "key-of-the-processor-of-the-tests"


class Got(NamedTuple):
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: str


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Whoever did not wait for the answer is nobody's worry."""


class Destination:
    """What it does is `how`: `slow` answers late, `drop` never, `echo` with what it got.

    `elsewhere` redirects, anything else is the text of its answer.
    """

    SLOW_S = 2.0  # far beyond the time the tests give it

    def __init__(self) -> None:
        got: list[Got] = []
        self.how = APPROVED
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                got.append(Got(self.path, headers, body))
                if outer.how == "drop":
                    self.close_connection = True
                    return
                if outer.how == "slow":
                    time.sleep(Destination.SLOW_S)
                self._answer(body if outer.how == "echo" else outer.how)

            def _answer(self, text: str) -> None:
                self.send_response(302 if outer.how == "elsewhere" else 200)
                self.send_header("location", "/echo")
                self.send_header("content-type", "application/json")
                self.send_header("x-unread", "yes")
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.got = got
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def settings_of_vault(self) -> dict[str, str]:
        """What a vault is told, so that it takes this for both processors."""
        return {
            f"vault_{name}_{what}": value
            for name in ("acquirer", "stripe")
            for what, value in (("url", self.url), ("key", KEY))
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
