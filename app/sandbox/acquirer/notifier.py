"""Notifications: signed, and sent until Suya answers 2xx; the outbox is in the sandbox's file.

Signatures are those of Standard Webhooks: HMAC-SHA256 over `id.timestamp.payload`. An id stays the
same in every attempt and every repetition.
"""

import asyncio
import base64
import contextlib
import hmac
from functools import partial

import aiohttp
import msgspec

from app.base import clock
from app.base.telemetry import describe, log
from app.sandbox.acquirer.store import Store, wall_ms
from app.sandbox.acquirer.unit import Unit

RETRY_S = (1, 2, 5, 10, 30, 60, 300, 900, 3600)
"""Pauses after failed attempts; the last one is repeated.

They are short at first, because a sandbox's receiver is more often being restarted than down.
"""

ATTEMPTS_MAX = 40  # a day and a half; then it waits for /sandbox/notifications/redeliver
CONCURRENCY = 16  # requests at a time: with more, the receiver's queue would be measured
PAGE = 64  # notifications looked up at a time
TIMEOUT_S = 15  # as Standard Webhooks advises
_SLEEP_S_MAX = 60.0
_KEY_BYTES = range(24, 65)
_PAUSE_S = 1.0  # after a failure in this process


class Secret:
    """The key that signs notifications."""

    def __init__(self, text: str) -> None:
        """Take `whsec_` and the base64 of 24 to 64 bytes, as Standard Webhooks says.

        Raises:
            ValueError: it is something else.
        """
        prefix, _, rest = text.partition("_")
        self._key = base64.b64decode(rest, validate=True)
        if prefix != "whsec" or len(self._key) not in _KEY_BYTES:
            raise ValueError("no secret of Standard Webhooks")

    def sign(self, webhook_id: str, timestamp: int, payload: str) -> str:
        """The value of the header webhook-signature."""
        text = f"{webhook_id}.{timestamp}.{payload}".encode()
        return "v1," + base64.b64encode(hmac.digest(self._key, text, "sha256")).decode()


class _Due(msgspec.Struct, frozen=True):
    """A notification that is to be sent."""

    row_id: int
    webhook_id: str
    payload: str
    copies: int
    attempts: int


class Notifier:
    """Sends what is due."""

    def __init__(self, store: Store, url: str, secret: Secret) -> None:
        self._store = store
        self._url = url
        self._secret = secret
        self._on_the_way: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(CONCURRENCY)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; those on their way then are sent again after the next start."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            while not stop.is_set():
                self._store.news.clear()
                try:
                    wait_s = await self._send_due(session)
                except Exception as error:  # noqa: BLE001 - a failed round must not end the rounds
                    log.error("notifications_failed", **describe(error))
                    wait_s = _PAUSE_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._store.news.wait()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send_due(self, session: aiohttp.ClientSession) -> float:
        """Begin to send what is due; returns the seconds until the next is due."""
        if self._store.faults.script.notifications.paused:
            return _SLEEP_S_MAX
        # Those on their way are still at the front of the outbox.
        limit = PAGE + len(self._on_the_way)
        parameters = {"now": wall_ms(), "limit": limit}
        # One that is answered while the outbox is being read may be in it as if it had not been
        # sent.
        known = set(self._on_the_way)
        rows = await self._store.list_rows("list_notifications_due", parameters)
        fresh = [due for due in (_Due(*row) for row in rows) if due.row_id not in known]
        for due in fresh:
            await self._free.acquire()
            self._on_the_way.add(due.row_id)
            task = asyncio.get_running_loop().create_task(self._send(session, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if fresh:
            return 0.0
        if self._on_the_way:
            return _SLEEP_S_MAX  # the first answer wakes this loop
        row = self._store.find("find_next_notification", {})
        return _SLEEP_S_MAX if row is None else min(_SLEEP_S_MAX, (row[0] - wall_ms()) / 1000)

    async def _send(self, session: aiohttp.ClientSession, due: _Due) -> None:
        """Send one, record the result, and repeat it as often as its record says."""
        try:
            received = await self._post(session, due)
            attempts, now_ms = due.attempts + 1, wall_ms()
            next_ms: int | None = None
            if not received and attempts < ATTEMPTS_MAX:
                next_ms = now_ms + 1000 * RETRY_S[min(due.attempts, len(RETRY_S) - 1)]
            if received:
                for _ in range(due.copies):
                    await self._post(session, due)
            row = (due.row_id, attempts, next_ms, now_ms if received else None)
            await self._store.run(partial(_note, row=row))
        except Exception as error:  # noqa: BLE001 - it stays in the outbox
            log.error("notification_failed", **describe(error))
        finally:
            self._on_the_way.discard(due.row_id)
            self._free.release()
            self._store.news.set()

    async def _post(self, session: aiohttp.ClientSession, due: _Due) -> bool:
        """Post it; returns whether it was received."""
        timestamp = int(clock.now().timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": due.webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": self._secret.sign(due.webhook_id, timestamp, due.payload),
        }
        try:
            async with session.post(
                self._url, data=due.payload.encode(), headers=headers, allow_redirects=False
            ) as answer:
                return answer.status // 100 == 2  # noqa: PLR2004 - a redirect is no receipt
        except (aiohttp.ClientError, TimeoutError):
            return False


def _note(unit: Unit, row: tuple[int, int, int | None, int | None]) -> None:
    unit.execute("update_notifications", {"rows": msgspec.json.encode([row]).decode()})
