"""HAProxy in front of the api processes, with the configuration that is shipped."""

from collections.abc import Sequence
from pathlib import Path

import app
from app.devkit.chaos.processes import Service, free_port, program, wait_until_ready

CONFIGURATION = Path(app.__file__).parents[1] / "deploy" / "haproxy" / "haproxy.cfg"
_BACKENDS_MAX = 3  # as many as the configuration has names for


def why_not() -> str:
    """Why there is no balancer here; empty if there is one."""
    if program("haproxy") is None:
        return "haproxy is not installed"
    if not CONFIGURATION.exists():
        return f"{CONFIGURATION} is not there (it comes with the repository)"
    return ""


class Balancer:
    """One HAProxy on the loopback."""

    def __init__(self, ports: Sequence[int], folder: Path) -> None:
        """Prepare it for the api processes on `ports`."""
        assert len(ports) <= _BACKENDS_MAX
        self.port = free_port()
        variables = {
            "SUYA_LISTEN_API": f"127.0.0.1:{self.port}",
            "SUYA_LISTEN_STATUS": f"127.0.0.1:{free_port()}",
        }
        variables |= {f"SUYA_API_{n}": f"127.0.0.1:{port}" for n, port in enumerate(ports, 1)}
        command = [program("haproxy") or "haproxy", "-db", "-f", str(CONFIGURATION)]
        self._service = Service("haproxy", command, variables, folder)

    @property
    def address(self) -> str:
        """Where clients reach whichever api serves."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run it, and wait until it finds an api.

        Raises:
            NotReady: it does not.
        """
        self._service.spawn()
        wait_until_ready(self._service, self.port)

    def stop(self) -> None:
        """End it."""
        self._service.kill()
