"""The acquirer's process, from its settings to its end."""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

from aiohttp import web

from app.base import clock
from app.base.process import check_port, collect_seldom, exclusive_lock
from app.base.settings import Settings
from app.base.telemetry import configure_logging, log
from app.sandbox.acquirer import control, files, handlers, page, timers
from app.sandbox.acquirer.faults import Faults, Script
from app.sandbox.acquirer.notifier import Notifier, Secret
from app.sandbox.acquirer.site import Site
from app.sandbox.acquirer.store import Store

_BACKLOG = 2048  # connections that may wait in the kernel
_SHUTDOWN_S = 1.0  # for answers on their way; those that are held back are dropped
# A process that was told to stop ends within a second, and later on a busy machine.
_HANDOVER_S = 5.0
_POLL_S = 0.05
_KEEPALIVE_S = 75.0  # longer than clients keep idle connections, so that they close them and not we


class AcquirerError(Exception):
    """The sandbox cannot run; the message is the sentence that the user sees."""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        AcquirerError: a setting is missing, this is production, or another process has the file.
        PortUnusable: something else listens there.
    """
    key, secret = _check(settings)
    configure_logging(settings)
    # aiohttp would quote requests that it cannot parse, and with them card numbers.
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL + 1)
    path = settings.acquirer_file or settings.home / "acquirer.sqlite"
    lock = await _take_over(path)
    check_port(settings.acquirer_host, settings.acquirer_port, "--port or SUYA_ACQUIRER_PORT")
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    with lock:
        async with AsyncExitStack() as stack:
            faults = Faults(Script(latency_ms=settings.acquirer_latency_ms))
            store = Store(path, faults)
            stack.push_async_callback(store.close)
            rounds = [timers.run(store, stop)]
            if settings.acquirer_notify_url is not None and secret is not None:
                rounds.append(Notifier(store, settings.acquirer_notify_url, secret).run(stop))
            tasks = [asyncio.create_task(one) for one in rounds]
            await _listen(stack, settings, _make_app(settings, store, faults, key))
            collect_seldom()
            log.info("started", process="acquirer", port=settings.acquirer_port)
            await stop.wait()
            for event in (store.timers, store.news):
                event.set()
            await asyncio.gather(*tasks)
    log.info("stopped", process="acquirer")


async def _take_over(path: Path) -> IO[str]:
    """Lock the file; waits for an acquirer that is just ending."""
    deadline = clock.monotonic() + _HANDOVER_S
    while (lock := exclusive_lock(path.with_name(f"{path.name}.lock"))) is None:
        if clock.monotonic() > deadline:
            raise AcquirerError(f"Another acquirer has {path}; stop it, or choose another file.")
        await asyncio.sleep(_POLL_S)
    return lock


def _check(settings: Settings) -> tuple[str, Secret | None]:
    """The secrets of the settings.

    Raises:
        AcquirerError: one is missing or malformed, or this is production.
    """
    if settings.environment == "production":
        raise AcquirerError("The acquirer is a sandbox; it does not run in production.")
    if settings.acquirer_key is None:
        raise AcquirerError("The acquirer needs a key: set SUYA_ACQUIRER_KEY.")
    secret = settings.acquirer_notification_secret
    if settings.acquirer_notify_url is not None and secret is None:
        raise AcquirerError(
            "The acquirer signs what it sends: set SUYA_ACQUIRER_NOTIFICATION_SECRET."
        )
    key = settings.acquirer_key.get_secret_value()
    if secret is None:
        return key, None
    try:
        return key, Secret(secret.get_secret_value())
    except ValueError:
        raise AcquirerError(
            "SUYA_ACQUIRER_NOTIFICATION_SECRET is not whsec_ and the base64 of 24 to 64 bytes."
        ) from None


def _make_app(settings: Settings, store: Store, faults: Faults, key: str) -> web.Application:
    page_url = settings.acquirer_public_url or (
        f"http://{settings.acquirer_host}:{settings.acquirer_port}"
    )
    site = Site(store, faults, key=key, page_url=page_url.rstrip("/"))
    return site.make_app([*handlers.ROUTES, *files.ROUTES, *control.ROUTES, *page.ROUTES])


async def _listen(stack: AsyncExitStack, settings: Settings, app: web.Application) -> None:
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=_KEEPALIVE_S, shutdown_timeout=_SHUTDOWN_S
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listener = web.TCPSite(runner, settings.acquirer_host, settings.acquirer_port, backlog=_BACKLOG)
    await listener.start()
