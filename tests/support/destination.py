"""A processor as the vault sees it: a server that keeps what it got and does what its path says."""

import http.server
import threading
import time
from typing import Any, NamedTuple, Self


class Got(NamedTuple):
    """One request that arrived."""

    path: str
    headers: dict[str, str]
    body: str


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Whoever did not wait for the answer is nobody's worry."""


class Destination:
    """`/slow` answers late, `/drop` never, `/echo` with what it got; any other path with 200."""

    SLOW_S = 2.0  # far beyond the time the tests give it

    def __init__(self) -> None:
        got: list[Got] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                got.append(Got(self.path, headers, body))
                if self.path == "/drop":
                    self.close_connection = True
                    return
                if self.path == "/slow":
                    time.sleep(Destination.SLOW_S)
                self._answer(body if self.path == "/echo" else '{"approved": true}')

            def _answer(self, text: str) -> None:
                self.send_response(302 if self.path == "/elsewhere" else 200)
                self.send_header("location", "/echo")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
