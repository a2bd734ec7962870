"""Faults of the acquirer (slow, dead or wrong), and of a worker while flows are open.

The acquirer has a script of faults (docs/sandbox.md); an empty script heals it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.devkit.chaos.plan import Injection
from app.devkit.chaos.rails import Rails
from app.devkit.chaos.targets import Target, finish

_SLOW_MS = 5_000  # longer than the run's processes wait
_OPEN_MS = 800  # long enough for flows to be open, short enough that no request gives up
_LYING_SHARE = 0.5
_LOST_SHARE = 0.2  # so that some flows are left to the worker, which dies
_LIES = [
    *("500_after", "timeout_after", "drop_after"),  # done, but without an answer
    *("500_before", "timeout_before", "drop_before"),  # not done, and without an answer
]
_NOTIFICATIONS = {"copies": 2, "reorder_ms": 700, "delay_ms": 100}


@asynccontextmanager
async def acquirer_slow(target: Target, _: Injection) -> AsyncIterator[str]:
    """Every answer comes late; the request is carried out at once."""
    rails = _rails(target)
    try:
        await finish(lambda: rails.script(latency_ms=_SLOW_MS))
        yield f"{_SLOW_MS / 1000:.0f} s"
    finally:
        await finish(rails.script)


@asynccontextmanager
async def acquirer_down(target: Target, injection: Injection) -> AsyncIterator[str]:
    """It is dead, or breaks every connection."""
    rails = _rails(target)
    if injection.chance % 2:
        try:
            await finish(rails.acquirer.kill)
            yield "killed"
        finally:
            await finish(rails.acquirer.start)
        return
    try:
        await finish(lambda: rails.script(down=True))
        yield "hangs up"
    finally:
        await finish(rails.script)


@asynccontextmanager
async def acquirer_lies(target: Target, injection: Injection) -> AsyncIterator[str]:
    """Answers are lost or wrong, and notifications come twice and out of order."""
    rails = _rails(target)
    try:
        await finish(
            lambda: rails.script(
                error_rate=_LYING_SHARE,
                error_faults=_LIES,
                seed=injection.chance,
                notifications=_NOTIFICATIONS,
                notify_all=True,
            )
        )
        yield f"{_LYING_SHARE:.0%} of all requests"
    finally:
        await finish(rails.script)


@asynccontextmanager
async def worker_kill(target: Target, injection: Injection) -> AsyncIterator[str]:
    """The worker and an api die while a slow acquirer keeps flows open."""
    rails, worker = _rails(target), target.worker
    assert worker is not None
    api = target.apis[injection.chance % len(target.apis)]

    def kill() -> None:
        worker.kill()
        api.kill()

    def start() -> None:
        worker.spawn()
        api.start()

    try:
        slow = {"latency_ms": _OPEN_MS, "error_rate": _LOST_SHARE, "error_faults": _LIES}
        await finish(lambda: rails.script(**slow))
        await asyncio.sleep(_OPEN_MS / 1000)  # by now flows of every age are open
        try:
            await finish(kill)
            yield f"worker and {api.name}"
        finally:
            await finish(start)
    finally:
        await finish(rails.script)


def _rails(target: Target) -> Rails:
    assert target.rails is not None
    return target.rails
