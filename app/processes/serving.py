"""The HTTP server around the application."""

import functools
import math
import os
import signal
from types import FrameType
from typing import Any

import uvloop
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.log import LogLevels

from app.base.process import check_port, collect_seldom, end_with_parent
from app.base.settings import Settings
from app.engine.database import Database
from app.engine.database.checks import check

# Connections that may wait in the kernel, and requests that may be in hand at a time. A request has
# at least one command, so the queue's own limit is reached long before; that one answers 503.
_BACKLOG = 2048
_END_S = 1  # time after the drain: closing connections, writing the last log lines


def serve(settings: Settings) -> None:
    """Serve until stopped, then finish the work in hand.

    SIGTERM first gives load balancers `drain_notice_ms` to notice; SIGINT (Ctrl-C), or a second
    SIGTERM, skips that wait.

    Raises:
        PortUnusable: something else listens there.
        DatabaseUnreachable, UnfitDatabase: the database is not one to serve on.
    """
    check_port(settings.host, settings.port)
    uvloop.run(_check_database(settings))
    server = Granian(
        target="app.processes.api:create_app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,  # a process has one group commit; for more throughput run more processes
        backlog=_BACKLOG,
        log_level=LogLevels.warning,
        workers_kill_timeout=math.ceil(
            (settings.drain_notice_ms + settings.drain_timeout_ms) / 1000 + _END_S
        ),
    )
    server.on_startup(functools.partial(_take_signals, server))
    # A child process answers the requests; it must not outlive this one.
    server.serve(target_loader=functools.partial(_load, os.getpid()), wrap_loader=False)


def _take_signals(server: Any) -> None:
    """Forward SIGTERM and SIGINT to the child process that answers requests."""

    def stop(sign: int, frame: FrameType | None) -> None:
        if sign == signal.SIGINT or server.interrupt_signal:
            for worker in server.wrks:
                os.kill(worker.inner.pid, signal.SIGINT)
        # The server forwards the first signal of either kind as SIGTERM.
        server.signal_handler_interrupt(sign, frame)

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)


def _load(server_pid: int) -> Any:
    """Load the application in the child process, which ends with its parent."""
    end_with_parent(server_pid, signal.SIGKILL)
    from app.processes.api import create_app  # noqa: PLC0415 - the child alone needs it

    application = create_app()
    collect_seldom()
    return application


async def _check_database(settings: Settings) -> None:
    """Check the database before the child starts, where a failure would be a traceback."""
    async with Database.open(settings) as database:
        await check(database)
