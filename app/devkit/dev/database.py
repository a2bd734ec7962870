"""The database of `suya dev`, which is restarted a limited number of times when it dies."""

import time
from collections import deque

from app.base import clock
from app.base.process import tail
from app.devkit.dev.supervisor import DevError, say
from app.engine.database.embedded import EmbeddedPostgres, EmbeddedPostgresError

# The pauses get longer, so that a passing cause, such as a machine short of memory, is over by
# then. A full disk or damaged data end the server each time; more starts do not help.
_STARTS_MAX = 5
_WITHIN_S = 60.0
_PAUSE_S = 0.2  # before the second start, and twice as long each time: three seconds in all
_LOG_BYTES_SHOWN = 16 * 1024
_LOG_LINES_SHOWN = 8


class DevDatabase:
    """The embedded server of this run."""

    def __init__(self, postgres: EmbeddedPostgres, within_s: float = _WITHIN_S) -> None:
        """Prepare to restart it; deaths within `within_s` of each other count together."""
        self.postgres = postgres
        self.within_s = within_s
        self._died_at: deque[float] = deque()

    def mend(self) -> None:
        """Restart it if it died, also if it dies while it starts; a limited number of times.

        Raises:
            DevError: it keeps dying, or its starts fail, however long each takes.
        """
        failed = 0
        while not self.postgres.is_running():
            self._note_death()
            try:
                self.postgres.start()
            except EmbeddedPostgresError as error:
                say(str(error))
                failed += 1
                if failed == _STARTS_MAX:
                    raise DevError(self._given_up(f"could not start {failed} times")) from None

    def _note_death(self) -> None:
        """Announce the restart, and wait for the pause."""
        now = clock.monotonic()
        while self._died_at and now - self._died_at[0] > self.within_s:
            self._died_at.popleft()
        self._died_at.append(now)
        deaths = len(self._died_at)
        if deaths > _STARTS_MAX:
            raise DevError(self._given_up(f"died {deaths} times within {self.within_s:g} s"))
        if deaths == 1:
            say("database died; starting it again, it recovers what was committed")
            return
        pause_s = _PAUSE_S * 2 ** (deaths - 2)
        say(
            f"database died; starting it again in {pause_s:g} s "
            f"({deaths} of at most {_STARTS_MAX} times within {self.within_s:g} s)"
        )
        time.sleep(pause_s)

    def _given_up(self, why: str) -> str:
        return (
            f"The database {why} and is left alone. "
            f"Its data stay; {self.postgres.log_path} ends:\n{self._last_words()}"
        )

    def _last_words(self) -> str:
        path = self.postgres.log_path
        if not path.exists():
            return ""
        return tail(path, max(0, path.stat().st_size - _LOG_BYTES_SHOWN), _LOG_LINES_SHOWN)
