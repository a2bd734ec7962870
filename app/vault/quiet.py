"""An HTTP server that says nothing of what it cannot read: a card number may stand in it."""

import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

_KEEPALIVE_S = 75.0  # longer than callers keep theirs, so that they hang up and not we
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
        """The answer to what is no HTTP: the library's own would quote it."""
        del request, exc, message
        self.force_close()
        return web.Response(status=status)


class QuietServer(web.Server):
    """aiohttp's server without its log, which quotes what it could not read."""

    def __call__(self) -> RequestHandler:
        """The handler of a new connection."""
        options: dict[str, Any] = {
            "access_log": None,  # it would be a second line for each request
            "logger": _SILENT,
            "keepalive_timeout": _KEEPALIVE_S,
        }
        return _QuietHandler(self, loop=self._loop, **options)
