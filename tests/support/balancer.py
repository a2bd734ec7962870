"""HAProxy as it is shipped, in front of real processes of this test."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.support.processes import ApiProcess, free_port, get
from tests.support.vault import VaultProcess

FOLDER = Path(__file__).parents[2] / "deploy" / "haproxy"
READY_S = 30
_POLL_S = 0.02


def program(name: str, package: str) -> str:
    """The path of a program, or a visible skip that says what to install."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        pytest.skip(f"'{name}' is not on the PATH: install the package {package}")
    return path


def environ(**variables: object) -> dict[str, str]:
    """This process's environment with variables of the balancer: `api_1="127.0.0.1:8001"`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SUYA_")}
    return clean | {f"SUYA_{name.upper()}": str(value) for name, value in variables.items()}


class Balancer:
    """One HAProxy on the loopback."""

    config = "haproxy.cfg"
    listens = "listen_api"

    def __init__(self, apis: Sequence[ApiProcess], folder: Path, **variables: object) -> None:
        self.port, self.status_port = free_port(), free_port()
        self._log_path = folder / f"haproxy-{self.port}.log"
        self._environ = environ(
            listen_status=f"127.0.0.1:{self.status_port}",
            **{self.listens: f"127.0.0.1:{self.port}"},
            **{f"api_{n}": f"127.0.0.1:{api.port}" for n, api in enumerate(apis, 1)},
            **variables,
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of what is behind it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, servers: int, proxy: str = "api") -> Self:
        """Start it, and wait until it sees as many servers ready."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [program("haproxy", "haproxy"), "-db", "-f", str(FOLDER / self.config)],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_S
        while self.ready(proxy) < servers:
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(_POLL_S)
        return self

    def ready(self, proxy: str = "api") -> int:
        """How many servers it gives requests to."""
        name = f'haproxy_backend_active_servers{{proxy="{proxy}"}} '
        with contextlib.suppress(httpx.TransportError):
            for line in self.metrics().splitlines():
                if line.startswith(name):
                    return int(line.removeprefix(name))
        return 0

    def metrics(self) -> str:
        """What it tells Prometheus."""
        return get(f"http://127.0.0.1:{self.status_port}/metrics").text

    def log(self) -> str:
        """What it said."""
        return self._log_path.read_text("utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Door(Balancer):
    """The HAProxy in front of a vault."""

    config = "vault.cfg"
    listens = "listen_vault"

    def __init__(self, vault: VaultProcess, folder: Path, **variables: object) -> None:
        super().__init__([], folder, vault=f"127.0.0.1:{vault.port}", **variables)

    def open(self) -> Self:
        """Start it, and wait until it sees the vault ready."""
        return self.start(1, "vault")
