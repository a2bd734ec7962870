"""An HTTP server that never quotes a malformed request, which may contain a card number."""

import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

# Longer than callers keep connections, so that callers close them and not the vault.
_KEEPALIVE_S = 75.0
_SILENT = logging.getLogger("app.vault.quiet")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class _QuietHandler(RequestHandler):
    """One connection."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a malformed request without a text: the library's own would quote the request."""
        del request, exc, message
        response = web.Response(status=status)
        response.force_close()
        return response


class QuietServer(web.Server):
    """aiohttp's server without its log, which quotes malformed requests."""

    def __call__(self) -> RequestHandler:
        """The handler of a new connection."""
        options: dict[str, Any] = {
            "access_log": None,  # it would be a second line for each request
            "logger": _SILENT,
            "keepalive_timeout": _KEEPALIVE_S,
            "auto_decompress": False,  # a few bytes could become as many as there is memory
        }
        return _QuietHandler(self, loop=self._loop, **options)
