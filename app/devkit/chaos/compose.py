"""A running cluster of containers as a target, controlled by `docker compose`."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

from app.base import clock
from app.base.settings import Settings
from app.devkit.chaos.targets import CannotRun, Target, TargetKind, finish
from app.devkit.stack import DidNotStart, Launch, find_program

_COMMAND_S = 120  # a stop waits for its grace period, the longest of which is a minute
_POLL_S = 0.5
_WHOLE_S = 180  # a node catches up with what it missed


class Compose:
    """`docker compose` on one project."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def command(self, *words: str) -> list[str]:
        """The full command line for these arguments."""
        return [find_program("docker") or "docker", "compose", "--file", str(self.file), *words]

    def run(self, *words: str) -> str:
        """Run a command; returns its output.

        Raises:
            CannotRun: it failed; the message is its last line.
        """
        done = subprocess.run(  # noqa: S603 - our own words
            self.command(*words), check=False, capture_output=True, text=True, timeout=_COMMAND_S
        )
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise CannotRun(f"docker compose {' '.join(words)}: {said}")
        return done.stdout

    def services(self, prefix: str) -> list[str]:
        """The running services whose names begin so, in order."""
        running = self.run("ps", "--services", "--filter", "status=running").split()
        return sorted(name for name in running if name.startswith(prefix))

    def health(self, service: str) -> str:
        """`healthy`, `starting` ...; empty where there is no container."""
        lines = self.run("ps", "--all", "--format", "json", service).splitlines()
        found: list[dict[str, Any]] = [json.loads(line) for line in lines if line]
        return str(found[0].get("Health", "")) if found else ""


class Container:
    """One service as a process that can be broken."""

    def __init__(self, compose: Compose, name: str) -> None:
        self._compose = compose
        self.name = name

    def kill(self) -> None:
        """Kill it (SIGKILL). A container that was killed by command is not restarted by itself."""
        self._compose.run("kill", "--signal", "SIGKILL", self.name)

    def stop(self) -> None:
        """End it in order."""
        self._compose.run("stop", self.name)

    def start(self, launch: Launch | None = None, /) -> None:
        """Start it again and wait until it is healthy.

        Raises:
            DidNotStart: it is not in time.
        """
        assert launch is None
        self._compose.run("start", self.name)
        deadline = clock.monotonic() + _WHOLE_S
        while self._compose.health(self.name) not in {"healthy", ""}:
            if clock.monotonic() > deadline:
                raise DidNotStart(f"{self.name} did not become healthy")
            time.sleep(_POLL_S)

    def pause(self) -> None:
        """Freeze it."""
        self._compose.run("pause", self.name)

    def resume(self) -> None:
        """Thaw it."""
        self._compose.run("unpause", self.name)


class ContainerNodes:
    """The services `cockroach-<region>-<number>`."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self._names = compose.services("cockroach-")

    def regions(self) -> dict[str, str]:
        """Node -> region."""
        return {name: name.split("-")[1] for name in self._names}

    def kill(self, name: str) -> None:
        """SIGKILL."""
        Container(self._compose, name).kill()

    def stop(self, name: str) -> None:
        """End it in order."""
        Container(self._compose, name).stop()

    def start(self, name: str) -> None:
        Container(self._compose, name).start()

    def pause(self, name: str) -> None:
        """Freeze it."""
        Container(self._compose, name).pause()

    def resume(self, name: str) -> None:
        """Thaw it."""
        Container(self._compose, name).resume()

    def leaseholder(self) -> str:
        """Not known from outside; no scenario asks for it here."""
        raise CannotRun("which container has a lease is not known from outside")

    def wait_until_whole(self) -> None:
        """Wait until all nodes are healthy again.

        Raises:
            DidNotStart: one is not in time.
        """
        deadline = clock.monotonic() + _WHOLE_S
        while any(self._compose.health(name) != "healthy" for name in self._names):
            if clock.monotonic() > deadline:
                raise DidNotStart("not all nodes became healthy again")
            time.sleep(_POLL_S)


class ComposeTarget(Target):
    """What `docker compose up` has started. It goes on afterwards, with the data of the run.

    The address, the admin key and the database are those of this process's settings.
    """

    kind: ClassVar = TargetKind.COMPOSE
    heal_s: ClassVar = 240.0
    request_s: ClassVar = 90.0

    def __init__(self, file: Path, settings: Settings) -> None:
        self._compose = Compose(file)
        self._settings = settings

    @property
    def admin_key(self) -> str:
        """From SUYA_ADMIN_KEY."""
        if self._settings.admin_key is None:
            raise CannotRun("Give the cluster's admin key by SUYA_ADMIN_KEY.")
        return self._settings.admin_key.get_secret_value()

    @property
    def addresses(self) -> list[str]:
        """From SUYA_HOST and SUYA_PORT: the balancer's."""
        return [f"http://{self._settings.host}:{self._settings.port}"]

    @property
    def database_url(self) -> str:
        """From SUYA_DATABASE_URL."""
        if self._settings.database_url is None:
            raise CannotRun("Name the cluster's database by SUYA_DATABASE_URL, for the checks.")
        return self._settings.database_url.get_secret_value()

    async def start(self) -> None:
        """Find the running services.

        Raises:
            CannotRun: none runs.
        """
        _ = self.admin_key, self.database_url
        names = await finish(lambda: self._compose.services("api-"))
        if not names:
            raise CannotRun(f"No service api-... of {self._compose.file} runs: start it first.")
        self.apis = [Container(self._compose, name) for name in names]
        self.nodes = await finish(lambda: ContainerNodes(self._compose))

    async def stop(self) -> None:
        """Leave it running, because the run did not start it."""
