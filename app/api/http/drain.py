"""The way out: /readyz fails first, and balancers are served until they have noticed."""

import asyncio
import os
import signal

from app.api.http.services import Services
from app.base.telemetry import log


def begin_on_sigterm(services: Services) -> None:
    """Let SIGTERM mean: not ready any more, and after the notice what SIGINT means, the end.

    The server around the application has taken both signals before, for the end at once; so SIGINT,
    with which we then go on ourselves, hurries at any time.
    """
    loop = asyncio.get_running_loop()

    def begin() -> None:
        # Some supervisors signal the whole group, and the server passes its signal on: one is two.
        if services.draining:
            return
        services.draining = True
        log.info("draining", notice_ms=services.settings.drain_notice_ms)
        notice_s = services.settings.drain_notice_ms / 1000
        loop.call_later(notice_s, os.kill, os.getpid(), signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, begin)
