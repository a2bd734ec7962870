"""Three CockroachDB nodes, one per region, started as compose.yaml starts them."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

import httpx

from tests.support.balancer import program
from tests.support.processes import free_port, get

REGIONS = ("eu-central-1", "us-east-1", "ap-south-1")
INIT = Path(__file__).parents[2] / "deploy" / "cockroach" / "init"
READY_S = 90
_POLL_S = 0.1


class Node:
    """One node that keeps everything in memory."""

    def __init__(self, region: str, folder: Path) -> None:
        self.region = region
        self.sql, self.http = free_port(), free_port()
        self._folder = folder / region
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, join: str) -> None:
        """Start it as one of those listed in `join`."""
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(program("cockroach", "cockroach"), "start", "--insecure"),
                    *(f"--locality=region={self.region},zone=a", f"--join={join}"),
                    *("--store=type=mem,size=640MiB", "--cache=64MiB"),
                    *(f"--listen-addr=127.0.0.1:{self.sql}", f"--http-addr=127.0.0.1:{self.http}"),
                ],
                cwd=self._folder,
                env={**os.environ, "COCKROACH_SKIP_ENABLING_DIAGNOSTIC_REPORTING": "true"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def get(self, path: str) -> httpx.Response:
        """One answer of its HTTP port."""
        return get(f"http://127.0.0.1:{self.http}{path}")

    def is_ready(self) -> bool:
        """Whether it serves SQL."""
        with contextlib.suppress(httpx.TransportError):
            return self.get("/health?ready=1").status_code == 200
        return False

    def drain(self) -> None:
        """SIGTERM: it says that it is not ready, and ends when its connections have."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


class Nodes:
    """A cluster of three, initialized by the script that compose.yaml runs."""

    def __init__(self, folder: Path) -> None:
        self.all = [Node(region, folder) for region in REGIONS]

    def __enter__(self) -> Self:
        try:
            join = ",".join(f"127.0.0.1:{node.sql}" for node in self.all)
            for node in self.all:
                node.start(join)
            self.init()
            deadline = time.monotonic() + READY_S
            while not all(node.is_ready() for node in self.all):
                assert time.monotonic() < deadline, "the nodes do not get ready"
                time.sleep(_POLL_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.all:  # they keep nothing, so there is nothing to finish
            node.kill()

    def init(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run the script; it may be run as often as one likes."""
        host = {"COCKROACH_HOST": f"127.0.0.1:{self.all[0].sql}"}
        return subprocess.run(
            ["bash", INIT],
            env={**os.environ, **host, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_S,
        )
