"""HAProxy in front of services, with the configuration that is shipped."""

import contextlib
import http.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import app
from app.devkit.stack.caller import Caller, CallRefused
from app.devkit.stack.ports import free_port
from app.devkit.stack.process import Command, Launch, Process, find_program
from app.devkit.stack.services import Service, log_path

FOLDER = Path(app.__file__).parents[1] / "deploy" / "haproxy"
_ANSWER_S = 5.0  # it answers in milliseconds; after this a check is repeated


class Balancer(Process):
    """One HAProxy on the loopback, in front of apis."""

    launch: Launch = Command
    configuration: ClassVar[Path] = FOLDER / "haproxy.cfg"
    listens: ClassVar[str] = "listen_api"
    """The configuration's variable for the address on which HAProxy listens."""

    def __init__(
        self,
        services: Sequence[Service],
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        ports: tuple[int, int] | None = None,
    ) -> None:
        """Prepare HAProxy for services that have names in the configuration.

        Args:
            services: those behind it.
            folder: of its log.
            settings: other variables of the configuration, without SUYA_.
            ports: its own and that of its status; free ones if not given.
        """
        self.port, self.status_port = ports or (free_port(), free_port())
        behind = {f"api_{n}": f"127.0.0.1:{each.port}" for n, each in enumerate(services, 1)}
        given = {
            self.listens: f"127.0.0.1:{self.port}",
            "listen_status": f"127.0.0.1:{self.status_port}",
            **behind,
            **(settings or {}),
        }
        words = (find_program("haproxy") or "haproxy", "-db", "-f", str(self.configuration))
        name = f"haproxy {self.port}"
        super().__init__(words, log_path(folder, name), given, name=name)

    @property
    def url(self) -> str:
        """The URL at which clients reach the services."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, servers: int, proxy: str = "api") -> Self:
        """Start it, and wait until it sees as many servers ready as there are.

        Raises:
            DidNotStart: it does not.
        """
        self.spawn()
        self.wait_until(lambda: self.ready(proxy) >= servers)
        return self

    def ready(self, proxy: str = "api") -> int:
        """How many servers get requests, by the name of a part of its configuration."""
        name = f'haproxy_backend_active_servers{{proxy="{proxy}"}} '
        with contextlib.suppress(OSError, http.client.HTTPException, CallRefused):
            for line in self.metrics().splitlines():
                if line.startswith(name):
                    return int(line.removeprefix(name))
        return 0

    def metrics(self) -> str:
        """Its metrics, as Prometheus reads them."""
        return Caller("127.0.0.1", self.status_port, "", _ANSWER_S).text("/metrics")
