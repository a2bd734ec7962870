"""Three CockroachDB nodes, one per region, started as compose.yaml starts them."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

import httpx

from app.devkit.stack import MemoryNode
from tests.support.balancer import program
from tests.support.processes import free_port, get

REGIONS = ("eu-central-1", "us-east-1", "ap-south-1")
INIT = Path(__file__).parents[2] / "deploy" / "cockroach" / "init"
READY_S = 90


class Node(MemoryNode):
    """One of the three."""

    def __init__(self, region: str, folder: Path) -> None:
        super().__init__(
            program("cockroach", "cockroach"),
            folder / region,
            f"region={region},zone=a",
            size="640MiB",
            ports=(free_port(), free_port()),
            options=["--cache=64MiB"],
        )

    def get(self, path: str) -> httpx.Response:
        """One answer of its HTTP port."""
        return get(f"http://127.0.0.1:{self.http}{path}")

    def drain(self) -> None:
        """SIGTERM: it says that it is not ready, and ends when its connections have."""
        self.send_to_first(signal.SIGTERM)


class Nodes:
    """A cluster of three, initialized by the script that compose.yaml runs."""

    def __init__(self, folder: Path) -> None:
        self.all = [Node(region, folder) for region in REGIONS]

    def __enter__(self) -> Self:
        try:
            for node in self.all:
                node.join(self.all)
                node.spawn()
            self.init()
            for node in self.all:
                node.wait_until(node.is_ready, READY_S)
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
