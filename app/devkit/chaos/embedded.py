"""The embedded PostgreSQL as a target."""

import signal
from pathlib import Path
from typing import ClassVar

from app.devkit.chaos.rails import Rails
from app.devkit.chaos.targets import LocalTarget, Options, TargetKind
from app.engine.database.embedded import EmbeddedPostgres


class EmbeddedTarget(LocalTarget):
    """An embedded PostgreSQL with its data in the run's folder."""

    kind: ClassVar = TargetKind.EMBEDDED
    heal_s: ClassVar = 60.0  # a start takes 2 s, a recovery of small data less
    request_s: ClassVar = 60.0  # longer than any fault lasts

    def __init__(self, folder: Path, options: Options) -> None:
        super().__init__(folder, options)
        self.postgres = EmbeddedPostgres(folder / "home")

    @property
    def database_url(self) -> str:
        """The URL of its socket."""
        return self.postgres.url

    def kill_database(self) -> None:
        """SIGKILL to all of it."""
        self.postgres.kill()

    def start_database(self) -> None:
        """Start it again, and wait for its recovery."""
        self.postgres.start()

    def stop_database(self) -> None:
        """End it in order, as for an update."""
        self.postgres.stop()

    def pause_database(self) -> None:
        """Pause all of it (SIGSTOP)."""
        self.postgres.send_signal(signal.SIGSTOP)

    def resume_database(self) -> None:
        """Resume all of it (SIGCONT)."""
        self.postgres.send_signal(signal.SIGCONT)

    def _make_rails(self) -> Rails:
        return Rails(self.postgres.vault_url, self.folder)

    def _start_database(self) -> None:
        (self.folder / "home").mkdir(mode=0o700, exist_ok=True)
        self.postgres.start()

    def _stop_database(self) -> None:
        self.postgres.kill()
