"""The database of `suya dev`: started again when it dies, but not without end."""

import time
from collections import deque

from app.base import clock
from app.base.process import tail
from app.devkit.dev.supervisor import DevError, say
from app.engine.database.embedded import EmbeddedPostgres, EmbeddedPostgresError

# What ends a server by accident, such as a machine short of memory, is over by then, for the pauses
# get longer; a full disk or damaged data, which end it each time, are not mended by more starts.
_STARTS_MAX = 5
_WITHIN_S = 60.0
_PAUSE_S = 0.2  # before the second start, and twice as long each time: three seconds in all
_LOG_BYTES_SHOWN = 16 * 1024
_LOG_LINES_SHOWN = 8


class DevDatabase:
    """The embedded server of this run, which is not given up at its first death."""

    def __init__(self, postgres: EmbeddedPostgres, within_s: float = _WITHIN_S) -> None:
        """Prepare to mend it; deaths within `within_s` of each other count together."""
        self.postgres = postgres
        self.within_s = within_s
        self._died_at: deque[float] = deque()

    def mend(self) -> None:
        """Start it again if it died, also where it dies while it starts; not without end.

        Raises:
            DevError: it keeps dying, or its starts fail, however long each takes for that.
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
        """Say what comes next, and wait for as long as that is to wait."""
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
